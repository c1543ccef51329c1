"""The data of `seq2seq`."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""


def pad(rows: list[list[int]]) -> np.ndarray:
    """Return rows of ids as a table, -1 after the end of each."""
    table = np.full((len(rows), max(1, *map(len, rows))), -1, np.int32)
    for number, ids in enumerate(rows):
        table[number, : len(ids)] = ids
    return table


@cache
def read_pairs() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `pairs`, encoded and transformed."""
    lines = Path(FOLDER / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    columns = {"source": [row.get("source") for row in rows], "target": [row.get("target") for row in rows]}
    texts = [text or "" for text in columns["source"]]
    pieces = json.loads((FOLDER / "source.pieces.json").read_text())
    index = {piece: number for number, piece in enumerate(pieces, 4)}
    source_values = pad(
        [
            (ids)[:16]
            for ids in [
                [index.get(piece, 3) for piece in re.findall("\\w+|[^\\w\\s]", text)] for text in texts
            ]
        ]
    )
    texts = [text or "" for text in columns["target"]]
    pieces = json.loads((FOLDER / "target.pieces.json").read_text())
    index = {piece: number for number, piece in enumerate(pieces, 4)}
    target_values = pad(
        [
            (ids + [1])[:16]
            for ids in [
                [index.get(piece, 3) for piece in re.findall("\\w+|[^\\w\\s]", text)] for text in texts
            ]
        ]
    )
    return {"source": source_values, "target": target_values}


@cache
def pairs_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["pairs"][split], {"source", "target"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_pairs().items() if name in fields}


def take_pairs(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in pairs_samples(split).items()}
    longest = max(1, int((fields["source"] >= 0).sum(1).max()))
    fields["source"] = fields["source"][:, :longest].long()
    longest = max(1, int((fields["target"] >= 0).sum(1).max()))
    fields["target"] = fields["target"][:, :longest].long()
    return fields


def pairs_batches(split: str, size: int = 4096) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(pairs_samples(split)["source"])
    for start in range(0, number, size):
        yield take_pairs(split, np.arange(start, min(start + size, number)))


@cache
def fit_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `pairs` in an epoch of `fit`."""
    generator = np.random.default_rng([0, 1347160907, 795430121, epoch])
    return generator.permutation(180)


def fit_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `pairs` in a step of `fit`."""
    epoch, place = divmod(step, 3)
    rows = fit_order(epoch)[64 * place : 64 * (place + 1)]
    return take_pairs("train", rows)
