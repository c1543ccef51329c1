"""Progress of a run for people: bars on a terminal, plain lines elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from declare.diagnostics.output import printable
from declare.ir.plan import Plan
from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.event_file import Event

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_LINE_SECONDS = 5.0
_SHORTEST_SECONDS = 1.0
_WIDE = 110


def make_progress(plan: Plan, *, quiet: bool = False, color: bool = True) -> Listener | None:
    """Return what fits where the output goes: bars on a terminal, lines elsewhere, None if quiet."""
    if quiet:
        return None
    if sys.stderr.isatty():
        return BarProgress(plan, color=color)
    return LineProgress(plan)


Metrics = Mapping[str, float]


def headline(
    plan: Plan, phase: str | None, metrics: Metrics, count: int = 3, trivial: Metrics | None = None
) -> str:
    """Return the `count` metrics of an evaluation that matter most: the phase's best metric first.

    Each has the trivial baseline's value beside it, if that is known.
    """
    best = next((item.best for item in plan.phases if item.name == phase and item.best), None)
    names = [best.metric] if best and best.metric in metrics else []
    rest = [name for name in metrics if name not in names and "@" not in name and not name.endswith("/loss")]
    headline_names = (names + rest)[:count]
    trivial_notes = {name: f" (trivial {value:.4g})" for name, value in (trivial or {}).items()}
    return "  ".join(
        f"{name.split('/', 1)[-1]} {metrics[name]:.4g}{trivial_notes.get(name, '')}"
        for name in headline_names
    )


class ProgressDisplay(Listener):
    """Shows what happens while there is an output: a closed terminal or pipe does not end the run."""

    _is_closed = False

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._trivial: Metrics = {}

    def headline(self, event: Event, count: int = 3) -> str:
        """Return the metrics of an evaluation that matter most."""
        return headline(self._plan, event.phase, event["metrics"], count, self._trivial)

    def on_event(self, event: Event) -> None:
        """Show an event."""
        if event.name == "trivial":
            self._trivial = event["metrics"]
        if not self._is_closed:
            try:
                self.show(event)
            except OSError:
                self._is_closed = True

    def show(self, event: Event) -> None:
        """Write to the screen what an event means; may raise OSError."""
        raise NotImplementedError


class LineProgress(ProgressDisplay):
    """Prints a line for each evaluation, and every few seconds between them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._steps: dict[str, int] = {phase.name: phase.steps for phase in plan.phases}
        self._last = 0.0

    def show(self, event: Event) -> None:
        """Print what is worth a line."""
        text = self._text(event)
        if text:
            self._last = time.monotonic()
            print(printable(text), file=sys.stderr, flush=True)  # noqa: T201 - this is where lines are printed

    def _text(self, event: Event) -> str:
        steps = self._steps.get(event.phase or "", 0)
        place = f"{event.phase} {event.step}/{steps}"
        seconds = time.monotonic() - self._last
        match event.name:
            case "evaluated" if seconds > _SHORTEST_SECONDS or event.step == steps:
                return f"{place}  {self.headline(event)}"
            case "step" if seconds > _LINE_SECONDS:
                return f"{place}  loss {event['losses']['loss']:.4g}  {_speed(event)}"
            case _:
                return notice(event)


def notice(event: Event) -> str:
    """Return the line for an event that a person should know of, or nothing."""
    form = _NOTICES.get(event.name, "")
    # Of lists (names of weights) the number is what matters here.
    fields = {
        key: len(value) if isinstance(value, list | tuple) else value for key, value in event.fields.items()
    }
    return form.format_map({"phase": event.phase, "step": event.step, "total": event.total} | fields)


_NOTICES = {
    "run_started": "run: {folder}",
    "phase_resumed": "{phase}: continued from step {step}",
    "init_report": "{phase}: {loaded} tensors from {source}, {missing} stay fresh",
    "early_stopped": "{phase}: stopped early at step {step} ({metric})",
    "batch_skipped": "{phase}: batch {step} skipped ({reason})",
    "sample_skipped": "{where} skipped ({reason})",
    "cache_rebuilt": "warning: {path} in the cache was damaged and is made again",
    "file_deleted": "warning: {path} was deleted during the run; {reason}",
    "plan_changed": "plan: `{path}` was {old}, is now {new} ({verdict}: {why})",
    "machine_changed": "warning: {name} was {old}, is now {new}; the last bits may differ from here on",
    "precision_slow": (
        "warning: {name}: {precision} on a CPU is slow and loses small gradients; "
        "`precision: bf16` keeps the range of fp32"
    ),
    "checkpoint_rejected": "checkpoint {path} is damaged ({reason}); the one before it is used",
    "run_stopped": "stopped at step {total}; `--resume` continues",
}


class BarProgress(ProgressDisplay):
    """Draws one bar for each phase, with speed and the latest metrics."""

    wants_ticks = True

    def __init__(self, plan: Plan, *, color: bool) -> None:
        super().__init__(plan)
        self._color = color
        self._bars: Bars | None = None
        self._task: Any = None
        self._width = 80

    def show(self, event: Event) -> None:
        """Move the bar and change the text next to it."""
        match event.name:
            case "run_started":
                self._open()
            case "phase_started" | "phase_resumed":
                self._begin(event)
            case "step":
                self._update(event, loss=f"loss {event['losses']['loss']:.4g}", speed=_speed(event))
            case "evaluated":
                count = 3 if self._width > _WIDE else 1
                self._update(event, metrics=self.headline(event, count))
            case "tick" | "phase_finished":
                self._update(event)
        text = notice(event)
        if text and self._bars is not None:
            self._bars.console.print(printable(text), highlight=False, markup=False)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        console = Console(stderr=True, no_color=not self._color)
        self._width = console.width
        widest = 2 * max(len(str(phase.steps)) for phase in self._plan.phases) + 1
        self._bars = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28 if self._width > _WIDE else 12),
            MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=widest)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("{task.fields[loss]}"),
            TextColumn("[green]{task.fields[metrics]}"),
            TextColumn("[dim]{task.fields[speed]}"),
            console=console,
            refresh_per_second=4,
        )
        self._bars.start()

    def _begin(self, event: Event) -> None:
        if self._bars is None:
            return
        total = next(phase.steps for phase in self._plan.phases if phase.name == event.phase)
        self._task = self._bars.add_task(
            event.phase or "", total=total, completed=event.step, loss="", metrics="", speed=""
        )

    def _update(self, event: Event, **fields: str) -> None:
        if self._bars is not None and self._task is not None:
            from rich.markup import escape

            texts: dict[str, Any] = {name: escape(printable(text)) for name, text in fields.items()}
            self._bars.update(self._task, completed=event.step, **texts)

    def close(self) -> None:
        """Leave the last state of the bars on the screen."""
        if self._bars is not None:
            with suppress(OSError):
                self._bars.stop()
            self._bars = None


def _speed(event: Event) -> str:
    return f"{event['samples_per_second']:,.0f}/s"
