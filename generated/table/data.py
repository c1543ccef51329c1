"""The data of `table`."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""


REGION_CLASSES = ("coast", "hills", "inland", "town")


def standardize_income(values: np.ndarray) -> np.ndarray:
    """Return (values - mean) / std in float64."""
    mean = np.asarray([3.0736442376538706], np.float64).reshape((-1,))
    std = np.asarray([1.3357138441619925], np.float64).reshape((-1,))
    return np.asarray((values - mean) / std)


def standardize_rooms(values: np.ndarray) -> np.ndarray:
    """Return (values - mean) / std in float64."""
    mean = np.asarray([3.954022988505747], np.float64).reshape((-1,))
    std = np.asarray([2.058017008465762], np.float64).reshape((-1,))
    return np.asarray((values - mean) / std)


@cache
def read_table() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `table`, encoded and transformed."""
    table = pl.read_csv(FOLDER / "table.csv", separator=",", infer_schema=False)
    table = table.filter(~pl.all_horizontal(pl.all().is_null()))
    columns = {
        "income": table["income"].to_list(),
        "rooms": table["rooms"].to_list(),
        "region": table["region"].to_list(),
        "price": table["price"].to_list(),
    }
    income_values = np.array([np.nan if value in {None} else float(value) for value in columns["income"]])
    income_values = (standardize_income(income_values)).astype(np.float32)
    rooms_values = np.array(
        [np.nan if value in {None, "", "NA"} else float(value) for value in columns["rooms"]]
    )
    rooms_values = (standardize_rooms(rooms_values)).astype(np.float32)
    index = {text: number for number, text in enumerate(REGION_CLASSES)}
    index |= dict.fromkeys([None], -1)
    region_values = np.array([index[value] for value in columns["region"]])
    price_values = (
        np.array([np.nan if value in {None} else float(value) for value in columns["price"]])
    ).astype(np.float32)
    return {"income": income_values, "rooms": rooms_values, "region": region_values, "price": price_values}


@cache
def table_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["table"][split], {"income", "rooms", "region", "price"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_table().items() if name in fields}


def take_table(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in table_samples(split).items()}
    return fields


def table_batches(split: str, size: int = 4096) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(table_samples(split)["income"])
    for start in range(0, number, size):
        yield take_table(split, np.arange(start, min(start + size, number)))


@cache
def fit_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `table` in an epoch of `fit`."""
    generator = np.random.default_rng([0, 1347160907, 4129918790, epoch])
    return generator.permutation(270)


def fit_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `table` in a step of `fit`."""
    epoch, place = divmod(step, 2)
    rows = fit_order(epoch)[256 * place : 256 * (place + 1)]
    return take_table("train", rows)
