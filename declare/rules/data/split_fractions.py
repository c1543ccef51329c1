"""Held-out fractions must leave samples to train on and hold at least one sample each."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.language.spec import Dataset
from declare.rules.parts import Placed, datasets, failed, given
from declare.rules.view import View

CODE = "DAT314"
STAGE = "facts"

_SPLITS = ("train", "val", "test")


def check(view: View) -> Iterator[Problem]:
    """Yield each split whose fractions do not add up, or whose share of the samples is none."""
    for dataset in datasets(view):
        split = given(dataset.block, "split")
        if split is None or failed(split, *_SPLITS):
            continue
        shares = {name: getattr(split, name) for name in _SPLITS}
        fractions = {name: share for name, share in shares.items() if isinstance(share, int | float)}
        if _adds_up(fractions):
            yield from _empty(view, dataset, fractions)
        else:
            yield _too_much(dataset, fractions)


def _adds_up(fractions: dict[str, float]) -> bool:
    total = sum(fractions.values())
    return total <= 1 + 1e-9 and ("train" in fractions or total < 1 or not fractions)


def _too_much(dataset: Placed[Dataset], fractions: dict[str, float]) -> Problem:
    total = sum(fractions.values())
    shown = " + ".join(f"{share:g}" for share in fractions.values())
    last = list(fractions)[-1]
    left = "nothing is left to train on" if "train" not in fractions else f"{total:g} is more than 1"
    return Problem(
        CODE,
        f"the split of `{dataset.name}` takes {shown} of the samples: {left}",
        at=f"{dataset.path}.split.{last}",
        label=f"adds up to {total:g}",
        also={
            f"{dataset.path}.split.{name}": f"{share:g} here"
            for name, share in fractions.items()
            if name != last
        },
        helps=("lower the held-out fractions; what they leave over trains",),
    )


def _empty(view: View, dataset: Placed[Dataset], fractions: dict[str, float]) -> Iterator[Problem]:
    facts = view.facts.get(dataset.name)
    if facts is None or not facts.num_samples or "split" not in dataset.block.model_fields_set:
        return
    for name, share in fractions.items():
        if name == "train" or not share or facts.splits.get(name, 0):
            continue
        yield Problem(
            CODE,
            f"`{name}: {share:g}` of the {facts.num_samples} samples of `{dataset.name}` is no sample at all",
            at=f"{dataset.path}.split.{name}",
            label="holds out nothing",
            also={f"{dataset.path}.source": f"{facts.num_samples} samples"},
            helps=("raise the fraction, or set it to 0",),
        )
