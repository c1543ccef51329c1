"""Short measurements at the start of a run: how many threads, and which precision, are fastest here."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import nn

from declare.runtime.checkpoint.state_tree import Randomness
from declare.runtime.machine.precision import make_precision
from declare.runtime.step.interfaces import Batch, Objective
from declare.runtime.step.skipping import BufferSnapshot

_BUDGET_SECONDS = 0.4
_ROUNDS = 7


class Trial:
    """Forward and backward of one real batch, leaving weights, gradients, buffers and random draws as they were."""

    def __init__(self, graph: nn.Module, objective: Objective, batch: Batch, device: torch.device) -> None:
        self._graph = graph
        self._objective = objective
        self._batch = batch
        self._device = device

    def seconds(self, settings: Sequence[Callable[[], str]]) -> list[float]:
        """Return seconds per step for each setting (a callable that applies it and names a precision).

        The settings are measured in turn, so that a neighbour's load falls on all of them.
        """
        buffers = BufferSnapshot(self._graph)
        buffers.remember()
        rng_state = Randomness.snapshot()
        times: list[list[float]] = [[] for _ in settings]
        try:
            for use in settings:
                self._step(use())
            began = time.perf_counter()
            for _ in range(_ROUNDS):
                for index, use in enumerate(settings):
                    times[index].append(self._step(use()))
                if time.perf_counter() - began > _BUDGET_SECONDS * len(settings):
                    break
        finally:
            buffers.restore()
            Randomness.restore(rng_state)
            self._graph.zero_grad(set_to_none=True)
        return [median(seconds) for seconds in times]

    def _step(self, precision: str) -> float:
        setting = make_precision(precision, self._device)
        began = time.perf_counter()
        if setting.autocast is None:
            loss, _ = self._objective(self._batch)
        else:
            with setting.autocast:
                loss, _ = self._objective(self._batch)
        if loss.requires_grad:
            loss.backward()
        self._graph.zero_grad(set_to_none=True)
        return time.perf_counter() - began


def thread_candidates(available: int) -> list[int]:
    """Return thread counts worth a try: all cores, then halves, down to one."""
    counts = [available]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return counts


def pick_threads(counts: Sequence[int], seconds: Sequence[float]) -> int:
    """Return the count to use: all cores, unless fewer are clearly (a fifth) faster."""
    fastest = min(range(len(counts)), key=lambda index: seconds[index])
    return counts[fastest] if seconds[0] > 1.2 * seconds[fastest] else counts[0]


def pick_precision(fp32: float, bf16: float) -> str:
    """Return the precision to use: bf16 only if it is clearly (15%) faster."""
    return "bf16" if fp32 > 1.15 * bf16 else "fp32"
