"""Samples with equal content: within a split, across splits, and with contradicting labels."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from declare.contract.shapes import Array
from declare.data.check.summary import Duplicates

_SHOWN = 100


class Twins:
    """Hashes of the content of samples, and their places."""

    def __init__(self, fields: Sequence[str], targets: Sequence[str]) -> None:
        self.fields = tuple(fields)
        self.targets = tuple(targets)
        self._places: dict[bytes, list[tuple[int, str, bytes]]] = {}

    def take(self, rows: Array, splits: Sequence[str], values: Mapping[str, Sequence[Array]]) -> None:
        """Note samples: `values` holds each content field and target as one array for each sample."""
        for index, (row, split) in enumerate(zip(map(int, rows), splits, strict=True)):
            content = _hash([values[name][index] for name in self.fields])
            target = _hash([values[name][index] for name in self.targets])
            self._places.setdefault(content, []).append((row, split, target))

    def summary(self, where: Callable[[int], str]) -> Duplicates | None:
        """Return counts and the first groups, None if no field makes content."""
        if not self.fields:
            return None
        groups = [places for places in self._places.values() if len(places) > 1]
        across = [places for places in groups if len({split for _, split, _ in places}) > 1]
        inside = [places for places in groups if len({split for _, split, _ in places}) == 1]
        return Duplicates(
            fields=self.fields,
            within=sum(len(places) - len({split for _, split, _ in places}) for places in groups),
            across=len(across),
            contradicting=sum(len({target for *_, target in places}) > 1 for places in groups),
            groups=tuple(
                tuple(f"{where(row)} ({split})" for row, split, _ in places)
                for places in [*across, *inside][:_SHOWN]
            ),
        )


def _hash(samples: Sequence[Array]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for sample in samples:
        array = np.asarray(sample)
        # One number is the same sample in whatever type a block of rows was read.
        array = array.astype(np.float64) if array.dtype.kind == "f" else array
        digest.update(str((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()
