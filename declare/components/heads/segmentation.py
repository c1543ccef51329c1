"""A logit for each class and pixel.

Optionally a 3x3 convolution with batch norm and ReLU, then a 1x1 convolution, then bilinear resizing to the
size of the target.

Takes a feature map [channels, height, width] of any size. Gives `output` [classes, height, width] at the
size of the target, without softmax. Source: Long, Shelhamer and Darrell 2015.

```yaml
model:
  encoder: {type: cnn, input: image}
tasks:
  shapes: {type: segmentation, dataset: scenes, target: mask, head: {type: segmentation, input: encoder.map}}
```
"""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.input_check import check_inputs, input_path, varying_size
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Segmentation(Head):
    """Convolutions to a logit for each class and pixel, at the target's size."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("image",)),)

    hidden: int | None = Param(
        None, gt=0, description="channels of a 3x3 convolution before the last; default: none"
    )

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape."""
        if problem := check_inputs(self, inputs):
            return problem
        if output.layout != "image":
            title = f"`segmentation` gives logits for each pixel, but the task needs {output}"
            helps = ("use the head `linear`, or the task `segmentation`",)
            return Problem("SHP511", title, at=input_path(self, "input"), helps=helps)
        return (
            varying_size(self, "size of the target", "input") if output.numel is None else {"output": output}
        )

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return the number of values that batch norm averages over: the places of the map."""
        return None if self.hidden is None else size(inputs["input"][0].dims[1:])

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the convolutions."""
        channels, *dims = inputs["input"][0].dims
        before, tally = channels or 0, CostCounter()
        if self.hidden is not None:
            tally.conv(before, self.hidden, (3, 3), dims, bias=False).norm(self.hidden, dims).write(
                self.hidden, dims
            )
            before = self.hidden
        return tally.conv(before, output.dims[0] or 0, (1, 1), dims).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.segmentation import Segmentation as Real

        classes, height, width = (dim or 0 for dim in output.dims)
        return Real(inputs["input"][0].dims[0] or 0, classes, (height, width), hidden=self.hidden)
