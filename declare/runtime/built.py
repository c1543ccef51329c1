"""The workshop of real runs: parts made from a plan by the build room, over tables of the data room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from declare.build.evaluation import Evaluator
from declare.build.graph import make_graph
from declare.ir.plan import Plan
from declare.runtime.events import Event

Tell = Callable[[Event], object]


class BuiltWorkshop:
    """Makes the parts of a run; the statistics of the transforms stand in `place` (None: nowhere)."""

    def __init__(
        self, plan: Plan, place: Path | None, device: torch.device, tell: Tell | None = None
    ) -> None:
        self._plan = plan
        self.device = device
        self.statistics = _statistics(plan, place)
        self._tables = open_tables(plan, self.statistics, tell)
        self.graph = make_graph(plan).to(device)
        if plan.hardware.compile is True:
            self.graph.compile()
        self._evaluator = Evaluator(plan, self.graph, self._tables, device)
