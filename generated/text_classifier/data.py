"""The data of `text_classifier`."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
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


MOOD_CLASSES = ("neg", "pos")


@cache
def read_reviews() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `reviews`, encoded and transformed."""
    lines = Path(FOLDER / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    columns = {"text": [row.get("text") for row in rows], "mood": [row.get("mood") for row in rows]}
    texts = [text or "" for text in columns["text"]]
    tokenizer = Tokenizer.from_file(str(FOLDER / "text.tokenizer.json"))
    text_values = pad(
        [
            (ids)[:128]
            for ids in [item.ids for item in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        ]
    )
    index = {text: number for number, text in enumerate(MOOD_CLASSES)}
    index |= dict.fromkeys([None], -1)
    mood_values = np.array([index[value] for value in columns["mood"]])
    return {"text": text_values, "mood": mood_values}


@cache
def reviews_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["reviews"][split], {"text", "mood"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_reviews().items() if name in fields}


def take_reviews(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in reviews_samples(split).items()}
    longest = max(1, int((fields["text"] >= 0).sum(1).max()))
    fields["text"] = fields["text"][:, :longest].long()
    return fields


def reviews_batches(split: str, size: int = 197) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(reviews_samples(split)["text"])
    for start in range(0, number, size):
        yield take_reviews(split, np.arange(start, min(start + size, number)))


@cache
def pretrain_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `reviews` in an epoch of `pretrain`."""
    generator = np.random.default_rng([0, 1895301804, 1769007887, epoch])
    return generator.permutation(135)


def pretrain_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `reviews` in a step of `pretrain`."""
    epoch, place = divmod(step, 5)
    rows = pretrain_order(epoch)[32 * place : 32 * (place + 1)]
    return take_reviews("train", rows)


@cache
def fit_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `reviews` in an epoch of `fit`."""
    generator = np.random.default_rng([0, 1347160907, 1769007887, epoch])
    return generator.permutation(135)


def fit_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `reviews` in a step of `fit`."""
    epoch, place = divmod(step, 5)
    rows = fit_order(epoch)[32 * place : 32 * (place + 1)]
    return take_reviews("train", rows)
