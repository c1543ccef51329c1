"""Class weights: how much each class counts in a loss, from its count in the training split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from declare.contract.problem import Problem
from declare.contract.task import Target

ClassWeights = Literal["balanced", "effective"] | list[float] | None
_BETA = 0.999


def class_weights(stated: ClassWeights, target: Target) -> tuple[float, ...] | None:
    """Return the weight of each class, or None where all count the same.

    `balanced`: samples / (classes * count), as scikit-learn does it. `effective`: the inverse of the
    effective number of samples, (1 - 0.999) / (1 - 0.999^count), scaled to a mean of 1 over the samples
    (Cui et al. 2019, https://arxiv.org/abs/1901.05555). A class without a training sample weighs 0.
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


def check_weights(stated: ClassWeights, target: Target, at: str = "class_weights") -> Iterator[Problem]:
    """Yield the problem (LOS406) that a stated list does not have one weight for each class."""
    if not isinstance(stated, list) or target.classes is None:
        return
    if len(stated) != len(target.classes):
        names = ", ".join(target.classes[:8]) + (", ..." if len(target.classes) > 8 else "")
        yield Problem(
            "LOS406",
            f"{len(stated)} weights for {len(target.classes)} classes",
            at=at,
            label=f"{len(stated)} weights",
            notes=(f"the classes are, in order: {names}",),
            helps=("state one weight for each class, or `balanced`",),
        )
    elif not any(weight > 0 for weight in stated):
        yield Problem(
            "LOS407",
            "every class weighs nothing, so that nothing would be learned",
            at=at,
            label="all zero",
            helps=("give at least one class a weight above 0",),
        )
