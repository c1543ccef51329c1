"""The data of `language_model`."""

import json
from collections.abc import Iterator, Mapping
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


@cache
def read_corpus() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `corpus`, encoded and transformed."""
    lines = Path(FOLDER / "corpus.txt").read_text(encoding="utf-8").split("\n")
    columns = {"text": [line for line in lines if line.strip()]}
    texts = [text or "" for text in columns["text"]]
    tokenizer = Tokenizer.from_file(str(FOLDER / "text.tokenizer.json"))
    text_values = pad(
        [
            (ids + [1])[:128]
            for ids in [item.ids for item in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        ]
    )
    return {"text": text_values}


@cache
def corpus_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["corpus"][split], {"text"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_corpus().items() if name in fields}


def take_corpus(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in corpus_samples(split).items()}
    longest = max(1, int((fields["text"] >= 0).sum(1).max()))
    fields["text"] = fields["text"][:, :longest].long()
    return fields


def corpus_batches(split: str, size: int = 68) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(corpus_samples(split)["text"])
    for start in range(0, number, size):
        yield take_corpus(split, np.arange(start, min(start + size, number)))


def fit_permutation(columns: Mapping[str, np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """Return a permutation of all positions."""
    lengths = np.zeros(108, np.int64)
    lengths += columns["text"]
    mixed = generator.permutation(108)
    whole = mixed[:96]
    for start in range(0, 96, 800):
        stretch = whole[start : start + 800]
        whole[start : start + 800] = stretch[np.argsort(lengths[stretch], kind="stable")]
    grouped = generator.permutation(whole.reshape(-1, 16), axis=0)
    return np.concatenate([generator.permuted(grouped, axis=1).reshape(-1), mixed[96:]])


@cache
def fit_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `corpus` in an epoch of `fit`."""
    generator = np.random.default_rng([0, 1347160907, 709071289, epoch])
    return fit_permutation(
        {"text": (read_corpus()["text"][SPLITS["corpus"]["train"]] >= 0).sum(1)}, generator
    )


def fit_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `corpus` in a step of `fit`."""
    epoch, place = divmod(step, 7)
    rows = fit_order(epoch)[16 * place : 16 * (place + 1)]
    return take_corpus("train", rows)
