"""Keeps every metric in `metrics.csv`; a resumed run cuts off what its checkpoint does not know."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from declare.diagnostics.output import printable
from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.durable_io import open_own, reopen_if_replaced
from declare.runtime.run_folder.event_file import Event
from declare.runtime.run_folder.folder import METRICS

_HEADER = "phase,step,epoch,metric,value\n"


class Metrics(Listener):
    """Writes losses, rates and evaluations as rows (phase, step of the phase, epoch, metric, value)."""

    name = "metrics"

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS
        self._file = open_own(self._path, "a+")

    def on_event(self, event: Event) -> None:
        """Write the rows of a reading of losses or of an evaluation."""
        if event.name == "run_started" and not event["resumed"]:
            self._begin()
        values = scalars(event)
        if values:
            self._file = reopen_if_replaced(self._file, self._path)
            prefix = f"{event.phase},{event.step},{event['epoch']:g},"
            self._file.writelines(f"{prefix}{name},{value!r}\n" for name, value in values.items())
            self._file.flush()

    def state_dict(self) -> dict[str, Any]:
        """Return how long the file is, once that length is durable."""
        self._file.flush()
        self._file = reopen_if_replaced(self._file, self._path)
        os.fsync(self._file.fileno())
        return {"bytes": self._file.seek(0, os.SEEK_END)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Drop the rows that were written after the checkpoint."""
        if state["bytes"] < self._file.seek(0, os.SEEK_END):
            self._file.truncate(state["bytes"])

    def _begin(self) -> None:
        self._file.truncate(0)
        self._file.write(_HEADER)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def scalars(event: Event) -> Mapping[str, float]:
    """Return the metrics of an event by the name that files and trackers use, empty if it has none."""
    if event.name in {"evaluated", "probed"}:
        return dict(event["metrics"])
    if event.name == "gradients":
        norms = {f"gradients/norm/{task}": value for task, value in event["norms"].items()}
        return norms | {f"gradients/cosine/{pair}": value for pair, value in event["cosines"].items()}
    if event.name != "step":
        return {}
    losses = {_curve(name): value for name, value in event["losses"].items()}
    rates = {
        f"train/rate/{printable(match).replace(',', ';')}": value
        for match, value in event.fields.get("group_rates", {}).items()
    }
    speed = {"train/samples_per_second": event["samples_per_second"]}
    return losses | {"train/rate": event["rate"]} | rates | speed


def _curve(name: str) -> str:
    # The whole loss is `train/loss`, a task's `train/TASK/loss`, one of its several losses `train/TASK/LOSS`.
    return f"train/{name}" if name == "loss" or "/" in name else f"train/{name}/loss"
