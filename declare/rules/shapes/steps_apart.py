"""Steps of two fields are joined, but their samples are not equally long."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.sample_lengths import Visit
from declare.rules.queries.fields import field_place
from declare.rules.queries.sample_lengths import lengths_in_words, lengths_on_the_way, node_place
from declare.rules.spec_view import View

CODE = "SHP534"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each node that joins inputs step by step although their lengths differ.

    If the shortest and longest lengths agree, lengths are checked sample by sample when data are read.
    """
    for dataset, item in lengths_on_the_way(view):
        joined = item.time_wires
        first = joined[0][1] if joined else None
        for wire, span in joined[1:]:
            if (span and span.counts) != (first and first.counts):
                yield _problem(view, dataset, item, node_place(view, item, wire))
                break


def _problem(view: View, dataset: str, item: Visit, at: str) -> Problem:
    fields = dict.fromkeys(span.field for _, span in item.time_wires if span)
    return Problem(
        CODE,
        f"`{item.node.name}` joins steps of inputs whose samples differ in length",
        at=at,
        label="another length than the first",
        also={field_place(view, dataset, name): lengths_in_words(view, dataset, name) for name in fields},
        helps=("join pooled vectors, such as the output of `rnn`, or bring both to one length in the data",),
    )
