"""The data of `digits`."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""


LABEL_CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")


@cache
def read_digits() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `digits`, encoded and transformed."""
    bunch = load_digits()
    columns = {"image": np.rint(bunch.images * (255 / 16)).astype(np.uint8), "label": bunch.target}
    image_values = columns["image"].reshape(len(columns["image"]), 1, 8, 8)
    index = {text: number for number, text in enumerate(LABEL_CLASSES)}
    label_values = np.array([index[str(value)] for value in columns["label"].tolist()])
    return {"image": image_values, "label": label_values}


@cache
def digits_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["digits"][split], {"image", "label"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_digits().items() if name in fields}


def take_digits(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in digits_samples(split).items()}
    return fields


def digits_batches(split: str, size: int = 4096) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(digits_samples(split)["image"])
    for start in range(0, number, size):
        yield take_digits(split, np.arange(start, min(start + size, number)))


@cache
def fit_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `digits` in an epoch of `fit`."""
    generator = np.random.default_rng([0, 1347160907, 3576519346, epoch])
    return generator.permutation(1258)


def fit_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `digits` in a step of `fit`."""
    epoch, place = divmod(step, 20)
    rows = fit_order(epoch)[64 * place : 64 * (place + 1)]
    return take_digits("train", rows)
