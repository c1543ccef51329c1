"""A classification target needs at least two classes among the training samples."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.fields import field_place
from declare.rules.parts import target_facts, tasks
from declare.rules.view import View

CODE = "LOS412"
STAGE = "facts"

_NEED_TWO = frozenset({"class_logits", "ordinal_logits", "pixel_logits"})


def check(view: View) -> Iterator[Problem]:
    """Yield each task whose target has fewer than two classes."""
    for task in tasks(view):
        if task.block.prediction not in _NEED_TWO:
            continue
        for dataset, facts in target_facts(view, task.block).items():
            if facts.classes is None:
                continue
            counts = facts.counts.get("train", ())
            present = [name for name, count in zip(facts.classes, counts, strict=False) if count]
            if len(facts.classes) < 2 or (counts and len(present) == 1):
                only = (present or facts.classes or ("",))[0]
                yield Problem(
                    CODE,
                    f"target `{task.block.target}` has one class only in `{dataset}`: `{only}`",
                    at=f"{task.path}.target",
                    label="every training sample has this class",
                    also={field_place(view, dataset, str(task.block.target)): "one class in this data"},
                    helps=(
                        "check the labels of the data, its `limit` and its split",
                        "name another field as target",
                    ),
                )
