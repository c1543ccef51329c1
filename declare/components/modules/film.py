"""A modulator: features scaled and shifted by a condition.

Feature-wise linear modulation: output = x * gain(condition) + shift(condition), one gain and one shift for
each feature, shared by all places. They come from one hidden layer (ELU) and start at 1 and 0, so that the
untrained modulator is the identity.

Takes `input`, features of any layout (vector, sequence, series, image or video), and `condition`, a vector or
number (behaviour, arousal, a context). Gives `output` with the layout of `input`. Source: Perez et al. 2018.

```yaml
model:
  core: {type: conv3d, input: stimulus}
  state: {type: film, input: [core, behaviour]}
```
"""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.torch_types import TorchModule


class Film(Module):
    """Features scaled and shifted by a condition."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("image", "video", "series", "sequence", "vector")),
        Port("condition", ("vector", "number")),
    )
    random: ClassVar[bool] = False

    hidden: int = Param(16, ge=0, description="width of the hidden layer; 0 for a linear map")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the shape of the input."""
        return check_inputs(self, inputs) or {"output": inputs["input"][0]}

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently."""
        return Padding()

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the conditioning network; the modulation itself has no matrix products."""
        features, condition = _widths(inputs)
        tally = CostCounter()
        if self.hidden:
            tally.linear(condition, self.hidden).write(self.hidden)
        return tally.linear(self.hidden or condition, 2 * features).costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.film import FiLM as Real

        features, condition = _widths(inputs)
        last = inputs["input"][0].layout == "sequence"
        return _pretrained.start(
            Real(features, condition, hidden=self.hidden, features_last=last), self.pretrained
        )


def _widths(inputs: Inputs) -> tuple[int, int]:
    return inputs["input"][0].features or 0, inputs["condition"][0].features or 0
