"""Names: references within the spec, as far as it defines them."""

from declare.compiler.names.fields import clashes, field_references, stated_fields
from declare.compiler.names.inputs import input_references
from declare.compiler.names.references import references
from declare.compiler.names.unsupported import not_yet
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import ReadSpec
from declare.parsing.poison import POISON


def run(stage: ReadSpec) -> Reports[ReadSpec]:
    """Yield unknown, clashing and circular names, and what this version cannot do yet."""
    for section in ("datasets", "model", "tasks", "phases"):
        if getattr(stage.spec, section) is POISON:
            yield Skip(section)
    yield from references(stage)
    known = stated_fields(stage)
    yield from field_references(stage, known)
    yield from clashes(stage, known)
    yield from input_references(stage, known)
    yield from not_yet(stage.spec)
    return stage
