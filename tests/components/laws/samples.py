"""A batch of outputs and targets for each kind of prediction, with what is missing in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape

CLASSES = ("a", "b", "c", "d")
COUNTS = (40, 30, 20, 10)
WIDEST = 80.0
"""The largest score whose exponential is still a number of single precision."""


@dataclass(frozen=True)
class Sample:
    """What a loss sees: an output of a head with rows first, and the targets.

    `missing` marks the targets that are missing, `blank` the elements of the output that belong to them alone.
    """

    target: Target
    output: Tensor
    truth: Tensor
    missing: Tensor
    blank: Tensor

    def rows(self, index: Any) -> Sample:
        """Return some of the rows."""
        parts = {name: getattr(self, name)[index] for name in ("output", "truth", "missing", "blank")}
        return replace(self, **parts)

    def cuts(self) -> Iterator[list[Sample]]:
        """Yield the batch cut into pieces in several ways; some pieces have no row."""
        number = len(self.output)
        for points in ([1], [number - 1], [2, 2, 5], [0, 3, number], list(range(1, number))):
            ends = [0, *points, number]
            yield [self.rows(slice(*pair)) for pair in itertools.pairwise(ends)]

    def extreme(self, dtype: torch.dtype = torch.float32) -> Sample:
        """Return the batch with outputs far beyond what training gives."""
        high = 1e4
        if self.target.prediction == "rates":
            high = 10.0 if dtype == torch.float16 else WIDEST
        signs = torch.rand(self.output.shape, generator=generator(5)) < 0.5
        return replace(self, output=torch.where(signs, high, -1e4).to(dtype))


def generator(seed: int = 0) -> torch.Generator:
    """Return a generator of its own."""
    return torch.Generator().manual_seed(seed)


def samples(prediction: str, rows: int = 7, *, may_miss: bool = True, seed: int = 0) -> list[Sample]:
    """Return a batch for each form of a kind of prediction; some targets are missing where they may be."""
    found = []
    for make in _MAKERS[prediction]:
        draws = generator(seed)
        linked, output, truth, axes = make(rows, may_miss, draws)
        missing = torch.zeros(truth.shape, dtype=torch.bool)
        if may_miss and prediction != "cost":
            missing = torch.rand(truth.shape, generator=draws) < 0.3
            missing[:1], missing[rows - 1 :] = True, False
            if prediction == "embedding":
                missing[:, 1] = False
            truth = truth.masked_fill(missing, math.nan if truth.is_floating_point() else -1)
        marked = missing[:, 0] if prediction == "embedding" else missing
        found.append(Sample(linked, output, truth, missing, axes(marked).expand_as(output)))
    return found


Made = tuple[Target, Tensor, Tensor, Callable[[Tensor], Tensor]]


def _linked(prediction: str, output: Shape, may_miss: bool, **more: Any) -> Target:
    return Target(prediction=prediction, output=output, may_miss=may_miss, **more)


def _classes(prediction: str, layout: Any, dims: tuple[int, ...]) -> Callable[..., Made]:
    def make(rows: int, may_miss: bool, draws: torch.Generator) -> Made:
        last = layout == "sequence"
        sizes = (*dims, len(CLASSES)) if last else (len(CLASSES), *dims)
        linked = _linked(prediction, Shape(layout, sizes), may_miss, classes=CLASSES, counts=COUNTS)
        truth = torch.randint(0, len(CLASSES), (rows, *dims), generator=draws)
        output = torch.randn(rows, *sizes, generator=draws)
        return linked, output, truth, lambda marked: marked.unsqueeze(-1 if last else 1)

    return make


def _ordered(rows: int, may_miss: bool, draws: torch.Generator) -> Made:
    steps = len(CLASSES) - 1
    linked = _linked("ordinal_logits", Shape("vector", (steps,)), may_miss, classes=CLASSES, counts=COUNTS)
    truth = torch.randint(0, len(CLASSES), (rows,), generator=draws)
    return linked, torch.randn(rows, steps, generator=draws), truth, lambda m: m.unsqueeze(1)


def _labels(rows: int, may_miss: bool, draws: torch.Generator) -> Made:
    linked = _linked("label_logits", Shape("vector", (4,)), may_miss, classes=CLASSES, counts=COUNTS)
    truth = torch.randint(0, 2, (rows, 4), generator=draws).float()
    return linked, torch.randn(rows, 4, generator=draws), truth, lambda m: m


def _numbers(prediction: str, layout: Any, dims: tuple[int, ...], **more: Any) -> Callable[..., Made]:
    def make(rows: int, may_miss: bool, draws: torch.Generator) -> Made:
        linked = _linked(prediction, Shape(layout, dims), may_miss, **more)
        truth = torch.randn(rows, *dims, generator=draws)
        return linked, torch.randn(rows, *dims, generator=draws), truth, lambda m: m

    return make


def _rates(rows: int, may_miss: bool, draws: torch.Generator) -> Made:
    linked = _linked("rates", Shape("vector", (3,)), may_miss, mean=(0.5, 1.0, 3.0), link="exp")
    truth = torch.randint(0, 4, (rows, 3), generator=draws).float()
    return linked, torch.randn(rows, 3, generator=draws), truth, lambda m: m


def _embedding(rows: int, may_miss: bool, draws: torch.Generator) -> Made:
    linked = _linked("embedding", Shape("vector", (None,)), may_miss)
    truth = torch.stack([torch.arange(rows) % 3, torch.arange(rows) // 3 % 2], 1)
    return linked, torch.randn(rows, 4, generator=draws), truth, lambda m: m.unsqueeze(1)


_MAKERS: dict[str, tuple[Callable[..., Made], ...]] = {
    "class_logits": (_classes("class_logits", "vector", ()), _classes("class_logits", "sequence", (5,))),
    "pixel_logits": (_classes("pixel_logits", "image", (3, 2)),),
    "token_logits": (_classes("token_logits", "sequence", (5,)),),
    "ordinal_logits": (_ordered,),
    "label_logits": (_labels,),
    "values": tuple(
        _numbers("values", layout, dims, mean=(0.0,), std=(1.0,))
        for layout, dims in (("number", ()), ("vector", (3,)), ("sequence", (4, 2)))
    ),
    "reconstruction": (_numbers("reconstruction", "series", (2, 4)),),
    "cost": (_numbers("cost", "number", ()),),
    "rates": (_rates,),
    "embedding": (_embedding,),
}
