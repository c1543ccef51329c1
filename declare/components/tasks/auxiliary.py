"""`auxiliary`: an output of a module that is itself a loss."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Auxiliary(Task):
    """Minimises an output of a module: a loss that the module computes itself.

    `input` is `module.output`, such as the `prediction_error` of `predictive_coding`. It must be one number
    for each sample; the loss is its mean over samples. The task has no target and uses all datasets unless it
    names some.

    ```yaml
    tasks:
      surprise: {type: auxiliary, input: state.prediction_error, weight: 0.1}
    ```
    """

    targets: ClassVar[tuple[Layout, ...]] = ()
    prediction: ClassVar[Prediction] = "cost"
    default_head: ClassVar[str] = "cost"
    default_loss: ClassVar[str] = "mean"
    default_metrics: ClassVar[tuple[str, ...]] = ()
    everywhere: ClassVar[bool] = True

    input: str = Param(description="the output that is minimised: `module.output`")

    def own_head(self) -> dict[str, Any]:
        """Return the head that passes the output on."""
        return {"type": self.default_head, "input": self.input}

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return a target of a number for each sample."""
        return Target(prediction=self.prediction, output=Shape("number", ()), may_miss=False)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.auxiliary import Auxiliary as Real

        return Real()
