"""`mixup`: mixes the samples of a batch in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field as Param

from declare.components.augments._fields import mixed_fields, nothing_to_change, parts
from declare.contract.kinds.augment import Augment
from declare.contract.problem import Problem
from declare.contract.shapes import Shape

if TYPE_CHECKING:
    from torch import nn


class Mixup(Augment):
    """Adds to each sample another of its batch, inputs and targets in the same proportion.

    Fields of numbers (images, series, vectors) are mixed, a series to the end of the longer one; categories and
    tokens that the model reads stay as they are. Class targets become class probabilities, numbers and labels are
    mixed; a missing class adds nothing, a pair with a missing number does not count. All samples of a batch are mixed
    in one proportion, drawn from Beta(alpha, alpha). Source: Zhang et al. 2018, https://arxiv.org/abs/1710.09412.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        augment: [{type: mixup, alpha: 0.2}]
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ()

    takes_lengths: ClassVar[bool] = True

    alpha: float = Param(
        0.2, ge=0.001, le=1e6, description="how evenly samples are mixed: near 0 hardly, 1 at any proportion"
    )
    probability: float = Param(1.0, gt=0, le=1, description="share of the batches that are mixed")

    def check_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Iterable[Problem]:
        """Yield that there are no numbers to mix."""
        if not parts(inputs, targets).inputs:
            yield from nothing_to_change(self, "fields of numbers")

    def mixed_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> frozenset[str]:
        """Return the fields of numbers, and the targets that are mixed with them."""
        return mixed_fields(inputs, targets)

    def build(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> nn.Module:
        """Return the mixing of a dataset's fields."""
        from declare.nn.augments.mixing import Mixup as Real

        fields = parts(inputs, targets)
        return Real(
            (*fields.inputs, *fields.values),
            fields.classes,
            fields.valid,
            alpha=self.alpha,
            probability=self.probability,
        )
