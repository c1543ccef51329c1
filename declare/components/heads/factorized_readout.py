"""A neural readout with a spatial mask and feature weights for each unit.

Each unit has a mask over the places of the feature map and weights over its features, so that location and
feature preference are separate. Regularise the masks (`l1` on `heads.TASK.*.mask`) to make them local. With
few samples use `gaussian_readout`, which has fewer parameters.

Takes a feature map [channels, height, width] of fixed size, or a video, whose frames count as additional
features. Gives `output` [units], without nonlinearity: a `counts` task turns it into a rate. Source: Klindt
et al. 2017.

```yaml
model:
  core: {type: conv3d, input: stimulus}
tasks:
  response: {type: counts, dataset: monday, target: spikes, head: factorized_readout}
```
"""

from math import prod
from typing import ClassVar

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import varying_size
from declare.contract.nodes.readout_heads import check_readout_inputs, features_at
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class FactorizedReadout(Head):
    """A mask over places and weights over features for each unit."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("image", "video")),)

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape, or the problem that the input has no places."""
        if problem := check_readout_inputs(self, inputs, output):
            return problem
        if None in inputs["input"][0].dims[-2:]:
            return varying_size(self, "image size", "input")
        return {"output": output}

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the spatial sums; the feature weights cost almost nothing."""
        units = prod(dim or 0 for dim in output.dims)
        features, places = features_at(inputs), prod(dim or 0 for dim in inputs["input"][0].dims[-2:])
        tally = CostCounter().multiply(features * places * units).write(units)
        tally.parameters = units * (features + places + 1)
        return tally.costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.factorized_readout import FactorizedReadout as Real

        height, width = (dim or 0 for dim in inputs["input"][0].dims[-2:])
        return Real(features_at(inputs), height, width, prod(dim or 0 for dim in output.dims))
