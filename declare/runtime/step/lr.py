"""The learning rates that an optimizer uses: base rates times what the schedule of the phase gives for the step."""

import torch

from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import PhasePlan


class OptimizerLR:
    """The learning rates of an optimizer's parameter groups in a phase."""

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: LRSchedule, phase: PhasePlan) -> None:
        self._optimizer, self._schedule = optimizer, schedule
        self._bases = [group["lr"] for group in optimizer.param_groups]
        self._phase_base = float(phase.optimizer["lr"])
        self._group_bases = {group.match: group.lr for group in phase.groups if group.lr != self._phase_base}
        self._last_factor: float | None = None

    def apply(self, number: int) -> None:
        """Give each group its learning rate at step `number`."""
        factor = self._schedule(number)
        if factor != self._last_factor:
            # Read again: loading a state gives the optimizer new groups.
            for group, base in zip(self._optimizer.param_groups, self._bases, strict=True):
                group["lr"] = base * factor
            self._last_factor = factor

    @property
    def current(self) -> float:
        """The phase's learning rate as last used: that of parameters whose group states none."""
        return self._phase_base * (1.0 if self._last_factor is None else self._last_factor)

    @property
    def by_group(self) -> dict[str, float]:
        """Pattern -> learning rate as last used, of the groups that state another one than the phase's."""
        factor = 1.0 if self._last_factor is None else self._last_factor
        return {match: base * factor for match, base in self._group_bases.items()}
