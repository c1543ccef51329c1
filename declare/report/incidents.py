"""What went wrong in a run, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from declare.report.data import Incident

KINDS: Mapping[str, tuple[str, str]] = {
    "sample_skipped": ("sample", "{dataset}: {where} ({split}, row {row}) cannot be read: {reason}"),
    "batch_skipped": ("batch", "left out: {reason}"),
    "checkpoint_rejected": ("checkpoint", "{path} not used: {reason}"),
    "plan_changed": ("spec", "{path} was {old}, is {new}: {why}"),
    "machine_changed": ("machine", "{name} was {old}, is {new}"),
    "process_lost": ("process", "another process has gone"),
    "process_died": ("process", "process {rank} died at step {at}: {cause}"),
    "run_stopped": ("run", "stopped on request: {reason}"),
    "run_failed": ("run", "failed{code}: {message}"),
}
"""What an event is about, and its text."""


class _Blank(dict[str, Any]):
    """Fills absent values of an event with a question mark: an old run must still be readable."""

    def __missing__(self, key: str) -> str:
        return "?"


def incidents(events: Iterable[Mapping[str, Any]]) -> Iterable[Incident]:
    """Yield the incidents among the events of a run, in their order."""
    for event in events:
        about, template = KINDS.get(str(event.get("event")), ("", ""))
        if not about:
            continue
        code = event.get("code")
        values = _Blank(event) | {"code": f" with {code}" if code else ""}
        details = event.get("about") or event.get("notes") or ()
        yield Incident(
            kind=str(event["event"]),
            about=about,
            text=template.format_map(_Blank(values)),
            details=tuple(map(str, details)) if isinstance(details, list) else (),
            code=str(code) if code else None,
            phase=event.get("phase"),
            step=event.get("step"),
        )


def rows(found: Iterable[Incident]) -> Iterable[tuple[str, str, str]]:
    """Return the lines of a table: where in the run, what it is about, what happened."""
    for item in found:
        where = f"{item.phase} step {item.step}" if item.phase else ""
        yield where, item.about, "; ".join((item.text, *item.details))
