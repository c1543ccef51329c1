"""Columns of each layout with their facts, and tasks that read them: what metrics and tasks are tried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.parsing.lookup import find, own_names
from tests.components.conformance import variants
from tests.components.laws.samples import CLASSES, COUNTS, generator

SPECIAL = {"bos": 0, "eos": 1, "mask": 2, "unk": 3}
TOKENS = 9
_NAMED: dict[str, Any] = {"classes": CLASSES, "counts": {"train": COUNTS}}

FACTS: dict[Layout, FieldFacts] = {
    "category": FieldFacts(shape=Shape("category", (), "int64", 4), num_missing=1, **_NAMED),
    "tags": FieldFacts(shape=Shape("tags", (5,), "int64", 4), num_missing=1, **_NAMED),
    "id": FieldFacts(shape=Shape("id", (), "int64", 4), num_missing=1, **_NAMED),
    "mask": FieldFacts(shape=Shape("mask", (3, 2), "int64", 4), num_missing=1, **_NAMED),
    "labels": FieldFacts(
        shape=Shape("labels", (4,)), num_missing=1, extra={"rates": {"": [0.0, 0.2, 0.5, 1.0]}}, **_NAMED
    ),
    "number": FieldFacts(shape=Shape("number", ()), mean=40.0, std=9.0, num_missing=1),
    "vector": FieldFacts(shape=Shape("vector", (3,)), mean=40.0, std=9.0, num_missing=1),
    "sequence": FieldFacts(shape=Shape("sequence", (6, 2)), mean=40.0, std=9.0, num_missing=1),
    "series": FieldFacts(shape=Shape("series", (2, 12)), mean=40.0, std=9.0),
    "image": FieldFacts(shape=Shape("image", (1, 6, 6))),
    "counts": FieldFacts(shape=Shape("counts", (3,)), mean=1.0, extra={"means": {"": [0.5, 1.0, 2.0]}}),
    "tokens": FieldFacts(
        shape=Shape("tokens", (5,), "int64", TOKENS),
        extra={"special": SPECIAL, "unigrams": list(range(TOKENS))},
    ),
}
"""Facts of a field of each layout that a task may have as its target."""


def column(layout: Layout, rows: int, seed: int = 0) -> Tensor:
    """Return a column [rows, ...]; where it may, some values are missing: all of the first row are."""
    draws, shape = generator(seed), FACTS[layout].shape
    size = (rows, *(dim or 1 for dim in shape.dims))
    if layout == "tokens":
        values = torch.randint(len(SPECIAL), TOKENS, size, generator=draws)
        ends = torch.randint(1, size[1] + 1, (rows, 1), generator=draws)
        return values.masked_fill(torch.arange(size[1]) >= ends, -1)
    if shape.dtype == "int64":
        values = torch.randint(0, shape.classes or 2, size, generator=draws)
    elif layout in {"labels", "counts"}:
        values = torch.randint(0, 2 if layout == "labels" else 4, size, generator=draws).float()
    else:
        values = torch.randn(size, generator=draws) * (FACTS[layout].std or 1) + (FACTS[layout].mean or 0)
    if layout in {"series", "image"}:
        return values
    missing = torch.rand(size, generator=draws) < 0.2
    missing[:1] = True
    return values.masked_fill(missing, torch.nan if values.is_floating_point() else -1)


@dataclass(frozen=True)
class Learned:
    """A linked task on a column of one layout."""

    task: Any
    target: Target
    adapter: Any
    layout: Layout | None

    def batch(self, rows: int = 8, seed: int = 0) -> dict[str, Tensor]:
        """Return the fields of a dataset that the task reads, with what it hides from the model."""
        fields = {"y": column(self.layout or "vector", rows, seed)}
        for place, name in enumerate(self.task.fields()):
            number = torch.arange(rows) // 2**place
            fields[name] = number % 2 if place < 2 else number
        return fields | self.added(fields)

    def added(self, fields: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what the task's view of the fields adds to them."""
        hide = getattr(self.adapter, "mask_inputs", None)
        view = {} if hide is None else hide(fields, generator(2))
        return {name: values for name, values in view.items() if name not in fields}

    def output(self, rows: int = 8, seed: int = 1) -> Tensor:
        """Return an output of a head [rows, ...]."""
        lengths: Sequence[Any] = FACTS[self.layout].shape.dims if self.layout else (4,)
        dims = [size if size is not None else lengths[0] for size in self.target.output.dims]
        return torch.randn(rows, *dims, generator=generator(seed))


@cache
def tasks(name: str) -> tuple[Learned, ...]:
    """Return each variant of a task, linked on a column of each layout that it takes."""
    return tuple(_linked(name))


def _linked(name: str) -> Iterator[Learned]:
    for variant in variants("tasks", name):
        task = variant.model_copy(update={"target": "y", "mask": None})
        if isinstance(task.drawn_by([]), Problem):
            continue
        for layout in task.targets or (None,):
            target = task.link({"lab": FACTS[layout or "vector"]})
            assert isinstance(target, Target), target
            yield Learned(task, target, task.build(target), layout)


@cache
def learned(prediction: str) -> tuple[Learned, ...]:
    """Return the first variant of every task that makes predictions of this kind, on each layout that it takes."""
    named = [name for name in own_names("tasks") if find("tasks", name).prediction == prediction]  # type: ignore[union-attr]
    found = [item for name in named for item in tasks(name)]
    return tuple(
        item for item in found if item.task == next(x.task for x in found if type(x.task) is type(item.task))
    )
