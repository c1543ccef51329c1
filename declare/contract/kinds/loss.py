"""Losses: sums over valid targets, and the weights by which they are divided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Dim

if TYPE_CHECKING:
    from declare.contract.kinds.task import Target
    from declare.contract.torch_types import SummedLoss


class Loss(Component):
    """A training objective.

    The built module (`nn.losses.summed_loss.SummedLoss`) is called `loss(output, target)` and returns
    `(sum, weight)`, two scalars: the sum over valid targets and the weight to divide by (their number, or the sum
    of their class weights). The loop divides by the weight over all micro-batches and processes, so that missing
    labels never bias the gradient.
    """

    takes: ClassVar[frozenset[Prediction]]
    """The kinds of prediction (`Target.prediction`) that it fits."""

    weight: float = Param(1.0, gt=0, le=1e6, description="its factor in the task's loss")

    @classmethod
    def interface(cls) -> tuple[str, ...]:
        """Return the kinds of prediction that it accepts."""
        return (f"prediction: {' | '.join(sorted(cls.takes))}",)

    @property
    def weighs_classes(self) -> bool:
        """Return whether its class weights are computed from the counts of the training split."""
        return False

    def class_weights(self, target: Target) -> tuple[float, ...] | None:
        """Return the weight of each class, computed from the training split, or None."""
        return None

    def uncounted_classes(self, target: Target) -> frozenset[int]:
        """Return the indices of classes with weight 0, whose samples do not count."""
        weights = enumerate(self.class_weights(target) or ())
        return frozenset(index for index, weight in weights if not weight)

    def weigh(self, target: Target) -> Target:
        """Return the target with its frequencies as this loss weighs them: those of the best constant prediction."""
        return target

    def check_target(self, target: Target) -> Iterable[Problem]:
        """Yield a problem if the parameters contradict the target (number of class weights, ...)."""
        return ()

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return the sizes, without the batch, of the target for `target.output`; by default the same.

        Nothing is broadcast: other sizes are a finding (LOS432) before training, and raise in the built loss.
        """
        return target.output.dims

    def mixed_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return the sizes of a target that augments have mixed (class probabilities): those of the output."""
        return target.output.dims

    def untrained_loss(self, target: Target) -> float | None:
        """Return the expected loss of an untrained model; None if unknown."""
        return None

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        raise NotImplementedError
