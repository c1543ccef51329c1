"""The shortest samples have fewer steps than a patch or a kernel needs."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.sample_lengths import Visit, least_length
from declare.rules.queries.fields import field_place
from declare.rules.queries.sample_lengths import lengths_in_words, lengths_on_the_way, node_place, spans
from declare.rules.spec_view import View

CODE = "SHP533"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each node whose output is empty for the shortest sample of a field."""
    for dataset, item in lengths_on_the_way(view):
        wire = next((wire for wire, span in item.wires if span and span.counts[0] >= 1), None)
        if wire is not None and any(span and span.counts[0] < 1 for span in item.outputs.values()):
            yield _problem(view, dataset, item, node_place(view, item, wire))


def _problem(view: View, dataset: str, item: Visit, at: str) -> Problem:
    field = next(span.field for _, span in item.wires if span)
    span = spans(view, dataset)[field]
    nodes = tuple(view.nodes.values())
    least = least_length(nodes[: nodes.index(item.node) + 1], dataset, span)
    return Problem(
        CODE,
        (
            f"`{item.node.name}` needs {least} steps, but the shortest sample of `{field}` has "
            f"{span.counts[0]}"
        ),
        at=at,
        label="the output of some samples is empty",
        also={field_place(view, dataset, field): lengths_in_words(view, dataset, field)},
        helps=("use shorter patches or kernels, or remove short samples from the data",),
    )
