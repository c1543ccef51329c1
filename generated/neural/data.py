"""The data of `neural`."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""


def videos_of(rng: Any) -> Any:
    """Return noise [samples, frames, size, size] with the spectrum of natural scenes, each of unit variance."""
    down, across = np.fft.fftfreq(16)[:, None], np.fft.rfftfreq(16)[None]
    space = 1 / np.maximum(np.hypot(down, across), 0.0625)
    time = 1 / np.sqrt(1 + (3 * np.fft.fftfreq(6)[:, None, None]) ** 2)
    weight = (space * time).astype(np.float32)
    videos = np.empty((3000, 6, 16, 16), np.float32)
    for start in range(0, 3000, 2000):
        noise = rng.standard_normal((min(2000, 3000 - start), *(3000, 6, 16, 16)[1:]), dtype=np.float32)
        spectrum = np.fft.rfftn(noise, axes=(1, 2, 3)) * weight
        videos[start : start + 2000] = np.fft.irfftn(spectrum, s=(3000, 6, 16, 16)[1:], axes=(1, 2, 3))
    videos -= videos.mean((1, 2, 3), keepdims=True)
    videos /= videos.std((1, 2, 3), keepdims=True)
    return videos


def cells_of(rng: Any, neurons: int) -> dict[str, Any]:
    """Return the parameters of each neuron."""
    return {
        "centre": rng.uniform(0.25, 0.75, (neurons, 2)) * 16 - 0.5,
        "orientation": rng.uniform(0, np.pi, neurons),
        "frequency": np.exp(rng.uniform(np.log(0.1), np.log(0.2), neurons)),
        "width": rng.uniform(1.2, 2.2, neurons),
        "elongation": rng.uniform(1.0, 1.6, neurons),
        "phase": rng.uniform(0, 2 * np.pi, neurons),
        "drift": rng.choice([-1, 1], neurons) * rng.uniform(0, 0.15, neurons),
        "memory": rng.uniform(1, 2.5, neurons),
        "complexity": rng.uniform(0, 1, neurons) ** 3,
        "base": rng.uniform(0.1, 0.4, neurons),
        "scale": np.exp(0.3 * rng.standard_normal(neurons)),
    }


def filters_of(cells: dict[str, Any], form: tuple[int, int, int]) -> tuple[Any, Any, Any]:
    """Return Gabor filters of unit norm and zero mean, their quadrature partners, and windows of unit sum."""
    frames, size, _ = form
    filters = {name: values[..., None, None, None] for name, values in cells.items() if name != "centre"}
    down, across = np.mgrid[:size, :size]
    dy = down - cells["centre"][:, 0, None, None, None]
    dx = across - cells["centre"][:, 1, None, None, None]
    cosine, sine = np.cos(filters["orientation"]), np.sin(filters["orientation"])
    along, beside = dx * cosine + dy * sine, dy * cosine - dx * sine
    envelope = np.exp(-(along**2 + (beside / filters["elongation"]) ** 2) / (2 * filters["width"] ** 2))
    lag = np.arange(frames)[::-1, None, None] + 0.5
    course = lag / filters["memory"] * np.exp(1 - lag / filters["memory"])
    angle = 2 * np.pi * (filters["frequency"] * along - filters["drift"] * lag) + filters["phase"]
    window = envelope * course
    window = window / window.sum((1, 2, 3), keepdims=True)
    waves = [window * np.cos(angle + turn) for turn in (0, np.pi / 2)]
    pair = [wave - window * wave.sum((1, 2, 3), keepdims=True) for wave in waves]
    even, odd = (wave / np.sqrt((wave**2).sum((1, 2, 3), keepdims=True)) for wave in pair)
    return even, odd, window


def responses(video: Any, cells: dict[str, Any]) -> Any:
    """Return drives [samples, neurons], not negative and near 1 where the stimulus suits the neuron."""

    def project(kernels: Any, pixels: Any) -> Any:
        return pixels.reshape(len(pixels), -1) @ kernels.reshape(len(kernels), -1).astype(np.float32).T

    even, odd, window = filters_of(cells, video.shape[1:])
    pool = np.sqrt(0.09 + project(window, video**2))
    even, odd = project(even, video) / pool, project(odd, video) / pool
    spread = np.sqrt((even**2).mean(0))
    simple = 1.4 * np.maximum(even / spread, 0)
    complex_ = np.sqrt((even**2 + odd**2) / 2) / spread
    drive = (1 - cells["complexity"]) * simple + cells["complexity"] * complex_
    return 6.0 * drive**2 / (drive**2 + 6.0)


def simulate_monday() -> dict[str, Any]:
    """Return columns, fields, the truth, and the expected value of `spikes`."""
    rng = np.random.default_rng([1, 1457])
    contrast = rng.uniform(0.1, 1.0, 3000)
    video = videos_of(rng)
    video *= contrast[:, None, None, None].astype(np.float32)
    states = rng.standard_normal((3000, 3)).astype(np.float32)
    cells = cells_of(rng, 17)
    weights = 0.35 * rng.standard_normal((3, 17)) / np.sqrt(3)
    gain = np.exp(states @ weights)
    response = responses(video, cells)
    rate = gain * cells["scale"] * (cells["base"] + response)
    usable = rng.random((3000, 17)) > 0.05
    return {
        "stimulus": video[:, None],
        "behaviour": states,
        "spikes": rng.poisson(rate).astype(np.float32),
        "usable": usable,
        "contrast": contrast,
    }


@cache
def read_monday() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `monday`, encoded and transformed."""
    columns = simulate_monday()
    stimulus_values = np.asarray(columns["stimulus"], np.float32)
    behaviour_values = np.asarray(columns["behaviour"], np.float32)
    spikes_values = np.asarray(columns["spikes"], np.float32)
    usable_values = np.asarray(columns["usable"]).astype(bool)
    contrast_encoded = np.asarray(columns["contrast"], np.float64)
    contrast_values = (contrast_encoded).astype(np.float32)
    return {
        "stimulus": stimulus_values,
        "behaviour": behaviour_values,
        "spikes": spikes_values,
        "usable": usable_values,
        "contrast": contrast_values,
        "contrast.encoded": contrast_encoded,
    }


@cache
def monday_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["monday"][split], {"stimulus", "behaviour", "spikes", "usable"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_monday().items() if name in fields}


def take_monday(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in monday_samples(split).items()}
    return fields


def monday_batches(split: str, size: int = 512) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(monday_samples(split)["stimulus"])
    for start in range(0, number, size):
        yield take_monday(split, np.arange(start, min(start + size, number)))


def simulate_tuesday() -> dict[str, Any]:
    """Return columns, fields, the truth, and the expected value of `spikes`."""
    rng = np.random.default_rng([2, 1457])
    contrast = rng.uniform(0.1, 1.0, 3000)
    video = videos_of(rng)
    video *= contrast[:, None, None, None].astype(np.float32)
    states = rng.standard_normal((3000, 3)).astype(np.float32)
    cells = cells_of(rng, 23)
    weights = 0.35 * rng.standard_normal((3, 23)) / np.sqrt(3)
    gain = np.exp(states @ weights)
    response = responses(video, cells)
    rate = gain * cells["scale"] * (cells["base"] + response)
    usable = rng.random((3000, 23)) > 0.05
    return {
        "stimulus": video[:, None],
        "behaviour": states,
        "spikes": rng.poisson(rate).astype(np.float32),
        "usable": usable,
        "contrast": contrast,
    }


@cache
def read_tuesday() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `tuesday`, encoded and transformed."""
    columns = simulate_tuesday()
    stimulus_values = np.asarray(columns["stimulus"], np.float32)
    behaviour_values = np.asarray(columns["behaviour"], np.float32)
    spikes_values = np.asarray(columns["spikes"], np.float32)
    usable_values = np.asarray(columns["usable"]).astype(bool)
    contrast_encoded = np.asarray(columns["contrast"], np.float64)
    contrast_values = (contrast_encoded).astype(np.float32)
    return {
        "stimulus": stimulus_values,
        "behaviour": behaviour_values,
        "spikes": spikes_values,
        "usable": usable_values,
        "contrast": contrast_values,
        "contrast.encoded": contrast_encoded,
    }


@cache
def tuesday_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["tuesday"][split], {"stimulus", "behaviour", "spikes", "usable"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_tuesday().items() if name in fields}


def take_tuesday(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in tuesday_samples(split).items()}
    return fields


def tuesday_batches(split: str, size: int = 512) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(tuesday_samples(split)["stimulus"])
    for start in range(0, number, size):
        yield take_tuesday(split, np.arange(start, min(start + size, number)))


def one_each(column: np.ndarray) -> np.ndarray:
    """Return a column with one value for each sample [samples]."""
    flat = column.reshape(len(column), -1) if len(column) else column.reshape(0, 1)
    return np.asarray(flat[:, 0])


def limit_of(progress: float) -> float:
    """Return the limit at a fraction `progress` of the phase."""
    done = 1.0 if progress >= 0.5 else progress / 0.5
    return 0.8 + -0.8 * done


def rounds(positions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return `number` of `positions`: random permutations of all of them, one after another."""
    whole, rest = divmod(2400, len(positions))
    parts = [generator.permutation(positions) for _ in range(whole)]
    return np.concatenate([*parts, generator.permutation(positions)[:rest]])


def core_monday_permutation(
    columns: Mapping[str, np.ndarray], generator: np.random.Generator, progress: float
) -> np.ndarray:
    """Return positions."""
    scores = one_each(columns["contrast"])
    limit = limit_of(progress)
    shown = np.flatnonzero(scores >= limit)
    return rounds(shown, generator)


@cache
def core_monday_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `monday` in an epoch of `core`."""
    generator = np.random.default_rng([0, 1804436815, 3755093257, epoch])
    return core_monday_permutation(
        {"contrast": read_monday()["contrast.encoded"][SPLITS["monday"]["train"]]},
        generator,
        min(1.0, epoch * 2400 / 24320.0),
    )


def core_monday_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `monday` in a step of `core`."""
    epoch, start = divmod(64 * step, 2400)
    rows = core_monday_order(epoch)[start : start + 64]
    while len(rows) < 64:
        epoch += 1
        rows = np.concatenate([rows, core_monday_order(epoch)[: 64 - len(rows)]])
    return take_monday("train", rows)


def core_tuesday_permutation(
    columns: Mapping[str, np.ndarray], generator: np.random.Generator, progress: float
) -> np.ndarray:
    """Return positions."""
    scores = one_each(columns["contrast"])
    limit = limit_of(progress)
    shown = np.flatnonzero(scores >= limit)
    return rounds(shown, generator)


@cache
def core_tuesday_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `tuesday` in an epoch of `core`."""
    generator = np.random.default_rng([0, 1804436815, 3961368825, epoch])
    return core_tuesday_permutation(
        {"contrast": read_tuesday()["contrast.encoded"][SPLITS["tuesday"]["train"]]},
        generator,
        min(1.0, epoch * 2400 / 24320.0),
    )


def core_tuesday_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `tuesday` in a step of `core`."""
    epoch, start = divmod(64 * step, 2400)
    rows = core_tuesday_order(epoch)[start : start + 64]
    while len(rows) < 64:
        epoch += 1
        rows = np.concatenate([rows, core_tuesday_order(epoch)[: 64 - len(rows)]])
    return take_tuesday("train", rows)


@cache
def modulator_monday_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `monday` in an epoch of `modulator`."""
    generator = np.random.default_rng([0, 3057031440, 3755093257, epoch])
    return generator.permutation(2400)


def modulator_monday_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `monday` in a step of `modulator`."""
    epoch, start = divmod(64 * step, 2400)
    rows = modulator_monday_order(epoch)[start : start + 64]
    while len(rows) < 64:
        epoch += 1
        rows = np.concatenate([rows, modulator_monday_order(epoch)[: 64 - len(rows)]])
    return take_monday("train", rows)


@cache
def modulator_tuesday_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `tuesday` in an epoch of `modulator`."""
    generator = np.random.default_rng([0, 3057031440, 3961368825, epoch])
    return generator.permutation(2400)


def modulator_tuesday_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `tuesday` in a step of `modulator`."""
    epoch, start = divmod(64 * step, 2400)
    rows = modulator_tuesday_order(epoch)[start : start + 64]
    while len(rows) < 64:
        epoch += 1
        rows = np.concatenate([rows, modulator_tuesday_order(epoch)[: 64 - len(rows)]])
    return take_tuesday("train", rows)
