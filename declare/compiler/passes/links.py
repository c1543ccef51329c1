"""Links: fields take their shapes through the transforms, tasks take their targets from the data."""

from declare.compiler.graph.field_shapes import with_field_shapes
from declare.compiler.graph.targets import link_targets
from declare.compiler.reports import Note, Reports
from declare.compiler.stages import LinkedSpec, NamedSpec


def run(stage: NamedSpec) -> Reports[LinkedSpec]:
    """Yield transforms that do not fit, and targets that no head could be made for."""
    linked = yield from link_targets((yield from with_field_shapes(stage)))
    for task, target in linked.targets.items():
        yield Note(f"task `{task}` needs {target.output}")
    return linked
