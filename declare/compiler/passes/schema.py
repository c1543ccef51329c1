"""Schema: the tree becomes strict blocks, with holes where a value failed."""

from collections.abc import Iterator

from declare.compiler.diagnose.locate import diagnose
from declare.compiler.reports import Assumption, Note, Reports, Retraction, Skip, catch
from declare.compiler.stages import ParsedSpec, ReadSpec
from declare.diagnostics.diagnostic import Diagnostic
from declare.language.read_spec import check
from declare.language.rewriting import rewritten
from declare.language.spec import Spec
from declare.parsing.poison import POISON

_ROUNDS = 8
"""How often a spec is read again with what was surely meant: a slip in a block may hide others inside of it."""


def run(stage: ParsedSpec) -> Reports[ReadSpec]:
    """Read the spec; yield every key and value that is wrong."""
    unreadable = ReadSpec(POISON, stage.document, {}, stage.wrong_parts)
    return (yield from catch(_read_spec(stage), unreadable))


def _read_spec(stage: ParsedSpec) -> Reports[ReadSpec]:
    """Return the spec with what is surely meant in place of what is wrong.

    If nothing else can be meant, later passes see the spec as if it were written so: one mistake hides no other.
    """
    diagnostics: dict[tuple[str, str], Diagnostic] = {}
    document = stage.document
    for _ in range(_ROUNDS):
        spec, problems, untyped, names = check(document, stage.trust)
        diagnostics |= {(item.at, item.code): diagnose(item, document) for item in problems}
        repairs = [
            (item.at, item.rewrites[0]) for item in problems if item.rewrites and item.rewrites[0].is_assumed
        ]
        for at, rewrite in repairs:
            is_value = rewrite.key is None and rewrite.to is None
            yield Assumption(at, rewrite.path if is_value else None)
        before, document = document, rewritten(document, [rewrite for _, rewrite in repairs])
        if document is before:
            break
    yield Retraction("SYN003", [document.span(path) for path in names])
    if spec is POISON:
        yield Skip("")
    else:
        yield Note(", ".join(f"{count} {section}" for section, count in _sizes(spec)))
    yield from diagnostics.values()
    return ReadSpec(spec, document, untyped, stage.wrong_parts)


def _sizes(spec: Spec) -> Iterator[tuple[str, int]]:
    for section in ("datasets", "model", "tasks", "phases"):
        blocks = getattr(spec, section)
        if blocks is not POISON:
            yield section, len(blocks)
