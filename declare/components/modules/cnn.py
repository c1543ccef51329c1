"""A plain convolutional network over images.

Stages of convolution, norm, activation and dropout; the map is halved between stages.

Takes an image or feature map [channels, height, width]. Gives `output`, a vector with the channels of the
last stage as features (pooled over space), and `map` [channels, height', width'], halved (stages - 1) times.
Image sizes may vary unless `pool` is `flatten`. Source: LeCun et al. 1998, with batch norm (Ioffe and Szegedy
2015).

```yaml
model:
  encoder: {type: cnn, channels: [32, 64], input: image}
```
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.components.modules._conv_stages import ConvNet, Downsample, halve, too_small
from declare.contract.kinds.module import Costs, Inputs, LeftOut, Outputs, Port
from declare.contract.nodes.costs import size
from declare.contract.nodes.input_check import check_axis_order, check_inputs, remainders, varying_size
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape
from declare.contract.torch_types import TorchModule


class Cnn(ConvNet):
    """Stages of convolution, norm, activation and dropout; the map is halved between stages."""

    also_called: ClassVar[tuple[str, ...]] = ("conv", "conv2d", "convnet", "simple_cnn", "Conv2d", "unet")

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("image",)),)

    channels: list[Annotated[int, Param(gt=0)]] = Param(
        [32, 64, 128], min_length=1, max_length=1_000, description="output channels of each stage"
    )
    kernel: int = Param(3, gt=0, description="side of the square kernels, in pixels")
    downsample: Downsample = Param("max", description="how the map is halved between stages")
    pool: Literal["mean", "max", "flatten"] = Param("mean", description="how the map is pooled to a vector")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the pooled vector and the map."""
        if problem := check_inputs(self, inputs) or check_axis_order(self, inputs):
            return problem
        shape = inputs["input"][0]
        sizes = self._sizes(shape)
        last = sizes[-1]
        if 0 in last:
            stages = next(i for i, size in enumerate(sizes) if 0 in size)
            return too_small("cnn", shape, self.channels, stages, code="SHP502", larger="larger images")
        features: int = self.channels[-1]
        if self.pool == "flatten":
            if None in last:
                return varying_size(self, "image size", "input")
            features *= (last[0] or 0) * (last[1] or 0)
        return {"output": Shape("vector", (features,)), "map": Shape("image", (self.channels[-1], *last))}

    def _sizes(self, shape: Shape) -> list[tuple[Dim, ...]]:
        sizes = [shape.dims[1:]]
        for _ in self.channels[1:]:
            sizes.append(tuple(halve(dim, self.downsample) for dim in sizes[-1]))
        return sizes

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...]:
        """Return the pixels at the edge that halving drops."""
        return remainders(inputs["input"][0], (1, 2), 2 ** self._num_halved())

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return the number of values that batch norm averages over: the places of the last map."""
        return size(self._sizes(inputs["input"][0])[-1]) if self.norm == "batch" else None

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the stages."""
        shape = inputs["input"][0]
        return self._costs(shape.dims[0] or 0, self._sizes(shape))

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.cnn import CNN

        real = CNN(inputs["input"][0].dims[0] or 0, self.channels, **self._parameters())
        return _pretrained.start(real, self.pretrained)
