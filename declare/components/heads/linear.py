"""One linear layer to the target.

One linear layer from the features to the output that the task needs.

Takes one or several vectors [features] or numbers [], concatenated, or sequences [time, features] for
sequence targets (each step independently). Gives `output` in the shape of the target, without softmax or
sigmoid. Source: any textbook.

```yaml
model:
  encoder: {type: mlp, input: features}
tasks:
  digit: {type: classification, dataset: digits, target: label, head: linear}
```
"""

from typing import ClassVar

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.vector_heads import check_head_inputs, fill_steps, widths
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Linear(Head):
    """One linear layer from the features to the output that the task needs."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector", "number", "sequence"), many=True),)

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape, or the problem that the inputs do not fit it."""
        return check_head_inputs(self, inputs, output) or {"output": fill_steps(inputs, output)}

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently."""
        return Padding()

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the layer for all steps."""
        features, outputs, steps = widths(inputs, output)
        return CostCounter().linear(features, size(outputs) or 0, positions=size(steps)).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.linear import Linear as Real

        features, outputs, _ = widths(inputs, output)
        return Real(features, outputs)
