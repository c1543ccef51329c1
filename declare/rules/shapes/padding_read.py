"""A module that does not mask padding gives a sample another result next to longer ones."""

from collections.abc import Iterator

from declare.contract.kinds.module import Node
from declare.contract.lengths import KEY
from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.fields import field_place
from declare.rules.queries.sample_lengths import lengths_in_words, lengths_on_the_way, node_place
from declare.rules.spec_view import View

CODE = "SHP532"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each node that reads samples of different lengths without masking padding."""
    seen = set()
    for dataset, item in lengths_on_the_way(view):
        if item.component.padding_policy() is not None and not item.component.needs_one_length():
            continue
        for wire, span in item.wires:
            if span is not None and not span.fixed and (item.node.path, span.field) not in seen:
                seen.add((item.node.path, span.field))
                yield _problem(view, (dataset, span.field), item.component, node_place(view, item, wire))


def _problem(view: View, of: tuple[str, str], component: Node, at: str) -> Problem:
    dataset, field = of
    place, known = field_place(view, dataset, field), view.facts[dataset].fields[field].extra.get(KEY)
    helps = list(component.padding_helps())
    rewrites = []
    if known:
        helps.insert(0, f"state `length: {known[1]}` on the field: all samples are then padded to it")
        rewrites.append(Rewrite(f"set `length: {known[1]}`", f"{place}.length", known[1], safe=False))
    return Problem(
        CODE,
        f"`{component.type_name()}` {_fault(component)}, and samples of `{field}` differ in length",
        at=at,
        label="samples of one length needed",
        also={place: lengths_in_words(view, dataset, field)},
        helps=tuple(helps),
        rewrites=tuple(rewrites),
    )


def _fault(component: Node) -> str:
    return "needs batches of one length" if component.needs_one_length() else "takes no padding"
