"""Transforms: stored ones are applied once to the stored data, others to each batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape
from declare.contract.torch_types import TorchModule, TorchTensor

Effect = Literal["units", "range", "places"]
"""What a transform does to values: gives each another unit, cuts or disturbs some, or chooses and moves places."""


class Transform(Component):
    """A change of one or several fields.

    `stored` transforms are deterministic numpy functions of a batch of encoded samples, applied once where the
    data are held in memory or in the disk cache. The others run on the batch of tensors, on the device, with
    random draws keyed by (seed, epoch, sample).
    """

    stored: ClassVar[bool] = True
    fitted: ClassVar[bool] = False
    """Whether it needs statistics of the training split."""
    moves: ClassVar[bool] = False
    """Whether pixels move, so that masks of the same image must move with them."""
    moves_alone: ClassVar[bool] = False
    """Whether it moves pixels of images in a way that no mask can follow."""
    at_any_size: ClassVar[bool] = False
    """Whether it moves images of two sizes alike (a flip), as one in numbers of pixels (a crop) does not."""
    effect: ClassVar[Effect] = "units"
    """What it does to the values of a target; of `units` and `range` each value is changed separately."""
    invertible: ClassVar[bool] = False
    """Whether `invert` undoes it, so that predictions of a transformed target come back to the data's own units."""
    partial: ClassVar[bool] = False
    """Whether some values have no image: `apply` raises `ProblemError` for them."""
    normalises: ClassVar[bool] = False
    """Whether it brings channels to the mean and deviation that pretrained models expect."""
    affine: ClassVar[bool] = False
    """Whether it shifts and scales each channel, so that metrics in standard deviations stay what they are."""

    monotone: ClassVar[bool] = False
    """Whether it changes each value separately and keeps the order of any two, without statistics."""

    field: str | None = Param(None, description="the field that it changes")
    fields: list[str] | None = Param(None, min_length=1, description="the fields that it changes")
    on: Literal["all", "train", "eval"] = Param(
        "all", description="which samples it changes: all, those of training, or those of evaluations"
    )

    def resolve(self, facts: Mapping[str, FieldFacts]) -> "Transform":
        """Return the transform with open settings resolved from the facts of the dataset's fields."""
        return self

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Problem | None:
        """Return the problem that a stated setting contradicts the facts of its fields, or None."""
        return None

    def facts_after(self, facts: FieldFacts) -> FieldFacts:
        """Return the facts of a field after the transform, as far as later transforms need them."""
        return facts

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the shape after the transform, or the problem that it does not fit."""
        raise NotImplementedError

    def fit(self, batches: Iterable[Array]) -> dict[str, list[float]]:
        """Return statistics of the encoded training samples, given in batches [rows, ...] (NaN is missing)."""
        return {}

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return transformed samples [rows, ...] (stored transforms, and others that draw nothing)."""
        raise NotImplementedError

    @classmethod
    def has_apply(cls) -> bool:
        """Return whether `apply` computes it, so that samples can be transformed without a batch and its keys."""
        return cls.apply is not Transform.apply

    def invert(self, values: TorchTensor, statistics: Mapping[str, Sequence[float]]) -> TorchTensor:
        """Return transformed values [rows, ...] in their original units; only if it is `invertible`."""
        raise TypeError(f"`{self.type_name()}` cannot be undone")

    def build(self, shape: Shape, statistics: dict[str, list[float]]) -> TorchModule:
        """Return a module `(values [B, ...], keys) -> values` (transforms that are not stored).

        `keys` is a numpy uint64 array [B], one key for each sample, from which every random draw is made.
        """
        raise NotImplementedError


class InverseStep(BaseModel):
    """A transform that is undone for predictions, with its fitted statistics; part of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transform: dict[str, Any]
    statistics: dict[str, tuple[float, ...]] = {}


def facts_before(
    transforms: Sequence[Any], facts: Mapping[str, FieldFacts]
) -> Iterator[Mapping[str, FieldFacts]]:
    """Yield for each transform the facts of fields before it.

    For all samples these are what training and evaluation agree on; one that could not be read changes nothing.
    """
    sides = {"train": dict(facts), "eval": dict(facts)}
    for transform in transforms:
        on = transform.on if isinstance(transform, Transform) else "all"
        mine = sides if on == "all" else {on: sides[on]}
        yield {name: _agreement([side[name] for side in mine.values()]) for name in facts}
        if isinstance(transform, Transform):
            names = {transform.field, *(transform.fields or ())} & facts.keys()
            for side in mine.values():
                side |= {name: transform.facts_after(side[name]) for name in names}


def _agreement(facts: Sequence[FieldFacts]) -> FieldFacts:
    same = all(item.rate == facts[0].rate for item in facts)
    return facts[0] if same else facts[0].model_copy(update={"rate": None})
