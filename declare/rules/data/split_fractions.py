"""Held-out fractions must leave samples for training."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import datasets, get, is_unreadable
from declare.rules.spec_view import View

CODE = "DAT314"
STAGE = "names"

_SPLITS = ("train", "val", "test")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each split whose fractions do not add up; empty splits are found with the data."""
    for dataset in datasets(view):
        split = get(dataset.block, "split")
        if split is None or is_unreadable(split, *_SPLITS):
            continue
        stated = {name: getattr(split, name) for name in _SPLITS}
        shares = {name: share for name, share in stated.items() if isinstance(share, int | float)}
        total = sum(shares.values())
        if not shares or total < 1 or ("train" in shares and total <= 1 + 1e-9):
            continue
        last = list(shares)[-1]
        shown = " + ".join(f"{share:g}" for share in shares.values())
        consequence = (
            f"that is {total:g}" if "train" in shares or total > 1 else "nothing remains for training"
        )
        yield Problem(
            CODE,
            f"the split of `{dataset.name}` takes {shown} of the samples: {consequence}",
            at=f"{dataset.path}.split.{last}",
            label=f"adds up to {total:g}",
            also={f"{dataset.path}.split.{name}": f"{share:g} here" for name, share in shares.items()},
            helps=("lower the held-out fractions; the rest is used for training",),
        )
