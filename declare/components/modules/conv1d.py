"""A plain convolutional network over series.

Stages of convolution, norm, activation and dropout; the time axis is halved between stages.

Takes a series [channels, time] or a sequence [time, features]. Gives `output`, a vector with the channels of
the last stage as features (pooled over time), and `series` [channels, time'], halved (stages - 1) times. The
length may vary unless `pool` is `flatten`. Source: LeCun et al. 1998; Wang, Yan and Oates 2017 for series.

```yaml
model:
  encoder: {type: conv1d, channels: [32, 64], kernel: 7, input: eeg}
```
"""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.components.modules._conv_stages import ConvNet, Downsample, halve, too_small
from declare.contract.kinds.module import Costs, Inputs, LeftOut, Outputs, Padding, Port
from declare.contract.nodes.input_check import check_inputs, remainders, varying_size
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape
from declare.contract.torch_types import TorchModule


class Conv1d(ConvNet):
    """Stages of one-dimensional convolution, norm, activation and dropout."""

    also_called: ClassVar[tuple[str, ...]] = ("tcn", "temporal_convolution")

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("series", "sequence")),)

    kernel: int = Param(7, gt=0, description="length of the kernels, in time steps")
    downsample: Downsample = Param("max", description="how the time axis is halved between stages")
    pool: Literal["mean", "max", "flatten"] = Param(
        "mean", description="how the series is pooled to a vector"
    )

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the pooled vector and the series."""
        if problem := check_inputs(self, inputs):
            return problem
        shape = inputs["input"][0]
        lengths = self._lengths(shape)
        if 0 in lengths:
            stages = lengths.index(0)
            return too_small("conv1d", shape, self.channels, stages, code="SHP506", larger="longer windows")
        features: int = self.channels[-1]
        if self.pool == "flatten":
            if lengths[-1] is None:
                return varying_size(self, "length", "input")
            features *= lengths[-1]
        return {
            "output": Shape("vector", (features,)),
            "series": Shape("series", (self.channels[-1], lengths[-1])),
        }

    def _lengths(self, shape: Shape) -> list[Dim]:
        lengths = [shape.dims[1 if shape.layout == "series" else 0]]
        for _ in self.channels[1:]:
            lengths.append(halve(lengths[-1], self.downsample))
        return lengths

    def looks_ahead(self) -> bool:
        """Return that kernels reach to later steps."""
        return True

    def padding_policy(self) -> Padding:
        """Return that kernels, norms and pooling use only a sample's own steps."""
        return Padding(lengths_of="input")

    def needs_one_length(self) -> bool:
        """Return that flattened steps are as many in each batch."""
        return self.pool == "flatten"

    def output_lengths(self, lengths: Any, inputs: Inputs) -> Any:
        """Return the number of steps after all stages; one step stays one."""
        for _ in self.channels[1:]:
            if self.downsample == "stride":
                lengths = (lengths + 1) // 2
            elif self.downsample != "none":
                lengths = lengths // 2 + (lengths == 1)
        return lengths

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...]:
        """Return the steps at the end that halving drops."""
        shape = inputs["input"][0]
        return remainders(shape, (1 if shape.layout == "series" else 0,), 2 ** self._num_halved())

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return the number of values that batch norm averages over: the steps of the last stage."""
        shape = inputs["input"][0]
        steps = shape.dims[shape.time_axis or 0]
        return None if self.norm != "batch" or steps is None else int(self.output_lengths(steps, inputs))

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the stages."""
        shape = inputs["input"][0]
        return self._costs(shape.features or 0, [(length,) for length in self._lengths(shape)])

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.conv1d import Conv1d as Real

        shape = inputs["input"][0]
        real = Real(
            shape.features or 0,
            self.channels,
            **self._parameters(),
            features_last=shape.layout == "sequence",
        )
        return _pretrained.start(real, self.pretrained)
