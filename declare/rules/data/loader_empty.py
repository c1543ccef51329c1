"""A phase needs training samples of each of its datasets."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.course import train_sizes
from declare.rules.parts import given, phases
from declare.rules.view import View

CODE = "DAT305"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each dataset whose training split is empty, at the first phase that trains on it."""
    seen: set[str] = set()
    for phase in phases(view):
        for name, size in (train_sizes(view, phase.block) or {}).items():
            if size or name in seen:
                continue
            seen.add(name)
            facts = view.facts[name]
            held = {split: count for split, count in facts.splits.items() if count}
            where = "split" if given(view.spec, "datasets", name, "split") is not None else "source"
            shown = ", ".join(f"{split}: {count}" for split, count in held.items()) or "no sample at all"
            yield Problem(
                CODE,
                f"dataset `{name}` has {facts.num_samples} samples but none to train on",
                at=f"datasets.{name}.{where}",
                label=shown,
                also={phase.path: "trains on it"},
                helps=("hold out less: what `val` and `test` leave over trains",),
            )
