"""Stops a phase whose metric no longer improves."""

import math
from typing import Any

from declare.ir.lr_schedule import is_better
from declare.ir.plan import EarlyStopPlan, Plan
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run_folder.event_file import Event


class EarlyStop(Listener):
    """Wishes that the phase stops when its metric was not beaten for `patience_steps`."""

    name = "early_stop"

    def __init__(self, plan: Plan) -> None:
        self._rules = {phase.name: phase.early_stop for phase in plan.phases}
        self._best = math.nan
        self._step = 0

    def on_event(self, event: Event) -> Request | None:
        """Judge an evaluation; a new phase, or another size of images, begins with a clean slate."""
        if event.name == "phase_started":
            self._best, self._step = math.nan, 0
        if event.name == "evaluation_size":
            self._best, self._step = math.nan, event.step
        rule = self._rules.get(event.phase or "")
        if event.name != "evaluated" or rule is None:
            return None
        return self._request_stop(rule, event)

    def _request_stop(self, rule: EarlyStopPlan, event: Event) -> Request | None:
        value = event["metrics"].get(rule.metric, math.nan)
        first = math.isnan(self._best) and math.isfinite(value)
        if first or (math.isfinite(value) and is_better(value, self._best, rule.mode, rule.min_delta)):
            self._best, self._step = value, event.step
        if math.isnan(self._best):  # nothing was measured yet that could stop improving
            return None
        return Request.STOP_PHASE if event.step - self._step >= rule.patience_steps else None

    def state_dict(self) -> dict[str, Any]:
        """Return the value to beat and when it was reached."""
        return {"best": self._best, "step": self._step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the value to beat."""
        self._best, self._step = state["best"], state["step"]
