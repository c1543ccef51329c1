"""`plateau`: reduces the learning rate when a metric stops improving."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.schedule import PlateauRule, Schedule
from declare.contract.problem import Problem


class Plateau(Schedule):
    """Multiplies the learning rate by `factor` after `patience` evaluations without improvement of a metric.

    It follows the metric of `evaluate.best` unless `metric` is stated. Source:
    torch.optim.lr_scheduler.ReduceLROnPlateau.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: plateau, metric: val/digit/loss, mode: min, factor: 0.3, patience: 2}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "ReduceLROnPlateau",
        "reduce_lr_on_plateau",
        "reduce_on_plateau",
    )

    reactive: ClassVar[bool] = True

    metric: str | None = Param(
        None, description="the metric that it follows; default: the phase's `evaluate.best`"
    )
    mode: Literal["max", "min"] | None = Param(
        None, description="whether higher (`max`) or lower (`min`) values of `metric` are better"
    )
    factor: float = Param(0.1, gt=0, lt=1, description="factor of the learning rate at each reduction")
    patience: int = Param(5, ge=0, description="evaluations without improvement before a reduction")
    min_delta: float = Param(
        0.0, ge=0, le=1e12, description="the smallest change that counts as an improvement"
    )
    minimum: float = Param(
        0.0, ge=0, lt=1, description="lower bound of the learning rate, as a fraction of the base rate"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem if `metric` is stated without `mode`."""
        if self.metric is not None and self.mode is None:
            yield Problem(
                "PHS633",
                f"`plateau` follows `{self.metric}`, but `mode` is not stated",
                at="metric",
                label="max or min?",
                helps=("add `mode: max` or `mode: min`",),
            )

    def follow(self, metric: str, mode: Literal["max", "min"]) -> Schedule:
        """Return the schedule that follows `metric`, unless it states its own."""
        update = {"metric": metric, "mode": mode}
        return self if self.metric is not None else self.model_copy(update=update)

    def plateau_rule(self) -> PlateauRule | None:
        """Return its parameters; None if no metric is known that it follows."""
        if self.metric is None:
            return None
        return PlateauRule(
            self.metric,
            "min" if self.mode is None else self.mode,
            self.factor,
            self.patience,
            self.min_delta,
            self.minimum,
        )

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        return 1.0
