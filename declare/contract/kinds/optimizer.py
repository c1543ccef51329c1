"""Optimizers: update rules for parameters."""

from typing import Any, ClassVar

from pydantic import Field as Param

from declare.contract.code import Code, NotWrittenError
from declare.contract.component import Component, Strict
from declare.contract.torch_types import TorchOptimizer


class Group(Strict):
    """Parameters with their own learning rate and weight decay."""

    match: str = Param(description="a glob over parameter names: `encoder.*`")
    lr: float | None = Param(None, gt=0, le=1e3, description="learning rate; default: that of the optimizer")
    weight_decay: float | None = Param(
        None, ge=0, le=1e3, description="weight decay; default: that of the optimizer"
    )


class Optimizer(Component):
    """An optimizer; every one has a learning rate and may have parameter groups."""

    whole: ClassVar[bool] = False
    """Whether it takes whole parameters alone, and none that processes hold in shares."""
    sets_own_lr: ClassVar[bool] = False
    """Whether it finds the rates of later steps itself, and reads the stated one at the first step alone."""

    package: ClassVar[str | None] = None
    """The library that it cannot do without, beside those that every run has."""
    num_states: ClassVar[int | None] = None
    """Numbers that it keeps for each parameter; None if it is unknown."""

    lr: float = Param(gt=0, le=1e3, description="learning rate")
    groups: list[Group] = Param([], description="parameter groups with their own settings, by pattern")

    def states_per_parameter(self) -> int | None:
        """Return the number of optimizer state values per parameter, for its current settings."""
        return self.num_states

    @property
    def base_decay(self) -> float:
        """Return the weight decay of parameters whose group states none; 0 for rules without one."""
        return float(dict(self).get("weight_decay") or 0.0)

    @property
    def decays_norm_and_bias(self) -> bool:
        """Return whether parameters of one axis are decayed too; a library's rule decays all."""
        return bool(dict(self).get("decay_norm_and_bias", True))

    def code(self, groups: str) -> Code:
        """Return the code of the optimizer of `groups`, an expression; raises `NotWrittenError`."""
        raise NotWrittenError(f"the optimizer `{self.type_name()}`")

    def build(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        """Return the torch optimizer for groups `{params, lr, weight_decay}`, fused if the device supports it."""
        raise NotImplementedError
