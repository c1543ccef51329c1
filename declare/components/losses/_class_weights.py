"""Class weights: the weight of each class in a loss, from its count in the training split."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field as Param

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem

ClassWeights = Literal["balanced", "effective"] | list[float] | None
_BETA = 0.999


class ClassWeightedLoss(Loss):
    """A loss with class weights."""

    class_weights_: (
        Literal["balanced", "effective"]
        | Annotated[list[Annotated[float, Param(ge=0, le=1e6)]], Param(min_length=1)]
        | None
    ) = Param(
        None,
        alias="class_weights",
        description=(
            "class weights: `balanced` (inverse to the training counts), `effective` (flatter), "
            "or one number for each class"
        ),
    )

    @property
    def weighs_classes(self) -> bool:
        """Return whether the class weights are computed from the counts of the training split."""
        return isinstance(self.class_weights_, str)

    def class_weights(self, target: Target) -> tuple[float, ...] | None:
        """Return the weight of each class; None if all are equal."""
        return class_weights(self.class_weights_, target)

    def weigh(self, target: Target) -> Target:
        """Return the target with the counts of the best constant prediction."""
        weights = self.class_weights(target)
        names = [name for name in ("counts", "unigrams") if getattr(target, name)]
        return target.model_copy(
            update={name: self.constant_counts(getattr(target, name), weights) for name in names}
        )

    def constant_counts(
        self, counts: tuple[float, ...], weights: tuple[float, ...] | None
    ) -> tuple[float, ...]:
        """Return counts in the ratios of the probabilities that, predicted for every sample, cost least."""
        return counts if weights is None else _weigh(counts, weights)

    def check_target(self, target: Target) -> Iterable[Problem]:
        """Yield a problem if there is not one weight for each class."""
        return check_weights(self.class_weights_, target)


def class_weights(stated: ClassWeights, target: Target) -> tuple[float, ...] | None:
    """Return the weight of each class, or None if all are equal.

    `balanced`: samples / (classes * count), as in scikit-learn. `effective`: the inverse of the effective
    number of samples, (1 - 0.999) / (1 - 0.999^count), scaled so that its mean over samples is 1 (Cui et al.
    2019, https://arxiv.org/abs/1901.05555). A class without training samples gets weight 0.
    """
    if stated is None or isinstance(stated, list):
        return tuple(stated) if stated else None
    counts = target.counts
    if not counts or not sum(counts):
        return None
    if stated == "balanced":
        present = sum(count > 0 for count in counts)
        return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)
    raw = [(1 - _BETA) / (1 - _BETA**count) if count else 0.0 for count in counts]
    scale = sum(counts) / sum(weight * count for weight, count in zip(raw, counts, strict=True))
    return tuple(weight * scale for weight in raw)


def _weigh(counts: tuple[float, ...], weights: tuple[float, ...]) -> tuple[int, ...]:
    """Return counts times weights, in millionths; every count is one higher if some are 0, as without weights."""
    more = 0 if all(counts) else 1
    return tuple(round(1e6 * (count + more) * weight) for count, weight in zip(counts, weights, strict=True))


def check_weights(stated: ClassWeights, target: Target, at: str = "class_weights") -> Iterator[Problem]:
    """Yield a problem if a list does not have one weight for each class (LOS406), or none above 0 (LOS407).

    Tokens are classes without counts: weights from counts would all be 1 (LOS440).
    """
    number = len(target.classes) if target.classes is not None else num_scores(target)
    if isinstance(stated, str):
        if target.classes is None:
            yield _no_counts_problem(stated, at)
        return
    if stated is None or number is None:
        return
    if len(stated) != number:
        names = ", ".join((target.classes or ())[:8]) + (", ..." if number > 8 else "")
        yield Problem(
            "LOS406",
            f"{len(stated)} weights for {number} classes",
            at=at,
            label=f"{len(stated)} weights",
            notes=(f"the classes are, in order: {names}",) if target.classes else ("each token is a class",),
            helps=("state one weight for each class" + (", or `balanced`" if target.classes else ""),),
        )
    elif not any(weight > 0 for weight in stated):
        yield Problem(
            "LOS407",
            "every class has weight 0, so nothing would be learned",
            at=at,
            label="all zero",
            helps=("give at least one class a weight above 0",),
        )


def num_scores(target: Target) -> int | None:
    """Return the number of scores of one prediction: the last axis of a sequence, else the first."""
    dims = target.output.dims
    return dims[-1 if target.output.layout == "sequence" else 0] if dims else None


def _no_counts_problem(stated: str, at: str) -> Problem:
    return Problem(
        "LOS440",
        f"`{stated}` weights need class counts, which tokens do not have",
        at=at,
        label="would have no effect",
        helps=("remove it: all tokens have equal weight",),
    )
