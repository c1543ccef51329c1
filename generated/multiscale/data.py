"""The data of `multiscale`."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""


LABEL_CLASSES = ("texture_0", "texture_1", "texture_2")


def simulate_textures() -> dict[str, Any]:
    """Return `image` (uint8 [samples, size, size, 3]) and `label` (strings)."""
    rng = np.random.default_rng([0, 126])
    label = rng.permutation(np.arange(900) % 3)
    angle = np.pi * label / 3 + 0.04 * rng.standard_normal(900)
    cycles = rng.uniform(3, 6, 900) * 2 * np.pi / 96
    phase = rng.uniform(0, 2 * np.pi, 900)
    colours = rng.uniform(60, 195, (900, 1, 1, 3)).astype(np.float32)
    contrast = rng.uniform(25, 55, (900, 1, 1, 3)).astype(np.float32)
    across, down = np.meshgrid(np.arange(96), np.arange(96), indexing="xy")
    images = np.empty((900, 96, 96, 3), dtype=np.uint8)
    for start in range(0, 900, 144):
        part = slice(start, min(start + 144, 900))
        along = np.cos(angle[part])[:, None, None] * across + np.sin(angle[part])[:, None, None] * down
        wave = np.sin(along * cycles[part][:, None, None] + phase[part][:, None, None]).astype(np.float32)
        noise = rng.standard_normal((*wave.shape, 3), dtype=np.float32) * 22
        images[part] = np.clip(colours[part] + contrast[part] * wave[..., None] + noise, 0, 255)
    names = np.array([f"texture_{number}" for number in range(3)])
    return {"image": images, "label": names[label]}


@cache
def read_textures() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `textures`, encoded and transformed."""
    columns = simulate_textures()
    image_values = np.ascontiguousarray(columns["image"].transpose(0, 3, 1, 2))
    index = {text: number for number, text in enumerate(LABEL_CLASSES)}
    label_values = np.array([index[value] for value in columns["label"].tolist()])
    return {"image": image_values, "label": label_values}


@cache
def textures_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["textures"][split], {"image", "label"}
    return {
        name: torch.from_numpy(values[rows]) for name, values in read_textures().items() if name in fields
    }


def take_textures(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in textures_samples(split).items()}
    return fields


def textures_batches(split: str, size: int = 151) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(textures_samples(split)["image"])
    for start in range(0, number, size):
        yield take_textures(split, np.arange(start, min(start + size, number)))


@cache
def progressive_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `textures` in an epoch of `progressive`."""
    generator = np.random.default_rng([0, 3646955747, 2777135382, epoch])
    return generator.permutation(630)


def progressive_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `textures` in a step of `progressive`."""
    epoch, place = divmod(step, 20)
    rows = progressive_order(epoch)[32 * place : 32 * (place + 1)]
    return take_textures("train", rows)


@cache
def joint_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `textures` in an epoch of `joint`."""
    generator = np.random.default_rng([0, 2650110983, 2777135382, epoch])
    return generator.permutation(630)


def joint_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `textures` in a step of `joint`."""
    epoch, place = divmod(step, 20)
    rows = joint_order(epoch)[32 * place : 32 * (place + 1)]
    return take_textures("train", rows)


def resize(images: Tensor, size: int) -> Tensor:
    """Return pictures [N, C, H, W] with the shorter edge at `size`, antialiased."""
    height, width = images.shape[-2:]
    shorter = min(height, width)
    if shorter == size:
        return images
    edges = [max(1, round(edge * size / shorter)) for edge in (height, width)]
    pixels = images.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(pixels, size=edges, mode="bilinear", antialias=True)
