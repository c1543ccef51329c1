"""The data of `pain`."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""


PAIN_LEVEL_CLASSES = ("0", "1", "2", "3", "4")


def simulate_syracuse() -> dict[str, Any]:
    """Return columns, fields and truth."""
    rng = np.random.default_rng([0, 39443])
    level = rng.integers(0, 5, 600)
    subject = np.arange(600) % 30
    loading = rng.choice([-1.0, 1.0], 6) * rng.uniform(0.6, 1.4, 6)
    gain = 1 + 0.08 * rng.standard_normal(30)
    offset = 0.25 * rng.standard_normal((30, 6))
    rating = gain[subject] * (level - 2.0) / 1.0
    mean = rating[:, None] * loading + offset[subject] + 0.45 * rng.standard_normal((600, 6))
    course = 1 - np.exp(-np.arange(1, 41) / 6.666666666666667)
    course /= course.mean()
    noise = rng.standard_normal((600, 6, 40), dtype=np.float32)
    features = (mean[:, :, None] * course).astype(np.float32) + noise
    shown = level.copy()
    shown[rng.random(600) < 0.1] = -1
    order = rng.permutation(600)
    return {"features": features[order], "pain_level": shown[order]}


def temporal_pool_syracuse_features(values: np.ndarray) -> np.ndarray:
    """Return [rows, channels] for [rows, channels, time]."""
    values = values.astype(np.float64)
    reduce = {"mean": np.mean, "max": np.max, "min": np.min, "std": np.std}["mean"]
    if np.isnan(values).any():
        empty = np.isnan(values).all(axis=-1)
        kept = np.where(empty[..., None], 0.0, values)
        known = {"mean": np.nanmean, "max": np.nanmax, "min": np.nanmin, "std": np.nanstd}["mean"]
        return np.asarray(np.where(empty, np.nan, known(kept, axis=-1)))
    return np.asarray(reduce(values, axis=-1))


def standardize_syracuse_features(values: np.ndarray) -> np.ndarray:
    """Return (values - mean) / std in float64."""
    mean = np.asarray(
        [
            0.16180077474942653,
            0.08097863292077645,
            -0.007681896153649059,
            -0.17765549925887694,
            0.04963954498281789,
            0.055601685065776105,
        ],
        np.float64,
    ).reshape((-1,))
    std = np.asarray(
        [
            1.9488128590071425,
            1.2304086005627177,
            1.695719256881354,
            1.1178680794083888,
            1.145305860315264,
            1.2526981340658765,
        ],
        np.float64,
    ).reshape((-1,))
    return np.asarray((values - mean) / std)


@cache
def read_syracuse() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `syracuse`, encoded and transformed."""
    columns = simulate_syracuse()
    features_values = np.asarray(columns["features"], np.float32)
    features_values = temporal_pool_syracuse_features(features_values)
    features_values = (standardize_syracuse_features(features_values)).astype(np.float32)
    index = {text: number for number, text in enumerate(PAIN_LEVEL_CLASSES)}
    index |= dict.fromkeys([-1], -1)
    pain_level_values = np.array(
        [index[value if value in [-1] else str(value)] for value in columns["pain_level"].tolist()]
    )
    return {"features": features_values, "pain_level": pain_level_values}


@cache
def syracuse_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["syracuse"][split], {"features", "pain_level"}
    return {
        name: torch.from_numpy(values[rows]) for name, values in read_syracuse().items() if name in fields
    }


def take_syracuse(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in syracuse_samples(split).items()}
    return fields


def syracuse_batches(split: str, size: int = 4096) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(syracuse_samples(split)["features"])
    for start in range(0, number, size):
        yield take_syracuse(split, np.arange(start, min(start + size, number)))


STIMULUS_CLASSES = ("stimulus_0", "stimulus_1", "stimulus_2", "stimulus_3")


def simulate_biovid() -> dict[str, Any]:
    """Return series `features` [samples, channels, length], `stimulus` (strings) and `subject`."""
    rng = np.random.default_rng([0, 1393])
    share = np.linspace(1.6, 0.6, 4)
    stimulus = rng.choice(4, 800, p=share / share.sum())
    stimulus[:4] = np.arange(4)
    subject = np.arange(800) % 40
    patterns = rng.standard_normal((4, 6))
    patterns *= 1.8 / np.sqrt((patterns**2).mean(axis=1, keepdims=True))
    offset = 0.3 * rng.standard_normal((40, 6))
    mean = patterns[stimulus] + offset[subject] + 0.8 * rng.standard_normal((800, 6))
    rhythm = np.sin(np.arange(55) / 3.0)
    noise = rng.standard_normal((800, 6, 55), dtype=np.float32)
    features = (mean[:, :, None] + 0.3 * rhythm).astype(np.float32) + noise
    order = rng.permutation(800)
    names = np.array([f"stimulus_{number}" for number in range(4)])
    return {"features": features[order], "stimulus": names[stimulus][order]}


def temporal_pool_biovid_features(values: np.ndarray) -> np.ndarray:
    """Return [rows, channels] for [rows, channels, time]."""
    values = values.astype(np.float64)
    reduce = {"mean": np.mean, "max": np.max, "min": np.min, "std": np.std}["mean"]
    if np.isnan(values).any():
        empty = np.isnan(values).all(axis=-1)
        kept = np.where(empty[..., None], 0.0, values)
        known = {"mean": np.nanmean, "max": np.nanmax, "min": np.nanmin, "std": np.nanstd}["mean"]
        return np.asarray(np.where(empty, np.nan, known(kept, axis=-1)))
    return np.asarray(reduce(values, axis=-1))


def standardize_biovid_features(values: np.ndarray) -> np.ndarray:
    """Return (values - mean) / std in float64."""
    mean = np.asarray(
        [
            0.9621056614529232,
            -0.014917890770079587,
            2.027493812684877,
            -0.1536558554971639,
            -1.6718365730877434,
            -0.8815449232015723,
        ],
        np.float64,
    ).reshape((-1,))
    std = np.asarray(
        [
            2.6057796265834208,
            1.2042727389179777,
            0.9305007751641954,
            1.08492771817511,
            1.2069266740749203,
            1.778582846318409,
        ],
        np.float64,
    ).reshape((-1,))
    return np.asarray((values - mean) / std)


@cache
def read_biovid() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `biovid`, encoded and transformed."""
    columns = simulate_biovid()
    features_values = np.asarray(columns["features"], np.float32)
    features_values = temporal_pool_biovid_features(features_values)
    features_values = (standardize_biovid_features(features_values)).astype(np.float32)
    index = {text: number for number, text in enumerate(STIMULUS_CLASSES)}
    stimulus_values = np.array([index[value] for value in columns["stimulus"].tolist()])
    return {"features": features_values, "stimulus": stimulus_values}


@cache
def biovid_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["biovid"][split], {"features", "stimulus"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_biovid().items() if name in fields}


def take_biovid(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in biovid_samples(split).items()}
    return fields


def biovid_batches(split: str, size: int = 4096) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(biovid_samples(split)["features"])
    for start in range(0, number, size):
        yield take_biovid(split, np.arange(start, min(start + size, number)))


@cache
def joint_syracuse_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `syracuse` in an epoch of `joint`."""
    generator = np.random.default_rng([0, 2650110983, 2664850273, epoch])
    return generator.permutation(420)


def joint_syracuse_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `syracuse` in a step of `joint`."""
    epoch, start = divmod(32 * step, 420)
    rows = joint_syracuse_order(epoch)[start : start + 32]
    while len(rows) < 32:
        epoch += 1
        rows = np.concatenate([rows, joint_syracuse_order(epoch)[: 32 - len(rows)]])
    return take_syracuse("train", rows)


@cache
def joint_biovid_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `biovid` in an epoch of `joint`."""
    generator = np.random.default_rng([0, 2650110983, 2902826198, epoch])
    return generator.permutation(560)


def joint_biovid_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `biovid` in a step of `joint`."""
    epoch, start = divmod(32 * step, 560)
    rows = joint_biovid_order(epoch)[start : start + 32]
    while len(rows) < 32:
        epoch += 1
        rows = np.concatenate([rows, joint_biovid_order(epoch)[: 32 - len(rows)]])
    return take_biovid("train", rows)


def split(fields: dict[str, Tensor], parts: int) -> list[dict[str, Tensor]]:
    """Return the rows of a batch in parts, as even as can be."""
    parts = min(parts, len(next(iter(fields.values()))))
    columns = [values.tensor_split(parts) for values in fields.values()]
    return [dict(zip(fields, part, strict=True)) for part in zip(*columns, strict=True)]
