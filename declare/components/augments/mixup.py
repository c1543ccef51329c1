"""`mixup`: mixes the samples of a batch in pairs."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from declare.components.augments._fields import Alpha, MixingAugment, nothing_to_change, parts
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Mixup(MixingAugment):
    """Adds to each sample another sample of its batch, inputs and targets in the same proportion.

    Numeric fields (images, series, vectors) are interpolated, a series up to the end of the longer one;
    categories and tokens that the model reads are not changed. Class targets become class probabilities;
    numbers and labels are interpolated. A missing class adds nothing; a pair with a missing number does not
    count. All samples of a batch are mixed in one proportion, drawn from Beta(alpha, alpha). Source: Zhang et
    al. 2018, https://arxiv.org/abs/1710.09412.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        augment: [{type: mixup, alpha: 0.2}]
    ```
    """

    takes_lengths: ClassVar[bool] = True

    alpha: Alpha = 0.2

    def check_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Iterable[Problem]:
        """Yield a problem if the model reads no numeric field."""
        if not parts(inputs, targets).inputs:
            yield from nothing_to_change(self, "fields of numbers")

    def build(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> TorchModule:
        """Return the function that mixes a batch of a dataset."""
        from declare.nn.augments.mixing import Mixup as Real

        fields = parts(inputs, targets)
        return Real(
            (*fields.inputs, *fields.values),
            fields.classes,
            fields.valid,
            alpha=self.alpha,
            probability=self.probability,
        )
