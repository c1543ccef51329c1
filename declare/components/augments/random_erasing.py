"""`random_erasing`: erases a box of each image."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.components.augments._fields import nothing_to_change
from declare.contract.kinds.augment import Augment
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class RandomErasing(Augment):
    """Erases a box at a random place in a fraction of the images; targets do not change.

    Source: Zhong et al. 2020, https://arxiv.org/abs/1708.04896.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        augment: [{type: random_erasing, probability: 0.25}]
    ```
    """

    takes_lengths: ClassVar[bool] = True

    probability: float = Param(0.5, gt=0, le=1, description="fraction of images in which a box is erased")
    area: list[Annotated[float, Param(gt=0, lt=1)]] = Param(
        [0.02, 0.33],
        min_length=2,
        max_length=2,
        description="smallest and largest fraction of the image that is erased",
    )
    fill: Literal["zero", "mean", "noise"] = Param("zero", description="what the box is filled with")

    def check(self) -> Iterable[Problem]:
        """Yield a problem if the first number of `area` is above the second."""
        if self.area[0] > self.area[1]:
            yield Problem(
                "LOS416",
                f"the smallest area {self.area[0]:g} is above the largest {self.area[1]:g}",
                at="area",
                label="wrong way round",
                helps=("write the smaller fraction first",),
            )

    def check_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Iterable[Problem]:
        """Yield a problem if the model reads no images."""
        if not any(shape.layout == "image" for shape in inputs.values()):
            yield from nothing_to_change(self, "images")

    def build(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> TorchModule:
        """Return the function that erases boxes in a batch of a dataset."""
        from declare.nn.augments.erasing import RandomErasing as Real

        names = [name for name, shape in inputs.items() if shape.layout == "image"]
        return Real(names, probability=self.probability, area=(self.area[0], self.area[1]), fill=self.fill)
