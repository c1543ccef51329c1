"""Passes on what a module gives as a cost; the head of `auxiliary` tasks.

Takes a number for each sample and gives it as `output`. Has no parameters. Source: none.

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
from declare.contract.nodes.port_check import misfit
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Cost(Head):
    """Passes a cost on."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("number",)),)

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return a number for each sample, or why the task needs something else."""
        if problem := misfit(self, inputs):
            return problem
        if output.layout == "number":
            return {"output": output}
        title = f"`cost` gives a number for each sample, but the task needs {output}"
        return Problem("SHP511", title, helps=("leave `head` out: the task type knows which it needs",))

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return next to nothing."""
        return CostCounter().write(1).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the real head."""
        from declare.nn.heads.cost import Cost as Real

        return Real()
