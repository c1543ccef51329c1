"""Recordings with fewer channels, filled up with channels of zeros.

Nothing is learned, and channels keep their places: right where montages are nested, so that channel 1 is the same
electrode everywhere.

Takes a series [channels, time] with at most `channels` channels. Gives `output`, a series [`channels`, time]. Missing
values (NaN) count as 0. Source: any textbook.

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
        """Return that there are more channels than it gives."""
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
        time = max((own["input"][0].dims[1] or 0 for own in inputs.values()), default=0)
        varies = any(own["input"][0].dims[1] is None for own in inputs.values())
        return CostCounter().write(self.channels, (None if varies else time,)).costs()

    def build_each(self, inputs: Mapping[str, Inputs]) -> TorchModule:
        """Return the real module."""
        from declare.nn.modules.channel_pad import ChannelPad as Real

        return Real(self.channels)
