"""Which fields of a dataset an augment changes, and how, decided by their layouts."""

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import Field as Param

from declare.contract.kinds.augment import Augment
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape

_NUMBERS: frozenset[Layout] = frozenset(
    {"vector", "sequence", "series", "image", "video", "number", "counts"}
)
CUT_AXES: Mapping[Layout, int] = {"image": 2, "video": 2, "mask": 2, "series": 1}


class Parts(NamedTuple):
    """Fields by what mixing does to them; `classes` maps fields to their number of classes."""

    inputs: tuple[str, ...]
    values: tuple[str, ...]
    classes: dict[str, int]
    valid: tuple[str, ...]


def parts(inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Parts:
    """Sort the fields of a dataset by what mixing does to them."""
    numbers = tuple(name for name, shape in inputs.items() if shape.layout in _NUMBERS)
    return Parts(
        inputs=numbers,
        values=tuple(
            name
            for name, shape in targets.items()
            if shape.layout in _NUMBERS | {"labels"} and name not in numbers
        ),
        classes={
            name: shape.classes
            for name, shape in targets.items()
            if shape.layout in {"category", "id", "mask"} and shape.classes
        },
        valid=tuple(name for name, shape in targets.items() if shape.layout == "valid"),
    )


def nothing_to_change(augment: Augment, wanted: str) -> Iterator[Problem]:
    """Yield a problem (LOS415) if the model reads no field of a kind that the augment changes."""
    yield Problem(
        "LOS415",
        f"`{augment.type_name()}` changes {wanted}, but the model reads none in this phase",
        label="nothing to change",
        helps=("remove it, or keep it for phases over datasets that have them",),
    )


Alpha = Annotated[
    float,
    Param(
        ge=0.001,
        le=1e6,
        description=(
            "parameter of Beta(alpha, alpha), from which the proportion is drawn: near 0 samples "
            "hardly mix, at 1 every proportion is equally likely"
        ),
    ),
]


class MixingAugment(Augment):
    """An augment that mixes the samples of a batch in pairs."""

    probability: float = Param(1.0, gt=0, le=1, description="fraction of batches that are mixed")

    def mixed_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> frozenset[str]:
        """Return the numeric fields, and the targets that are mixed with them."""
        fields = parts(inputs, targets)
        return frozenset((*fields.inputs, *fields.values, *fields.classes, *fields.valid))
