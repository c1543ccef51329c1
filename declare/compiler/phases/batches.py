"""How a phase's batches are made up: datasets, rows of each, steps of an epoch."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from declare.contract.kinds.mix import Mix
from declare.parsing.read_component import read_component

Block = dict[str, Any]


class Batches(NamedTuple):
    """The rows of each dataset in a global batch; `alternate`: each step takes one dataset in turn."""

    size: int
    rows: dict[str, int]
    alternate: bool
    mix: Block
    steps_per_epoch: int


def batches(phase: Any, sizes: Mapping[str, int], group_rows: int = 1) -> Batches:
    """Return the batches of a phase over datasets with so many training samples.

    Each dataset gets whole groups of `group_rows` rows if the batch can be divided into such.
    """
    total = sum(sizes.values())
    if isinstance(phase.batch_size, dict):
        rows = {name: phase.batch_size[name] for name in sizes}
        size = sum(rows.values())
        return Batches(size, rows, False, {"type": "rows", **rows}, math.ceil(total / size))
    size = phase.batch_size
    shares, mix, alternates = _shares(phase.mix, sizes)
    alternate = len(sizes) > 1 and alternates
    unit = 1 if size % group_rows else group_rows
    parts = {name: unit * count for name, count in apportion(size // unit, shares).items()}
    rows = dict.fromkeys(sizes, size) if alternate else parts
    return Batches(size, rows, alternate, mix, math.ceil(total / size))


def _shares(mix: Any, sizes: Mapping[str, int]) -> tuple[dict[str, float], Block, bool]:
    """Return each dataset's share, the block of the mix, and whether datasets take turns."""
    if isinstance(mix, dict):
        total = sum(mix[name] for name in sizes)
        return {name: mix[name] / total for name in sizes}, {"type": "shares", **mix}, False
    component = mix if isinstance(mix, Mix) else read_component("mixes", Mix.default)
    return component.shares(sizes), component.dump(), component.alternates


def apportion(size: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Divide `size` rows by shares that sum to 1, by the largest remainder; each gets one if it can."""
    quotas = {name: share * size for name, share in shares.items()}
    rows = {name: math.floor(quota + 1e-9) for name, quota in quotas.items()}
    order = sorted(quotas, key=lambda name: (rows[name] - quotas[name], list(quotas).index(name)))
    for name in order[: size - sum(rows.values())]:
        rows[name] += 1
    for name in [name for name in rows if not rows[name]] if size >= len(rows) else ():
        rows[max(rows, key=lambda other: rows[other])] -= 1
        rows[name] = 1
    return rows
