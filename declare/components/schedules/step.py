"""`step`: reduces the learning rate at regular intervals."""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.duration import Duration
from declare.contract.kinds.schedule import Schedule


class Step(Schedule):
    """Multiplies the learning rate by `gamma` after each `every`, counted from the end of the warm-up.

    Source: any textbook.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: step, every: 3 epochs, gamma: 0.1}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "StepLR",
        "MultiStepLR",
        "multistep",
        "step_decay",
        "PiecewiseConstantDecay",
        "piecewise",
        "piecewise_constant",
    )

    every: Duration = Param(description="duration between two reductions")
    gamma: float = Param(0.1, gt=0, lt=1, description="factor of the learning rate at each reduction")

    def resolve(self, total_steps: int, steps_per_epoch: int) -> Schedule:
        """Return the schedule with `every` in steps."""
        steps = self.every.steps(total_steps, steps_per_epoch)
        return self.model_copy(update={"every": Duration(float(steps), "steps")})

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        assert self.every.unit != "epochs", "a plan has it in steps"
        return float(self.gamma ** (step // max(self.every.steps(total, 1), 1)))
