"""What a worker of Ray Train does: the same training as any process of a group."""

import logging
import os
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.runtime.distributed import event_pipe
from declare.runtime.distributed.exit_codes import LOST
from declare.runtime.distributed.rank_environment import LAUNCH
from declare.runtime.listeners.listener import Listener
from declare.runtime.listeners.metrics import scalars
from declare.runtime.run import Outcome, train
from declare.runtime.run_folder import trust_check
from declare.runtime.run_folder.event_file import Event
from declare.system.trust import allow_downloads

_WORDS = "words-"
_LINES = 12


@dataclass(frozen=True)
class Task:
    """What every worker is given."""

    plan: str
    spec_text: str
    folder: str | None
    train_options: dict[str, Any]
    """Further arguments of `run.train`."""
    home: str
    """The working directory of the command: paths of the plan count from there."""
    environment: dict[str, str]
    granted: tuple[str, ...]
    """The code that the user of the command trusts."""
    threads: int
    """Of each worker; 0 leaves it to Ray."""
    launch: str = ""
    """The folder of this attempt."""


class LostError(RuntimeError):
    """Another worker has gone."""


class Reports(Listener):
    """Gives Ray the metrics of every evaluation; Ray waits until all workers have done so."""

    everywhere = True

    def on_event(self, event: Event) -> None:
        """Report an evaluation."""
        if event.name == "evaluated":
            position = {"phase": event.phase, "step": event.total}
            import_module("ray.train").report({**position, **scalars(event)})


def work(config: dict[str, Any]) -> None:
    """Train in this process, which Ray has connected with the others."""
    task: Task = config["task"]
    rank = int(import_module("ray.train").get_context().get_world_rank())
    folder = Path(task.launch)
    _enter_environment(task, rank)
    try:
        result = _train(task, folder)
    except BaseException:
        traceback.print_exc()
        raise
    if result.status == LOST:
        raise LostError("another worker has gone")
    if rank == 0:
        event_pipe.write_result(folder, result)


def _enter_environment(task: Task, rank: int) -> None:
    """Give the process the surroundings of the command; what it writes to standard error is kept."""
    os.chdir(task.home)
    os.environ.update(task.environment)
    os.environ[LAUNCH] = task.launch
    words = os.open(Path(task.launch) / f"{_WORDS}{rank}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(words, 2)
    _silence_library(Path(str(import_module("ray").__file__)).parent)
    if task.threads:
        import torch

        torch.set_num_threads(task.threads)


def _silence_library(library: Path) -> None:
    """Hide the library's reports of its work."""

    def is_news(record: logging.LogRecord) -> bool:
        # By the place in the code: some of its loggers are named by their files.
        return record.levelno >= logging.WARNING or not Path(record.pathname).is_relative_to(library)

    for handler in {*logging.getLogger().handlers, *logging.getLogger("ray").handlers}:
        handler.addFilter(is_news)


def _train(task: Task, folder: Path) -> event_pipe.Result:
    listeners = (event_pipe.Sender(folder), Reports())
    place = Path(task.folder) if task.folder else None
    allow_downloads()
    try:
        plan = Plan.model_validate_json(task.plan)
        trust_check.require(plan, task.granted)
        outcome = train(plan, task.spec_text, place, listeners=listeners, **task.train_options)
    except ProblemError as error:
        return event_pipe.Result(2, problems=error.problems, refused=True)
    return _result(outcome)


def _result(outcome: Outcome) -> event_pipe.Result:
    return event_pipe.Result(outcome.status, str(outcome.folder), outcome.metrics, outcome.problems)


def log_tail(folder: Path, rank: int) -> str:
    """Return the end of what a worker wrote to standard error."""
    path = folder / f"{_WORDS}{rank}"
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return "\n".join(text.strip().splitlines()[-_LINES:])
