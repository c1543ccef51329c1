"""A neural readout that learns the position at which each unit reads the feature map.

Each unit reads the feature map at one learned position (bilinear interpolation) with its own feature weights.
In training the position is drawn for each sample from a normal distribution around the unit's mean, which
gives the mean a gradient; in evaluation the mean is used. A unit has features + 7 parameters, whatever the
size of the map.

Takes a feature map [channels, height, width], or a video, whose frames count as additional features. Gives
`output` [units], without nonlinearity: a `counts` task turns it into a rate. Source: Lurz et al. 2021.

```yaml
model:
  core: {type: conv3d, input: stimulus}
tasks:
  response:
    type: counts
    datasets: [monday, tuesday]
    target: spikes
    head: {type: gaussian_readout, per_dataset: true}
```
"""

from math import prod
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.readout_heads import check_readout_inputs, features_at
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class GaussianReadout(Head):
    """A position and feature weights for each unit."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("image", "video")),)

    spread: float = Param(
        0.3,
        gt=0,
        le=1e3,
        description="initial standard deviation of the position, in units of half the map",
    )
    within: float = Param(
        0.3,
        ge=0,
        le=1,
        description="initial positions are drawn at random within this distance of the centre",
    )

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape, or the problem that the input is not a map."""
        return check_readout_inputs(self, inputs, output) or {"output": output}

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the readout: a few numbers for each unit."""
        units = prod(dim or 0 for dim in output.dims)
        tally = CostCounter().write(units)
        tally.parameters = units * (features_at(inputs) + 7)
        return tally.costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.gaussian_readout import GaussianReadout as Real

        units = prod(dim or 0 for dim in output.dims)
        return Real(features_at(inputs), units, spread=self.spread, within=self.within)
