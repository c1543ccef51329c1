"""The run folder: how one is made without ever overwriting another, and how one is read. Needs no torch."""

import csv
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from declare.contract import strict_json
from declare.contract.problem import Problem, ProblemError
from declare.data.store.statistic_forms import statistics_mismatch
from declare.diagnostics.output import visible_json
from declare.ir.plan import Plan
from declare.runtime.run_folder.durable_io import brief, fsync_folder, translate_os_errors, write_durably
from declare.runtime.run_folder.event_file import EVENTS_FILE, read_events
from declare.runtime.run_folder.lock import is_locked
from declare.runtime.run_folder.manifest import STATE, SavedCheckpoint, damage, read_manifest
from declare.runtime.run_folder.plan_file import is_plan, read_plan
from declare.runtime.run_folder.progress import TrainProgress
from declare.system.schema_check import checked_forms, malformed_problem, read_json

SPEC, PLAN, FINAL, METRICS, STATISTICS = (
    "spec.yaml",
    "plan.json",
    "metrics.json",
    "metrics.csv",
    "statistics.json",
)
Value = TypeVar("Value")
_TRIES = 10
_RUN_NAME = re.compile(r"\d{8}-\d{6}(-\d+)?")
Status = Literal["running", "finished", "missed", "stopped", "failed", "killed", "new"]
_ENDS: dict[str, Status] = {"run_stopped": "stopped", "run_failed": "failed"}


def create(plan: Plan, spec_text: str, folder: Path | None, sources: Mapping[str, str] | None = None) -> Path:
    """Make a run folder with spec and plan inside and return it; it appears whole or not at all.

    `folder` must be new or empty; without it the run goes to `runs/NAME/<time>`. Raises `ProblemError`
    (RES803, RES804, RES811, RES812).
    """
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProblemError(_not_empty(folder))
    parent = (folder or Path("runs") / plan.name / "x").absolute().parent
    with translate_os_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        draft = parent / f".draft-{os.getpid()}-{time.monotonic_ns()}"
        try:
            _fill(draft, plan, spec_text, sources or {})
            return _publish(draft, parent, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def plan_content(plan: Plan) -> bytes:
    """Return what `plan.json` holds: JSON in which control and format characters of names are escapes."""
    return visible_json(plan.model_dump_json(indent=1)).encode()


def _fill(draft: Path, plan: Plan, spec_text: str, sources: Mapping[str, str]) -> None:
    draft.mkdir(mode=0o700)
    write_durably(draft / SPEC, spec_text.encode())
    write_durably(draft / PLAN, plan_content(plan))
    if sources:
        (draft / "sources").mkdir(mode=0o700)
        for number, (name, text) in enumerate(sources.items()):
            write_durably(draft / "sources" / f"{number}-{Path(name).name}", text.encode())


def _publish(draft: Path, parent: Path, folder: Path | None) -> Path:
    if folder is not None:
        try:
            draft.rename(folder)
        except FileExistsError:
            raise ProblemError(_not_empty(folder)) from None
        fsync_folder(parent)
        return folder
    # A clock that was set back gives no run a name before that of an earlier one.
    earlier = (_age_key(place) for place in parent.glob("[0-9]*") if _RUN_NAME.fullmatch(place.name))
    newest, count = max(earlier, default=("", 0))
    stamp, first = max((time.strftime("%Y%m%d-%H%M%S"), 1), (newest, count + 1))
    for number in range(first, first + 1000):
        place = parent / (stamp if number == 1 else f"{stamp}-{number}")
        # A rename onto a folder that is not empty fails: two runs started together never share one.
        if not place.exists():
            draft.rename(place)
            fsync_folder(parent)
            return place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place
    raise ProblemError(_not_empty(parent / stamp))


def _not_empty(folder: Path) -> Problem:
    is_file = not folder.is_dir()
    resume = () if is_file else ("continue the run that is there with `--resume`",)
    return Problem(
        "RES803",
        f"the run folder `{brief(folder)}` is {'a file' if is_file else 'not empty'}",
        notes=(f"a run never overwrites files: `{folder}`",),
        helps=(*resume, f"{'or ' if resume else ''}name a new folder with `--run-dir`"),
    )


def latest(name: str) -> Path | None:
    """Return the newest run folder of the spec called `name`, or None."""
    runs = [place for place in Path("runs", name).glob("[0-9]*") if (place / PLAN).is_file()]
    return max(runs, key=_age_key, default=None)


def _age_key(place: Path) -> tuple[str, int]:
    stamp, _, rest = place.name[:15], place.name[15:16], place.name[16:]
    return stamp, int(rest) if rest.isdigit() else 1


class Run:
    """A run folder, read: what was planned, what happened, what came out.

    Each file is checked against its published schema, unless this process wrote it a moment ago (`just_written`).
    """

    def __init__(self, path: Path | str, *, just_written: bool = False) -> None:
        self.path = Path(path)
        self._just_written = just_written
        if not (self.path / PLAN).is_file():
            raise ProblemError(_not_a_run(self.path))

    @cached_property
    def plan(self) -> Plan:
        """The plan of the run; raises `ProblemError` (RES808) if it cannot be read."""
        try:
            path = self.path / PLAN
            return Plan.model_validate_json(path.read_bytes()) if self._just_written else read_plan(path)
        except ProblemError as error:
            reasons = "; ".join(error.problem.notes[1:])
            raise ProblemError(_not_a_run(self.path, f"its `{PLAN}` cannot be read: {reasons}")) from error
        except (OSError, ValueError) as error:
            raise ProblemError(_not_a_run(self.path, f"its `{PLAN}` cannot be read")) from error

    @property
    def spec_text(self) -> str:
        """The spec as it was written."""
        return (self.path / SPEC).read_text(encoding="utf-8")

    def events(self, name: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the events in order, or those called `name`; raises `ProblemError` (RES823) for invalid ones."""
        records = read_events(self.path / EVENTS_FILE)
        records = (
            records
            if self._just_written
            else checked_forms(records, "event", self.path / EVENTS_FILE, kind="event")
        )
        return (event for event in records if name is None or event["event"] == name)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the rows of `metrics.csv`: phase, step (of the phase), epoch, metric, value."""
        path = self.path / METRICS
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            try:
                # No cell of ours has quotes: one in a line is damage, and must not swallow the lines after it.
                rows = map(_row, csv.DictReader(file, quoting=csv.QUOTE_NONE))
                return [row for row in rows if row is not None]
            except csv.Error:
                return []

    @property
    def final(self) -> dict[str, float]:
        """The final metrics, NaN if one is not defined, empty before the end.

        Raises `ProblemError` (RES823) if they are damaged, or not those of the event that the run ended with.
        """
        path = self.path / FINAL
        if self._just_written or not path.exists():
            return _read_metrics(path) or {}
        metrics = strict_json.with_nan(read_json(path, "metrics"))
        end = self._last_event() or {}
        reported = end.get("metrics") if end.get("event") == "run_finished" else None
        if isinstance(reported, dict) and (reason := _difference(metrics, strict_json.with_nan(reported))):
            raise ProblemError(malformed_problem(path, reason))
        return metrics

    @property
    def has_finished(self) -> bool:
        """Whether the run came to its end; a damaged file of final metrics can be made again by resuming."""
        return _read_metrics(self.path / FINAL) is not None

    @property
    def statistics(self) -> dict[str, Any]:
        """The transforms' statistics by dataset; raises `ProblemError` (RES808) if they are damaged."""
        path = self.path / STATISTICS
        return read_statistics(path, self.plan) if path.exists() else {}

    @property
    def status(self) -> Status:
        """Return the status of the run; `killed` means that its process died without an event."""
        last = self._last_event()
        if is_locked(self.path):
            return "running"
        if last is None:
            return "new"
        if last["event"] == "run_finished":
            return "missed" if last.get("status") == 1 else "finished"
        return _ENDS.get(last["event"], "killed")

    def _last_event(self) -> dict[str, Any] | None:
        last = None
        for event in read_events(self.path / EVENTS_FILE):
            last = event
        return last

    def checkpoints(self) -> list[SavedCheckpoint]:
        """Return the checkpoints with whole manifests, the newest first."""
        checkpoints = []
        for folder in (self.path / "checkpoints").glob("step-*"):
            try:
                checkpoints.append(read_manifest(folder))
            except ValueError:
                continue
        return sorted(checkpoints, key=lambda checkpoint: -checkpoint.sequence)

    def read_weights(self, which: str, read: Callable[[Path], Value]) -> tuple[Value, SavedCheckpoint]:
        """Return what `read` makes of the weights that `which` names, and their checkpoint.

        A run that is still training may delete a checkpoint meanwhile: then the one that is in its place by now
        is read. Raises what `weights_path` and `read` do.
        """
        for attempt in range(_TRIES):
            before = self._names()
            try:
                checkpoint = self._verify_checkpoint(self._checkpoint(which))
                return read(checkpoint.weights), checkpoint
            except (ProblemError, OSError):
                if before == self._names() or attempt == _TRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _names(self) -> set[str]:
        """Return the names of complete checkpoints, without those being written."""
        try:
            return {place.name for place in (self.path / "checkpoints").iterdir() if place.name[0] != "."}
        except OSError:
            return set()

    def weights_path(self, which: str = "best") -> Path:
        """Return the weights of a phase by its name, `last`, or `best`: those that the final metrics are of.

        Raises `ProblemError` (RES807, RES808) if there are none or the checkpoint is damaged.
        """
        return self.read_weights(which, lambda path: path)[0]

    def require_checkpoint(self) -> None:
        """Raise `ProblemError` (RES807, RES808) if there are no weights yet, or none that can be read."""
        if not self.checkpoints():
            raise ProblemError(self._without_checkpoints())

    def _verify_checkpoint(self, checkpoint: SavedCheckpoint) -> SavedCheckpoint:
        """Return a checkpoint whose files are what was written; raises `ProblemError` (RES807) for others."""
        reason = damage(checkpoint)
        if reason is not None:
            raise ProblemError(_damaged_checkpoint(checkpoint.path, reason))
        return checkpoint

    def _checkpoint(self, which: str) -> SavedCheckpoint:
        checkpoints = self.checkpoints()
        if not checkpoints:
            raise ProblemError(self._without_checkpoints())
        if which == "last":
            return checkpoints[0]
        progress = read_progress(self._verify_checkpoint(checkpoints[0]))
        step = progress.phase_checkpoint(progress.phase if which == "best" else which)
        if step is None and which == "best":
            return checkpoints[0]
        matching = [checkpoint for checkpoint in checkpoints if checkpoint.step == step]
        if not matching:
            raise ProblemError(_not_a_run(self.path, f"it has no weights of `{which}`"))
        return matching[0]

    def _without_checkpoints(self) -> Problem:
        """Return the problem that no checkpoint was written yet, or that none of them is whole."""
        for folder in sorted((self.path / "checkpoints").glob("step-*")):
            try:
                read_manifest(folder)
            except ValueError as error:
                return _damaged_checkpoint(folder, str(error))
        return _not_a_run(self.path, "it has no checkpoint yet")


def read_planned(path: Path) -> tuple[Plan, Run | None] | None:
    """Return the plan of a run, with the run, or the plan in a file; None for what is neither, such as a spec.

    Raises `ProblemError` (RES808, RES823) if they cannot be read.
    """
    if path.is_dir():
        run = Run(path)
        return run.plan, run
    return (read_plan(path), None) if is_plan(path) else None


def read_progress(checkpoint: SavedCheckpoint) -> TrainProgress:
    """Return where a run stood in a checkpoint; raises `ProblemError` (RES807)."""
    try:
        return TrainProgress.of(checkpoint.checked_skeleton())
    except ValueError as error:
        raise ProblemError(_damaged_checkpoint(checkpoint.path, f"`{STATE}`: {error}")) from error


def _damaged_checkpoint(folder: Path, reason: str) -> Problem:
    return Problem(
        "RES807",
        f"checkpoint `{folder.name}` is damaged",
        notes=(f"in `{folder.parent}`: {reason}",),
        helps=("request another one, or start a new run",),
    )


def read_statistics(path: Path, plan: Plan) -> dict[str, Any]:
    """Return the statistics of a run's transforms; raises `ProblemError` (RES808) if they do not match."""
    because = "it knows other datasets than the plan"
    try:
        statistics = read_json(path, "statistics")
        if set(statistics) == set(plan.datasets):
            because = next(
                filter(
                    None,
                    (statistics_mismatch(data, statistics[name]) for name, data in plan.datasets.items()),
                ),
                "",
            )
            if not because:
                return dict(statistics)
    except ProblemError as error:
        because = "; ".join(error.problem.notes[1:])
    raise ProblemError(
        Problem(
            "RES808",
            f"the `{STATISTICS}` of `{brief(path.parent)}` cannot be read",
            notes=("it contains what transforms learned from the training split", because),
            helps=(f"remove `{path}`: `dcl train --resume` makes it again from the data",),
        )
    )


def _read_metrics(path: Path) -> dict[str, float] | None:
    """Return the metrics of a JSON file by name, or None if it is absent or not whole."""
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    is_whole = isinstance(metrics, dict) and all(
        isinstance(value, int | float | None) for value in metrics.values()
    )
    return strict_json.with_nan(metrics) if is_whole else None


def _difference(metrics: Mapping[str, float], reported: Mapping[str, float]) -> str | None:
    """Return which final metric is not the one that `events.jsonl` states, or None; NaN is equal to NaN."""
    names = (name for name in {**reported, **metrics} if str(metrics.get(name)) != str(reported.get(name)))
    name = next(names, None)
    if name is None:
        return None
    return f"at `{name}`: it is {metrics.get(name)}, but `{EVENTS_FILE}` states {reported.get(name)}"


def _row(row: dict[str, str]) -> dict[str, Any] | None:
    """Return a row with its metrics as numbers, or None for one that a crash cut short."""
    try:
        return {
            "phase": row["phase"],
            "step": int(row["step"]),
            "epoch": float(row["epoch"]),
            "metric": row["metric"],
            "value": float(row["value"]),
        }
    except (KeyError, TypeError, ValueError):
        return None


def _not_a_run(path: Path, because: str = "") -> Problem:
    reason = because or ("there is nothing there" if not path.exists() else f"it contains no `{PLAN}`")
    return Problem(
        "RES808",
        f"`{brief(path)}` is not a run that can be read",
        notes=(f"`{path}`: {reason}",),
        helps=("name the folder that `dcl train` printed, such as `runs/NAME/20250101-120000`",),
    )
