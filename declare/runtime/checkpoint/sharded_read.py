"""Tensors of a checkpoint in several files, in the shards of the processes that wrote them.

The files are those of torch.distributed.checkpoint's safetensors storage: each has in its metadata where in the
whole its rows begin. They are read by rows, so that any number of processes can take what it needs.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from declare.contract import strict_json
from declare.nn.distributed.dtensor import is_sharded, shard_like_tensor, shard_rows

_MARK, _OFFSETS = "DCP_SHARDING_INFO", "saved_offsets"


@dataclass(frozen=True)
class Shard:
    """Rows of a tensor in a file."""

    path: Path
    start: int
    rows: int


@dataclass(frozen=True)
class LazyTensor:
    """A tensor in the files of a checkpoint; nothing of it is read before it is asked for."""

    name: str
    shape: tuple[int, ...]
    shards: tuple[Shard, ...]

    def read(self) -> Tensor:
        """Return all of it."""
        return self.rows(0, self.shape[0]) if self.shape else _read_tensor(self.shards[0].path, self.name)

    def rows(self, start: int, stop: int) -> Tensor:
        """Return the rows from `start` to `stop`, exclusive."""
        if start == stop:
            return _rows(self.shards[0].path, self.name, 0, 0)
        blocks = []
        for shard in sorted(self.shards, key=lambda item: item.start):
            first, last = max(start - shard.start, 0), min(stop - shard.start, shard.rows)
            if first < last:
                blocks.append(_rows(shard.path, self.name, first, last))
        if sum(len(item) for item in blocks) != stop - start:
            raise ValueError(f"rows of `{self.name}` are missing")
        return blocks[0] if len(blocks) == 1 else torch.cat(blocks)


def _read_tensor(path: Path, name: str) -> Tensor:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        tensor: Tensor = file.get_tensor(name)
    return tensor


def _rows(path: Path, name: str, start: int, stop: int) -> Tensor:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        rows: Tensor = file.get_slice(name)[start:stop]
    return rows


def lazy_tensors(paths: Iterable[Path]) -> dict[str, LazyTensor]:
    """Return the tensors of some files by name."""
    from safetensors import safe_open

    shards: dict[str, list[tuple[Shard, list[int]]]] = {}
    for path in paths:
        with safe_open(path, framework="pt") as file:
            begins = json.loads((file.metadata() or {}).get(_MARK, "{}"))
            for name in file.keys():  # noqa: SIM118 - it is not a mapping
                shape = file.get_slice(name).get_shape()
                start = begins[name][_OFFSETS][0] if name in begins else 0
                shard = Shard(path, start, shape[0] if shape else 0)
                shards.setdefault(name, []).append((shard, shape))
    return {name: _join_shards(name, shards_of_tensor) for name, shards_of_tensor in shards.items()}


def _join_shards(name: str, shards: list[tuple[Shard, list[int]]]) -> LazyTensor:
    """Return the tensor that some pieces make; raises ValueError if they leave gaps or overlap."""
    shape = list(shards[0][1])
    if shape:
        shape[0] = _num_rows(name, [shard for shard, _ in shards])
    if any(shard_shape[1:] != shape[1:] for _, shard_shape in shards):
        raise ValueError(f"shards of `{name}` have other shapes")
    return LazyTensor(name, tuple(shape), tuple(shard for shard, _ in shards))


def _num_rows(name: str, shards: list[Shard]) -> int:
    after = 0
    for shard in sorted(shards, key=lambda item: item.start):
        if shard.start != after:
            raise ValueError(f"rows of `{name}` are missing, or occur in two shards")
        after += shard.rows
    return after


def shard_metadata(starts: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    """Return the metadata of a file from the first row of each tensor in it and its number of axes."""
    offsets = {name: {_OFFSETS: [start, *[0] * (axes - 1)]} for name, (start, axes) in starts.items()}
    return {_MARK: strict_json.dumps(offsets)}


def shard_like(value: Any, like: Any = None) -> Any:
    """Return a stored or whole tensor as `like` is held: in shares, or whole. Other values stay what they are."""
    if isinstance(value, LazyTensor):
        alike = like is not None and is_sharded(like) and value.shape == tuple(like.shape)
        return shard_rows(value.rows, like) if alike else value.read()
    return shard_like_tensor(value, like) if isinstance(value, Tensor) and like is not None else value
