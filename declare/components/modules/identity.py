"""Passes its input on unchanged.

Takes one input of any layout, and gives it as `output`. It makes a field a module of the model, so that a
head can read the field directly: for a linear model or a baseline. Source: torch's Identity.

```yaml
model:
  features: {type: identity, input: features}
```
"""

from typing import ClassVar

from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import AXES
from declare.contract.torch_types import TorchModule


class Identity(Module):
    """Passes its input on unchanged."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", tuple(AXES)),)
    random: ClassVar[bool] = False

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the input's shape."""
        return check_inputs(self, inputs) or {"output": inputs["input"][0]}

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently."""
        return Padding()

    def costs(self, inputs: Inputs) -> Costs:
        """Return no costs."""
        return Costs(0, 0, 0)

    def build(self, inputs: Inputs) -> TorchModule:
        """Return torch's identity."""
        from torch import nn

        return nn.Identity()
