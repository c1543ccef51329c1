"""Passes on a number for each sample that a module computes as a loss; the head of `auxiliary` tasks.

Takes a number for each sample, [B], and gives it as `output`. Has no parameters. Source: none.

```yaml
model:
  state: {type: predictive_coding, input: [core, behaviour]}
tasks:
  surprise: {type: auxiliary, input: state.prediction_error, head: {type: cost, input: state.prediction_error}}
```
"""

from typing import ClassVar

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Cost(Head):
    """Passes on the loss that a module computes."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("number",)),)

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return a number for each sample, or the problem if the task needs another output."""
        if problem := check_inputs(self, inputs):
            return problem
        if output.layout == "number":
            return {"output": output}
        title = f"`cost` gives a number for each sample, but the task needs {output}"
        return Problem("SHP511", title, helps=("leave `head` out: the task type knows which it needs",))

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of an identity: almost none."""
        return CostCounter().write(1).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.cost import Cost as Real

        return Real()
