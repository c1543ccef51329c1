"""Maps recordings to a fixed number of channels with one linear map for each dataset.

Every dataset has its own matrix [`channels`, its channels]; only the bias is shared. Use it if each montage
has much data; `channel_perceiver` shares more parameters.

Takes a series [channels, time]. Gives `output`, a series [`channels`, time]. Missing values (NaN) become 0.
Source: any textbook (a spatial filter).

```yaml
model:
  adapter: {type: channel_project, input: eeg, channels: 32}
  encoder: {type: series_patch, input: adapter, patch: 20, dim: 64, depth: 2, heads: 4}
```
"""

from collections.abc import Mapping

from declare.components.modules import _pretrained
from declare.components.modules._montages import ChannelAdapter, montages
from declare.contract.kinds.module import Costs, Inputs
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.torch_types import TorchModule


class ChannelProject(ChannelAdapter):
    """A linear map of channels for each dataset."""

    def costs_each(self, inputs: Mapping[str, Inputs]) -> Costs:
        """Return the costs of a sample with the largest montage."""
        counts = montages(inputs)
        times = [ports["input"][0].dims[1] for ports in inputs.values()]
        products = [
            size((self.channels, count, time)) for count, time in zip(counts.values(), times, strict=True)
        ]
        known = [item for item in products if item is not None]
        tally = CostCounter().multiply(max(known) if len(known) == len(products) else None)
        tally.parameters = self.channels * (sum(counts.values()) + 1)
        return tally.costs()

    def build_each(self, inputs: Mapping[str, Inputs]) -> TorchModule:
        """Return the head as a torch module."""
        from declare.nn.modules.channel_project import ChannelProject as Real

        return _pretrained.start(Real(montages(inputs), self.channels), self.pretrained)
