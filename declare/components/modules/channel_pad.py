"""Pads recordings with channels of zeros to a fixed number of channels.

It has no parameters, and channels keep their indices. Use it if montages are nested, so that channel 1 is the
same electrode in all of them.

Takes a series [channels, time] with at most `channels` channels. Gives `output`, a series [`channels`, time].
Missing values (NaN) become 0. Source: any textbook.

```yaml
model:
  adapter: {type: channel_pad, input: eeg, channels: 128}
  encoder: {type: series_patch, input: adapter, patch: 20, dim: 64, depth: 2, heads: 4}
```
"""

from collections.abc import Mapping

from declare.components.modules._montages import ChannelAdapter
from declare.contract.kinds.module import Costs, Inputs
from declare.contract.nodes.costs import CostCounter
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class ChannelPad(ChannelAdapter):
    """Adds channels of zeros."""

    def channel_problem(self, shape: Shape) -> Problem | None:
        """Return the problem that the recording has more channels than the output."""
        num_channels = shape.dims[0] or 0
        if num_channels <= self.channels:
            return None
        return Problem(
            "SHP523",
            f"`channel_pad` gives {self.channels} channels, but the data have {num_channels}",
            at="channels",
            label="fewer than the data",
            helps=(f"set `channels: {num_channels}`, or use `channel_project`",),
            rewrites=(Rewrite(f"give {num_channels} channels", "channels", num_channels, safe=False),),
        )

    def costs_each(self, inputs: Mapping[str, Inputs]) -> Costs:
        """Return the costs: no parameters, one output."""
        time = max((ports["input"][0].dims[1] or 0 for ports in inputs.values()), default=0)
        varies = any(ports["input"][0].dims[1] is None for ports in inputs.values())
        return CostCounter().write(self.channels, (None if varies else time,)).costs()

    def build_each(self, inputs: Mapping[str, Inputs]) -> TorchModule:
        """Return the head as a torch module."""
        from declare.nn.modules.channel_pad import ChannelPad as Real

        return Real(self.channels)
