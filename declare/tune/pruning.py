"""Ends a poor trial: it gets the metrics of evaluations and asks the engine whether to continue."""

import math
from collections.abc import Callable

from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run_folder.event_file import Event

Ask = Callable[[int, float], bool]
"""(step, value) -> whether the trial should end."""


class Pruning(Listener):
    """Reports the searched metric at each evaluation; `pruned` is whether it asked the run to stop."""

    def __init__(self, metric: str, ask: Ask) -> None:
        self.metric, self._ask = metric, ask
        self.pruned = False

    def on_event(self, event: Event) -> Request | None:
        """Report an evaluation that measured the metric."""
        if event.name != "evaluated":
            return None
        value = event["metrics"].get(self.metric, math.nan)
        if not math.isfinite(value) or not self._ask(event.total, value):
            return None
        self.pruned = True
        return Request.STOP_RUN
