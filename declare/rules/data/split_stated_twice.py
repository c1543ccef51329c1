"""A split is read from a column or drawn by fractions, not both."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.language.spec import Dataset
from declare.rules.spec_parts import LocatedBlock, datasets, get
from declare.rules.spec_view import View

CODE = "DAT313"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each split that states a column and a key that draws samples."""
    for dataset in datasets(view):
        yield from _conflict(dataset)


def _conflict(dataset: LocatedBlock[Dataset]) -> Iterator[Problem]:
    split = get(dataset.block, "split")
    if get(split, "column") is None:
        return
    for key in ("train", "val", "test", "by", "stratify"):
        if get(split, key) is not None:
            yield Problem(
                CODE,
                f"the split of `{dataset.name}` states both `column` and `{key}`",
                at=f"{dataset.path}.split.{key}",
                on="key",
                label="the column defines it already",
                also={f"{dataset.path}.split.column": "the split is read from the data"},
                helps=("keep one of the two",),
                rewrites=(Rewrite(f"remove `{key}`", f"{dataset.path}.split.{key}", safe=False),),
            )
            return
