"""Where the time of a step goes, measured on a few early steps of a phase."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from declare.runtime.step.forward_backward import Part, PartTimer

WARM, COUNTED = 10, 10
PARTS = ("forward", "backward", "optimizer")


class Stopwatch:
    """Adds up the seconds of a step's forward passes, backward passes and updates; the `timer` of a step.

    On a GPU it waits for the device after each part.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._seconds = dict.fromkeys(PARTS, 0.0)

    @contextmanager
    def __call__(self, part: Part) -> Iterator[None]:
        """Take the time of a part."""
        start = time.perf_counter()
        yield
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        self._seconds[part] += time.perf_counter() - start

    def split(self, data: float, total: float) -> dict[str, float]:
        """Return seconds by part, of which `data` went into batches, summing up to `total`."""
        seconds = {"data": data} | self._seconds
        return seconds | {"rest": max(total - sum(seconds.values()), 0.0)}


class Meter:
    """Measures a few early steps of a phase; costs nothing outside them."""

    def __init__(self, timer: PartTimer, device: torch.device, steps: int) -> None:
        self._timer = timer
        self._device = device
        self._from = WARM if steps >= WARM + COUNTED else None
        self._watch: Stopwatch | None = None
        self._steps = 0
        self._total = self._data = self._samples = 0.0

    def next_step(self, step: int) -> int | None:
        """Return the next step at which measuring begins or ends."""
        if self._from is None:
            return None
        return next((edge for edge in (self._from, self._from + COUNTED) if edge > step), None)

    def at(self, step: int, window: dict[str, Any]) -> dict[str, Any] | None:
        """Begin or end at `step`; return the fields of a `throughput` event when it ends.

        `window` is the reading of losses over the steps since the last boundary.
        """
        if self._watch is not None:
            self._add(window)
        if step == self._from:
            self._watch = Stopwatch(self._device)
            self._timer.timer = self._watch
        elif self._from is not None and step == self._from + COUNTED and self._watch is not None:
            return self._end(self._watch)
        return None

    def _add(self, window: dict[str, Any]) -> None:
        count = window["steps"]
        self._steps += count
        self._total += count * window["step_seconds"]
        self._data += count * window["data_seconds"]
        self._samples += count * window["step_seconds"] * window["samples_per_second"]

    def _end(self, watch: Stopwatch) -> dict[str, Any]:
        self._timer.timer = self._watch = None
        parts = watch.split(self._data, self._total)
        return {
            "samples_per_second": self._samples / self._total,
            "steps_per_second": self._steps / self._total,
            "seconds": {name: value / self._steps for name, value in parts.items()},
        }
