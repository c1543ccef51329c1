"""Schema: the tree becomes strict blocks, with holes where a value failed."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.diagnose.locate import diagnose
from declare.compiler.state import State
from declare.diagnostics.diagnostic import Diagnostic
from declare.language.read_spec import check
from declare.language.rewriting import rewritten
from declare.reading.poison import POISON

_ROUNDS = 8
"""How often a spec is read again with what was surely meant: a slip in a block may hide others inside of it."""


def run(state: State) -> Iterator[Diagnostic]:
    """Read the spec; yield every key and value that is wrong.

    Where nothing else can be meant, later passes see the spec as if it were written so: one mistake hides no other.
    """
    found: dict[tuple[str, str], Diagnostic] = {}
    for _ in range(_ROUNDS):
        state.spec, problems, state.untyped, names = check(state.document, state.trust)
        found |= {(item.at, item.code): diagnose(item, state.document) for item in problems}
        assumed = [item.rewrites[0] for item in problems if item.rewrites and item.rewrites[0].assumed]
        state.assumed |= {item.path for item in assumed if item.key is None and item.to is None}
        state.repaired |= {item.at for item in problems if item.rewrites and item.rewrites[0].assumed}
        document = rewritten(state.document, assumed)
        if document is state.document:
            break
        state.document = document
    state.drop("SYN003", [state.document.span(path) for path in names])
    if state.spec is POISON:
        state.skip("")
    else:
        state.note(", ".join(f"{count} {section}" for section, count in _sizes(state)))
    yield from found.values()


def _sizes(state: State) -> Iterator[tuple[str, int]]:
    for section in ("datasets", "model", "tasks", "phases"):
        found = getattr(state.spec, section)
        if found is not POISON:
            yield section, len(found)
