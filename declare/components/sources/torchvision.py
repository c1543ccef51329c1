"""Data sets of torchvision, from local files."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field as Param

from declare.contract.facts import Reader
from declare.contract.kinds.source import Source, SpecPath, is_file
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.system import trust
from declare.system.out_of_memory import refuse_if_short, require_memory

Names = Literal[
    "CIFAR10", "CIFAR100", "EMNIST", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "SVHN", "STL10", "USPS"
]
_FILES = {
    "CIFAR10": "cifar-10-batches-py/*",
    "CIFAR100": "cifar-100-python/*",
    "STL10": "stl10_binary/*",
    "SVHN": "*_32x32.mat",
    "USPS": "usps*",
}
"""Location of a data set's files below the root, if not a folder with its own name."""


class Torchvision(Source):
    """A labelled data set of `torchvision.datasets`: `image` and `label`.

    Reads files that are already under `root`; `download: true` fetches them when the run starts, never in
    `dcl validate`. The data set's own test part becomes the test split.

    Example:
        ```yaml
        source: {type: torchvision, name: CIFAR10, root: data}
        ```
    """

    name: Names = Param(description="the class name in torchvision.datasets")
    root: SpecPath = Param(description="the folder that contains the data")
    download: bool = Param(False, description="download the files if they are missing")

    def fingerprint(self) -> str:
        """Return name and version, and names, sizes and times of the data set's files."""
        from importlib.metadata import version

        stats = [(str(file), file.stat()) for file in self.files()]
        stamp = " ".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
        return f"torchvision {version('torchvision')} {self.name} {self.root} {stamp}"

    def files(self) -> list[Path]:
        """Return the data set's files."""
        pattern = _FILES.get(self.name, f"{self.name}/**/*")
        return sorted(file for file in self.root.glob(pattern) if is_file(file))

    def open(self) -> Reader:
        """Open both parts; raises `ProblemError` DAT312 if the files are missing, DAT333 if they are damaged."""
        from declare.components.sources._arrays import ArrayReader

        # The library trusts the sizes in the files: what they hold is at most three times in memory.
        require_memory(sum(file.stat().st_size for file in self.files()), f"`{self.name}`", copies=3)
        parts = [self._part(train=True), self._part(train=False)]
        try:
            images = [_images(part) for part in parts]
            labels = [_labels(part, rows) for part, rows in zip(parts, map(len, images), strict=True)]
            columns = {"image": _concatenate(images), "label": [name for part in labels for name in part]}
        except (ValueError, LookupError) as error:
            raise ProblemError(self._damage_problem(error)) from None
        fields = {"image": {"type": "image"}, "label": {"type": "category"}}
        reader = ArrayReader(columns, fields=fields, origin=f"torchvision's `{self.name}`")
        reader.splits = {"train": (0, len(labels[0])), "test": (len(labels[0]), reader.num_samples)}
        return reader

    def _part(self, *, train: bool) -> Any:
        from torchvision import datasets

        make = getattr(datasets, self.name)
        which: dict[str, Any] = (
            {"split": "train" if train else "test"} if self.name in {"SVHN", "STL10"} else {"train": train}
        )
        if self.name == "EMNIST":
            which |= {"split": "balanced"}
        try:
            return make(str(self.root), download=self.download and trust.may_download(), **which)
        except (RuntimeError, OSError) as error:
            refuse_if_short(error)
            if self.files() and "not found" not in str(error):
                raise ProblemError(self._damage_problem(error)) from None
            raise ProblemError(
                Problem(
                    "DAT312",
                    f"`{self.name}` is not under `{self.root.name}`",
                    at="source.root",
                    label="no such data",
                    notes=(str(error).splitlines()[0][:200] if str(error) else type(error).__name__,),
                    helps=(
                        "`dcl train` downloads the files, no other command does"
                        if self.download
                        else "put the files there, or set `download: true`",
                    ),
                )
            ) from None
        except Exception as error:  # noqa: BLE001 - the library checks little of what it reads
            refuse_if_short(error)
            raise ProblemError(self._damage_problem(error)) from None

    def _damage_problem(self, error: Exception) -> Problem:
        return Problem(
            "DAT333",
            f"the files of `{self.name}` under `{self.root.name}` are damaged",
            at="source.root",
            label="malformed",
            notes=((str(error).strip().splitlines() or [type(error).__name__])[0][:200],),
            helps=("remove them, and fetch them again: `download: true`",),
        )


def _images(part: Any) -> Array:
    import numpy as np

    data = part.data
    return np.asarray(data.numpy() if hasattr(data, "numpy") else data)


def _labels(part: Any, rows: int) -> list[Any]:
    """Return a label for each of `rows` images; raises ValueError or LookupError if there is none."""
    import numpy as np

    targets = getattr(part, "targets", None)
    numbers = np.asarray(part.labels if targets is None else targets).reshape(-1)
    if len(numbers) != rows:
        raise ValueError(f"it has {rows} images and {len(numbers)} labels")
    classes = getattr(part, "classes", None)
    if classes and len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(classes):
        raise ValueError(f"its labels are {numbers.min()} to {numbers.max()}, its classes {len(classes)}")
    return [classes[int(number)] if classes else int(number) for number in numbers]


def _concatenate(images: list[Array]) -> Array:
    import numpy as np

    return np.concatenate(images)
