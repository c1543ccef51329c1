"""Hidden layers and a linear layer to the target.

Hidden layers with activation and dropout, then a linear layer to the output that the task needs.

Takes one or several vectors [features] or numbers [], concatenated, or sequences [time, features] for
sequence targets (each step independently). Gives `output` in the shape of the target, without softmax or
sigmoid. Source: any textbook.

```yaml
model:
  encoder: {type: mlp, input: features}
tasks:
  digit: {type: classification, dataset: digits, target: label, head: {type: mlp, hidden: [64]}}
```
"""

from typing import Annotated, Literal

from pydantic import Field as Param

from declare.components.heads._vectors import VectorHead, widths
from declare.contract.kinds.module import Costs, Inputs
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Mlp(VectorHead):
    """Hidden layers with activation and dropout, then a linear layer to the output that the task needs."""

    hidden: list[Annotated[int, Param(gt=0)]] = Param(
        [256], min_length=1, max_length=1_000, description="width of each hidden layer"
    )
    dropout: float = Param(
        0.0,
        ge=0,
        lt=1,
        description="dropout: fraction of features zeroed after each hidden layer in training",
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Param(
        "relu", description="activation after each hidden layer"
    )

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the layers for all steps."""
        before, outputs, steps = widths(inputs, output)
        tally = CostCounter()
        for width in self.hidden:
            tally.linear(before, width, positions=size(steps)).write(
                width * (2 if self.dropout else 1), steps
            )
            before = width
        return tally.linear(before, size(outputs) or 0, positions=size(steps)).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the head as a torch module."""
        from declare.nn.heads.mlp import MLP

        features, outputs, _ = widths(inputs, output)
        return MLP(features, self.hidden, outputs, activation=self.activation, dropout=self.dropout)
