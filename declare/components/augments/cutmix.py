"""`cutmix`: pastes a box of another sample into each sample."""

from collections.abc import Iterable, Mapping

from declare.components.augments._fields import CUT_AXES, Alpha, MixingAugment, nothing_to_change, parts
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class CutMix(MixingAugment):
    """Pastes a box of another image of the batch into each image (series: an interval of time steps).

    A mask gets the same box; other targets are mixed in proportion to the area that is kept. Class targets
    become class probabilities; numbers and labels are interpolated. A missing class adds nothing; a pair with
    a missing number does not count. Source: Yun et al. 2019, https://arxiv.org/abs/1905.04899.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        augment: [{type: cutmix, alpha: 1.0, probability: 0.5}]
    ```
    """

    alpha: Alpha = 1.0

    def check_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Iterable[Problem]:
        """Yield a problem if the model reads no image or series."""
        if not any(shape.layout in CUT_AXES for shape in inputs.values()):
            yield from nothing_to_change(self, "images and series")

    def build(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> TorchModule:
        """Return the function that mixes a batch of a dataset."""
        from declare.nn.augments.mixing import CutMix as Real

        fields = parts(inputs, targets)
        both = {**inputs, **targets}
        cut = {name: CUT_AXES[shape.layout] for name, shape in both.items() if shape.layout in CUT_AXES}
        # What the model reads besides (numbers of a table) is mixed by area, as targets are.
        mixed = tuple(name for name in (*fields.inputs, *fields.values) if name not in cut)
        return Real(
            cut,
            mixed,
            {name: count for name, count in fields.classes.items() if name not in cut},
            fields.valid,
            alpha=self.alpha,
            probability=self.probability,
        )
