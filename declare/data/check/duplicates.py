"""Samples with equal content: within a split, across splits, and with contradicting labels."""

import hashlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from declare.contract.shapes import Array
from declare.data.check.summary import Duplicates

_SHOWN = 100
_HASH_BYTES = 16


class Twins:
    """Hashes of the content and of the targets of samples, with their rows and splits: 41 bytes a sample."""

    def __init__(self, fields: Sequence[str], targets: Sequence[str]) -> None:
        self.fields = tuple(fields)
        self.targets = tuple(targets)
        self._contents, self._answers = bytearray(), bytearray()
        self._rows, self._splits = array("q"), array("b")
        self._names: list[str] = []

    def take(self, rows: Array, splits: Sequence[str], values: Mapping[str, Sequence[Array]]) -> None:
        """Note samples: `values` holds each content field and target as one array for each sample."""
        self._names += [name for name in dict.fromkeys(splits) if name not in self._names]
        for index, (row, split) in enumerate(zip(map(int, rows), splits, strict=True)):
            self._contents += _hash([values[name][index] for name in self.fields])
            self._answers += _hash([values[name][index] for name in self.targets])
            self._rows.append(row)
            self._splits.append(self._names.index(split))

    def summary(self, where: Callable[[int], str]) -> Duplicates | None:
        """Return counts and the first groups, None if no field makes content."""
        if not self.fields:
            return None
        first, group = _groups_of(self._contents)
        _, answers = _groups_of(self._answers)
        sizes = np.bincount(group)
        num_splits = _num_values(group, np.asarray(self._splits))
        across, repeated = num_splits > 1, sizes > 1
        order = np.argsort(first, kind="stable")
        shown = [*order[across[order]], *order[(repeated & ~across)[order]]][:_SHOWN]
        return Duplicates(
            fields=self.fields,
            within=int((sizes - num_splits).sum()),
            across=int(across.sum()),
            contradicting=int((_num_values(group, answers) > 1).sum()),
            groups=tuple(
                tuple(
                    f"{where(self._rows[place])} ({self._names[self._splits[place]]})"
                    for place in np.flatnonzero(group == number)
                )
                for number in shown
            ),
        )


def _groups_of(hashes: bytearray) -> tuple[Array, Array]:
    """Return the first place of each hash, and the number of its hash for each place."""
    _, first, group = np.unique(
        np.frombuffer(hashes, f"V{_HASH_BYTES}"), return_index=True, return_inverse=True
    )
    return first, group.reshape(-1)


def _num_values(group: Array, values: Array) -> Array:
    """Return how many different `values`, integers from 0, each group has."""
    base = int(values.max(initial=0)) + 1
    return np.bincount(np.unique(group * base + values) // base)


def _hash(samples: Sequence[Array]) -> bytes:
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    for sample in samples:
        values = np.asarray(sample)
        # One number is the same sample in whatever type a block of rows was read.
        values = values.astype(np.float64) if values.dtype.kind == "f" else values
        digest.update(_form(values.shape, values.dtype))
        digest.update(values.tobytes())
    return digest.digest()


@lru_cache
def _form(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    return str((shape, dtype.str)).encode()
