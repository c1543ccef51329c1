"""The starts of a run: how many, with how many processes, and which of them count."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from declare.report.report import Start

Event = Mapping[str, Any]
_BEFORE = {
    "run_started",
    "checkpoint_rejected",
    "choice",
    "machine_changed",
    "plan_changed",
    "run_failed",
}
"""Events before a run has begun to train; with no others, `run_failed` is a refusal."""
_REFUSALS = ("RES80", "RES813")
_ENDS = {"run_finished": "finished", "run_stopped": "stopped", "run_failed": "failed"}


def starts(events: Iterable[Event]) -> tuple[Start, ...]:
    """Return every start of a run, in order."""
    return tuple(
        Start(
            processes=int(event.get("processes") or 1),
            device=str(event.get("device", "?")),
            resumed=bool(event.get("resumed")),
        )
        for event in events
        if event.get("event") == "run_started"
    )


def describe_starts(starts: Sequence[Start]) -> str:
    """Return in words how a run was started; empty for one that has not been."""
    if not starts:
        return ""
    shown = list(dict.fromkeys(f"{_count(start.processes)} on {start.device}" for start in starts))
    times = "once" if len(starts) == 1 else f"{len(starts)} times"
    resumed = sum(start.resumed for start in starts)
    again = f", {resumed} of them from a checkpoint" if resumed else ""
    return f"trained by {', then '.join(shown)}; started {times}{again}"


def _count(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def status_text(status: str, events: Iterable[Event]) -> str:
    """Return the status of a run by its newest outcome; a refused start does not count."""
    if status != "failed":
        return status
    parts: list[list[Event]] = [[]]
    for event in events:
        if event.get("event") == "run_started":
            parts.append([])
        parts[-1].append(event)
    while len(parts) > 1 and _was_refused(parts[-1]):
        parts.pop()
    last = parts[-1][-1] if parts[-1] else {}
    if last.get("event") == "run_finished" and last.get("status") == 1:
        return "missed"
    return _ENDS.get(str(last.get("event")), "killed" if last else status)


def _was_refused(part: Sequence[Event]) -> bool:
    codes = [str(event.get("code", "")) for event in part if event.get("event") == "run_failed"]
    return {event.get("event") for event in part} <= _BEFORE and any(
        code.startswith(_REFUSALS) for code in codes
    )
