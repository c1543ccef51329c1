"""A split by files needs a source that reads files, and no fractions."""

from collections.abc import Iterator
from pathlib import Path

from declare.contract.problem import Problem
from declare.language.spec import Dataset
from declare.rules.spec_parts import LocatedBlock, datasets, get
from declare.rules.spec_view import View

CODE = "DAT321"
STAGE = "names"

_SPLITS = ("train", "val", "test")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each split that names files without effect, or mixes them with fractions."""
    for dataset in datasets(view):
        split = get(dataset.block, "split")
        files = [name for name in _SPLITS if isinstance(get(split, name), Path)]
        source = get(dataset.block, "source")
        if files and source is not None and "path" not in type(source).model_fields:
            yield _no_files(dataset, files[0])
        elif files:
            yield from _fractions(dataset, files[0])


def _no_files(dataset: LocatedBlock[Dataset], name: str) -> Problem:
    kind = dataset.block.source.type_name()
    return Problem(
        CODE,
        f"`{name}` names a file, but the source `{kind}` reads no files",
        at=f"{dataset.path}.split.{name}",
        label="read as a file name",
        also={f"{dataset.path}.source": f"`{kind}` has no `path`"},
        helps=("state a fraction, such as `0.2`",),
    )


def _fractions(dataset: LocatedBlock[Dataset], file: str) -> Iterator[Problem]:
    for name in _SPLITS:
        share = get(dataset.block, "split", name)
        if isinstance(share, int | float) and share:
            yield Problem(
                CODE,
                f"`{name}: {share:g}` is a fraction, but `{file}` is a separate file",
                at=f"{dataset.path}.split.{name}",
                label="a fraction of what?",
                also={f"{dataset.path}.split.{file}": "this split is a file"},
                helps=("state a file for each split, or fractions for all of them",),
            )
            return
