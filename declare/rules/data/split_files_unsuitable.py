"""A split by files needs a source that reads files, and no fractions."""

from collections.abc import Iterator
from os.path import realpath
from pathlib import Path

from declare.contract.problem import Problem
from declare.language.spec import Dataset
from declare.rules.spec_parts import LocatedBlock, datasets, get
from declare.rules.spec_view import View

CODE = "DAT321"
STAGE = "names"

_SPLITS = ("train", "val", "test")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each split that names files without effect, the file of training, or fractions too."""
    for dataset in datasets(view):
        split = get(dataset.block, "split")
        files = [name for name in _SPLITS if isinstance(get(split, name), Path)]
        source = get(dataset.block, "source")
        if files and source is not None and "path" not in type(source).model_fields:
            yield _no_files(dataset, files[0])
        elif files:
            yield from _fractions(dataset, files[0])
            yield from _same_file(dataset, files)


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


def _same_file(dataset: LocatedBlock[Dataset], names: list[str]) -> Iterator[Problem]:
    """Yield a problem for a split with the source's own file, which is that of training unless one is stated."""
    path = get(dataset.block, "source", "path")
    for name in names if "train" not in names and isinstance(path, Path) else ():
        if realpath(get(dataset.block, "split", name)) == realpath(path):
            yield Problem(
                CODE,
                f"`{name}` has the same file as the training split",
                at=f"{dataset.path}.split.{name}",
                label="the same samples",
                also={f"{dataset.path}.source.path": "read for training"},
                notes=(f"metrics of `{name}` would be those of samples that are learned",),
                helps=("name another file", f"or state a fraction of the file: `split: {{{name}: 0.2}}`"),
            )
