"""A decoder from a feature map to a larger one.

Stages that double the map (bilinear) and convolve it (3x3, batch norm, activation), then a final resizing.

Takes a map [channels, height, width] as `input`, and optionally an image or mask as `like`, of which only the
size is used. Gives `output`, a map with the channels of the last stage: with the size of `like`, or `size`,
or doubled once per stage. Source: Odena, Dumoulin and Olah 2016 (resize, then convolve).

```yaml
model:
  encoder: {type: cnn, input: image}
  decoder: {type: upsample, channels: [64, 32], input: {input: encoder.map, like: image}}
```
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape
from declare.contract.torch_types import TorchModule

Size = Annotated[int, Param(gt=0)]


class Upsample(Module):
    """Stages that double a map and convolve it, then a final resizing."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("image",)),
        Port("like", ("image", "mask"), optional=True, size_only=True),
    )
    random: ClassVar[bool] = False

    channels: list[Size] = Param(
        [64, 32],
        min_length=1,
        max_length=1_000,
        description="output channels of each stage; each stage doubles the map",
    )
    size: Size | None = Param(None, description="height and width of the output, without `like`")
    activation: Literal["relu", "gelu", "silu", "tanh"] = Param(
        "relu", description="activation after each convolution"
    )

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the larger map."""
        if problem := check_inputs(self, inputs):
            return problem
        return {"output": Shape("image", (self.channels[-1], *self._size(inputs)))}

    def _size(self, inputs: Inputs) -> tuple[Dim, ...]:
        if inputs.get("like"):
            return inputs["like"][0].dims[-2:]
        if self.size is not None:
            return self.size, self.size
        return _times(inputs["input"][0].dims[1:], 2 ** len(self.channels))

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return the places of the first stage's map."""
        return size(_times(inputs["input"][0].dims[1:], 2))

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the stages."""
        channels, *dims = inputs["input"][0].dims
        before, tally = channels or 0, CostCounter()
        for stage, width in enumerate(self.channels):
            out = _times(tuple(dims), 2 ** (stage + 1))
            tally.write(before, out).conv(before, width, (3, 3), out, bias=False).norm(width, out).write(
                width, out
            )
            before = width
        return tally.costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.upsample import Upsample as Real

        size = None if self.size is None else (self.size, self.size)
        real = Real(inputs["input"][0].dims[0] or 0, self.channels, activation=self.activation, size=size)
        return _pretrained.start(real, self.pretrained)


def _times(dims: tuple[Dim, ...], factor: int) -> tuple[Dim, ...]:
    return tuple(None if dim is None else dim * factor for dim in dims)
