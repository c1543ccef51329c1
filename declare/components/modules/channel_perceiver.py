"""Maps recordings with any number of channels to a fixed number by attention.

Cross-attention from learned queries to the channels of a recording: each output is a weighted sum of channels
at every time step. Each dataset has an embedding for every channel of its montage; all other parameters are
shared, so that corpora with different montages train one model. The weights also depend on each channel's
standard deviation and slope in the sample.

Takes a series [channels, time] with any number of channels. Gives `output`, a series [`channels`, time].
Missing values (NaN) become 0. A new dataset needs new embeddings: initialise the other parameters from an
earlier run with `init: [{from: run:PATH, strict: false}]`. Source: Jaegle et al. 2021 (Perceiver),
https://arxiv.org/abs/2103.03206.

```yaml
model:
  adapter: {type: channel_perceiver, input: eeg, channels: 32}
  encoder: {type: series_patch, input: adapter, patch: 20, dim: 64, depth: 2, heads: 4}
```
"""

from collections.abc import Iterable, Mapping

from pydantic import Field as Param

from declare.components.modules import _attending, _pretrained
from declare.components.modules._montages import ChannelAdapter, montages
from declare.contract.kinds.module import Costs, Inputs, Padding
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.problem import Problem
from declare.contract.torch_types import TorchModule


class ChannelPerceiver(ChannelAdapter):
    """Cross-attention from learned queries to any number of channels."""

    dim: int = Param(32, gt=0, description="features of queries and channel embeddings")
    heads: int = Param(
        4, gt=0, description="number of attention heads, between which the features are divided"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem if `heads` does not divide `dim`."""
        yield from _attending.uneven(self.dim, self.heads, rotary=False)

    def padding_policy(self) -> Padding:
        """Return that channel statistics are computed from a sample's own steps only."""
        return Padding(lengths_of="input")

    def costs_each(self, inputs: Mapping[str, Inputs]) -> Costs:
        """Return the costs of a sample with the largest montage."""
        counts = montages(inputs)
        name = max(counts, key=lambda dataset: counts[dataset])
        count, time = counts[name], inputs[name]["input"][0].dims[1]
        tally = CostCounter().linear(3, self.dim, positions=count).linear(self.dim, self.dim, positions=count)
        tally.linear(self.dim, self.heads, positions=count)
        tally.multiply(self.channels * count * self.dim)
        tally.multiply(size((self.channels, count, time)))
        tally.parameters += self.channels * (self.dim + self.heads + 1) + sum(counts.values()) * self.dim
        return tally.costs()

    def build_each(self, inputs: Mapping[str, Inputs]) -> TorchModule:
        """Return the head as a torch module."""
        from declare.nn.modules.channel_perceiver import ChannelPerceiver as Real

        return _pretrained.start(Real(montages(inputs), self.channels, self.dim, self.heads), self.pretrained)
