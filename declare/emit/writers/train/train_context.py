"""What the parts of `train.py` know of the program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from declare.contract.code import NotWrittenError, text_literal
from declare.emit.writers.phase_code import PhaseCode
from declare.emit.writers.task_code import TaskCode
from declare.ir.plan import Plan

_IMPORTS = (
    "import argparse", "import json", "import os", "from pathlib import Path", "from typing import Any",
    "import torch", "from torch import Tensor, distributed", "from safetensors.torch import load_file, save_file",
    "import data", "import losses", "from model import Model",
)  # fmt: skip


@dataclass
class TrainContext:
    """The plan, its phases, and the methods of the model by program; `imports` grow as code is written."""

    plan: Plan
    phases: Mapping[str, PhaseCode]
    methods: Mapping[str, str]
    datasets: Mapping[str, Sequence[str]]
    """Program -> datasets whose batches it reads."""
    draws: bool
    """Whether training draws random numbers."""
    norms: bool
    """Whether the model may have batch norms."""
    imports: set[str] = field(default_factory=lambda: {*_IMPORTS})
    definitions: dict[str, None] = field(default_factory=dict)
    """What components define beside the loop, in order."""

    def __post_init__(self) -> None:
        tasks = self.plan.tasks.items()
        trained = {name for phase in self.plan.phases for name in phase.tasks}
        self.tasks = {name: task for name, task in tasks if name in trained}
        """Those that some phase trains, by name: the others are not evaluated."""
        self.masking = [name for name, task in tasks if self._task(name, task.datasets[0]).view is not None]
        self.draws = self.draws or any(phase.masking for phase in self.phases.values())
        fields = {phase.scales.field for phase in self.plan.phases if phase.scales}
        if len(fields) > 1:
            raise NotWrittenError("`scales` of several fields")
        self.scaled_field = fields.pop() if fields else None

    def call(self, program: str, batches: Mapping[str, str]) -> str:
        """Return the code of a call of the model; `batches` maps datasets to the code of their batches."""
        arguments = [batches[name] for name in self.datasets[program]]
        method = self.methods[program]
        return f"model{'' if method == 'forward' else '.' + method}({', '.join(arguments)})"

    def view(self, task: str, dataset: str, batch: str, seed: str) -> str:
        """Return the code of what a task hides of a batch."""
        draws = f", torch.Generator().manual_seed({seed})" if self.draws_view(task, dataset) else ""
        return f"losses.{self._task(task, dataset).view_name}({batch}{draws})"

    def draws_view(self, task: str, dataset: str) -> bool:
        """Return whether what a task hides is drawn at random."""
        return self._task(task, dataset).view_draws

    def _task(self, task: str, dataset: str) -> TaskCode:
        return next(iter(self.phases.values())).task(task, dataset)

    def offset(self, task: str, dataset: str, among: list[str]) -> int:
        """Return what is added to a seed if a task, one of several, hides inputs of a dataset."""
        return 1_000_003 * among.index(task) + 10_007 * list(self.plan.tasks[task].datasets).index(dataset)


def indent(lines: list[str], depth: int = 1) -> list[str]:
    """Return lines further to the right."""
    return [f"{'    ' * depth}{line}" for line in lines]


def selects(pattern: str, names: tuple[str, ...]) -> str:
    """Return the code of the condition that `name` is one of `names`: by their pattern if that matches them."""
    if all(fnmatchcase(name, pattern) for name in names):
        return f"fnmatchcase(name, {text_literal(pattern)})"
    return f"name in {{*{names!r}}}"
