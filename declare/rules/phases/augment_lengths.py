"""An augment that pastes time steps ignores the ends of samples with different lengths."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, input_fields
from declare.rules.queries.sample_lengths import lengths_in_words, spans
from declare.rules.spec_parts import is_unreadable, phase_datasets, phases
from declare.rules.spec_view import View

CODE = "SHP535"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each augment over series of different lengths that does not support them."""
    for phase in phases(view):
        if phase.name not in view.phases or is_unreadable(phase.block, "augment"):
            continue
        uneven = list(_uneven(view, phase_datasets(view, phase.block)))
        for index, augment in enumerate(phase.block.augment):
            if uneven and not augment.takes_lengths:
                yield _problem(view, augment.type_name(), f"{phase.path}.augment.{index}", uneven[0])


def _uneven(view: View, datasets: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield datasets and series of varying length that the model reads; texts are never augmented."""
    for dataset in datasets:
        shapes = view.shapes.get(dataset, {})
        for name in spans(view, dataset) if dataset in view.facts else ():
            if name in input_fields(view, dataset) and shapes[name].layout != "tokens":
                yield dataset, name


def _problem(view: View, kind: str, at: str, field: tuple[str, str]) -> Problem:
    return Problem(
        CODE,
        f"`{kind}` cannot change `{field[1]}`, whose samples differ in length",
        at=at,
        label="may paste padding",
        also={field_place(view, *field): lengths_in_words(view, *field)},
        helps=("use `mixup`, or bring the series to one length in the data",),
    )
