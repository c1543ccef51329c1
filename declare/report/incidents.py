"""What went wrong in a run, and what was done about it."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from declare.report.report import Incident

KINDS: Mapping[str, tuple[str, str]] = {
    "sample_skipped": ("sample", "{dataset}: {where} ({split}, row {row}) cannot be read: {reason}"),
    "batch_skipped": ("batch", "left out: {reason}"),
    "checkpoint_rejected": ("checkpoint", "{path} not used: {reason}"),
    "cache_rebuilt": ("cache", "{path} was damaged and was made again"),
    "file_deleted": ("run folder", "{path} was deleted while the run went on; {reason}"),
    "plan_changed": ("spec", "{path} was {old}, is {new}: {why}"),
    "machine_changed": ("machine", "{name} was {old}, is {new}"),
    "precision_slow": ("precision", "{name}: {precision} on a CPU is slow and loses small gradients"),
    "process_lost": ("process", "another process has gone"),
    "process_died": ("process", "process {rank} died at step {at}: {cause}"),
    "run_stopped": ("run", "stopped: {reason}"),
    "run_failed": ("run", "failed{code}: {message}"),
}
"""What an event is about, and its text."""


class _Blank(dict[str, Any]):
    """Fills absent values of an event with a question mark: an old run must still be readable."""

    def __missing__(self, key: str) -> str:
        return "?"


def incidents(events: Iterable[Mapping[str, Any]]) -> Iterable[Incident]:
    """Yield the incidents among the events of a run, in their order; a process failure is listed once."""
    history = list(events)
    place = _Place()
    for index, event in enumerate(history):
        place.follow(event)
        if event.get("event") == "process_lost" and _is_explained(history[index + 1 :]):
            continue
        about, template = KINDS.get(str(event.get("event")), ("", ""))
        if about:
            yield _incident(event, about, template, *place.of(event))


def _incident(
    event: Mapping[str, Any], about: str, template: str, phase: str | None, step: int | None
) -> Incident:
    code = event.get("code")
    values = _Blank(event) | {"code": f" with {code}" if code else ""}
    if event.get("reason") in {"SIGINT", "SIGTERM"}:
        values = values | {"reason": f"on request, by {event['reason']}"}
    details = event.get("about") or event.get("notes") or ()
    return Incident(
        kind=str(event["event"]),
        about=about,
        text=template.format_map(_Blank(values)),
        details=tuple(map(str, details)) if isinstance(details, list) else (),
        code=str(code) if code else None,
        phase=phase,
        step=step,
    )


def _is_explained(after: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what follows, up to the next start, names the process that died."""
    before_start = itertools.takewhile(lambda event: event.get("event") != "run_started", after)
    return any(event.get("event") == "process_died" for event in before_start)


class _Place:
    """Where in the run events happen: those that a launcher writes know the steps of all phases only."""

    def __init__(self) -> None:
        self._begins: list[tuple[int, str]] = []

    def follow(self, event: Mapping[str, Any]) -> None:
        """Learn from an event at which step of the run its phase began."""
        if event.get("phase") and isinstance(event.get("total"), int):
            begin = (int(event["total"]) - int(event.get("step") or 0), str(event["phase"]))
            if begin not in self._begins:
                self._begins.append(begin)

    def of(self, event: Mapping[str, Any]) -> tuple[str | None, int | None]:
        """Return the phase of an event and its step there, as far as they are known."""
        at = event.get("at")
        if event.get("phase") or not isinstance(at, int):
            return event.get("phase"), event.get("step")
        begin, phase = max((item for item in self._begins if item[0] <= at), default=(0, None))
        return phase, at - begin


def rows(incidents: Iterable[Incident]) -> Iterable[tuple[str, str, str]]:
    """Return the lines of a table: where in the run, its subject, what happened."""
    for item in incidents:
        where = f"step {item.step}" if item.step is not None else ""
        where = f"{item.phase} {where}".strip() if item.phase else where
        yield where, item.about, "; ".join((item.text, *item.details))
