"""`focal`: cross entropy with a higher weight for hard samples."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field as Param

from declare.components.losses._class_weights import ClassWeightedLoss
from declare.components.losses._indices import index_dims
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss

_PARTS = 10**9
_BISECTIONS = 60
_LARGEST_EXPONENT = 700.0
_TINY = 1e-12


class Focal(ClassWeightedLoss):
    """Cross entropy times (1 - p)^gamma, where p is the predicted probability of the true class.

    Takes logits of classes [B, classes], of labels [B, labels] or of pixels [B, classes, height, width]
    (softmax or sigmoid is applied here); -1 and NaN are ignored. `gamma: 0` is the plain cross entropy.
    Source: Lin et al. 2017, https://arxiv.org/abs/1708.02002.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, loss: {type: focal, gamma: 2.0}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("FocalLoss", "focal_loss")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits", "pixel_logits"})

    gamma: float = Param(
        2.0, ge=0, le=100, description="exponent: higher values reduce the weight of easy samples"
    )

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return the sizes of the labels, or of class indices: those of the logits without the class axis."""
        return target.output.dims if target.prediction == "label_logits" else index_dims(target.output)

    def weigh(self, target: Target) -> Target:
        """Return the target with the counts and rates of the best constant prediction."""
        rates = target.rates
        if rates is None:
            return super().weigh(target)
        pairs = zip(rates, self.class_weights(target) or (1.0,) * len(rates), strict=True)
        shares = [_cheapest_shares([rate * weight, 1 - rate], self.gamma) for rate, weight in pairs]
        return target.model_copy(update={"rates": tuple(share for share, _ in shares)})

    def constant_counts(
        self, counts: tuple[float, ...], weights: tuple[float, ...] | None
    ) -> tuple[float, ...]:
        """Return counts in the ratios of the probabilities that, predicted for every sample, cost least."""
        counts = super().constant_counts(counts, weights)
        return tuple(round(_PARTS * share) for share in _cheapest_shares(counts, self.gamma))

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        weights = self.class_weights(target)
        if target.prediction == "label_logits":
            from declare.nn.losses.binary import BinaryCrossEntropy

            return BinaryCrossEntropy(pos_weight=weights, gamma=self.gamma, may_miss=target.may_miss)
        from declare.nn.losses.focal import Focal as Real
        from declare.nn.losses.per_step import per_step

        real = Real(gamma=self.gamma, class_weights=weights, may_miss=target.may_miss)
        return per_step(real) if target.output.layout == "sequence" else real


def _cheapest_shares(counts: Sequence[float], gamma: float) -> list[float]:
    """Return the probabilities q that minimise the sum of counts * (1 - q)^gamma * -log q over classes.

    There all classes with samples have the same slope. The slope of a class falls as its q rises: two bisections,
    of q for a slope and of the slope for a sum of 1.
    """
    import numpy as np

    frequencies = np.asarray(counts, np.float64)
    seen = frequencies > 0
    if not gamma or seen.sum() < 2:
        return [float(item) for item in frequencies / (frequencies.sum() or 1)]
    ratios = frequencies[seen] / frequencies.sum()

    def shares_of(slope: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        low, high = np.zeros_like(ratios), np.full_like(ratios, 1 - _TINY)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            steepness = (1 - middle) ** gamma / middle - gamma * (1 - middle) ** (gamma - 1) * np.log(middle)
            is_steeper = ratios * steepness > slope
            low, high = np.where(is_steeper, middle, low), np.where(is_steeper, high, middle)
        return (low + high) / 2

    low, high = -_LARGEST_EXPONENT, _LARGEST_EXPONENT
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if shares_of(np.exp(middle)).sum() > 1 else (low, middle)
    shares = np.zeros_like(frequencies)
    shares[seen] = shares_of(np.exp(low))
    return [float(item) for item in shares / shares.sum()]
