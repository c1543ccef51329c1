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

from declare.components.heads._vectors import VectorHead, widths
from declare.contract.kinds.module import Costs, Inputs
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Linear(VectorHead):
    """One linear layer from the features to the output that the task needs."""

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the layer for all steps."""
        features, outputs, steps = widths(inputs, output)
        return CostCounter().linear(features, size(outputs) or 0, positions=size(steps)).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.linear import Linear as Real

        features, outputs, _ = widths(inputs, output)
        return Real(features, outputs)
