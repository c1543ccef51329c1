"""`cross_entropy`: the negative log probability of the true class."""

import math
from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field as Param

from declare.components.losses._class_weights import ClassWeightedLoss, num_scores
from declare.components.losses._indices import index_dims
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class CrossEntropy(ClassWeightedLoss):
    """Cross entropy over classes, for samples, pixels or tokens.

    Takes logits [B, classes] (softmax is applied here) and class indices [B]; or logits [B, classes, height,
    width] and indices [B, height, width]; or logits [B, length, classes] of tokens and indices [B, length].
    The index -1 (a missing label) and `ignore_index` are ignored. With class weights the mean is the weighted
    mean, as in torch. Source: any textbook.

    ```yaml
    tasks:
      digit:
        type: classification
        dataset: digits
        target: label
        loss: {type: cross_entropy, class_weights: balanced, label_smoothing: 0.1}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "CrossEntropyLoss",
        "ce",
        "nll",
        "nll_loss",
        "NLLLoss",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "softmax_cross_entropy",
        "log_loss",
        "LabelSmoothingCrossEntropy",
        "softmax",
    )

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "pixel_logits", "token_logits"})

    label_smoothing: float = Param(
        0.0, ge=0, lt=1, description="probability that is spread evenly over all classes"
    )
    ignore_index: int | None = Param(None, description="a class index that is ignored, besides -1")

    def uncounted_classes(self, target: Target) -> frozenset[int]:
        """Return the indices of classes with weight 0, and `ignore_index`."""
        stated = frozenset() if self.ignore_index is None else frozenset({self.ignore_index})
        return super().uncounted_classes(target) | stated

    def constant_counts(
        self, counts: tuple[float, ...], weights: tuple[float, ...] | None
    ) -> tuple[float, ...]:
        """Return counts in the ratios of the probabilities that, predicted for every sample, cost least."""
        counts = tuple(0 if index == self.ignore_index else count for index, count in enumerate(counts))
        if self.label_smoothing:
            share = self.label_smoothing * sum(counts) / len(counts)
            counts = tuple((1 - self.label_smoothing) * count + share for count in counts)
            weights = weights or (1.0,) * len(counts)
        return super().constant_counts(counts, weights)

    def check_target(self, target: Target) -> Iterable[Problem]:
        """Yield a problem if there is not one weight for each class, or `ignore_index` is not a class."""
        yield from super().check_target(target)
        number = num_scores(target)
        if number is not None and self.ignore_index is not None and not -1 <= self.ignore_index < number:
            yield Problem(
                "SCH108",
                f"`ignore_index` is {self.ignore_index}, but classes go from 0 to {number - 1}",
                at="ignore_index",
                label="not a class",
                helps=("remove it, or give the index of a class", "list values of the data under `missing`"),
            )

    def untrained_loss(self, target: Target) -> float | None:
        """Return the loss of a uniform prediction: the logarithm of the number of classes."""
        return math.log(target.output.features) if target.output.features else None

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return the sizes of the class indices: those of the logits without the class axis."""
        return index_dims(target.output)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.cross_entropy import CrossEntropy as Real
        from declare.nn.losses.per_step import per_step

        real = Real(
            class_weights=self.class_weights(target),
            label_smoothing=self.label_smoothing,
            ignore_index=self.ignore_index,
            may_miss=target.may_miss,
        )
        return per_step(real) if target.output.layout == "sequence" else real
