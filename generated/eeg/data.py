"""The data of `eeg`."""

import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import Tensor

FOLDER = Path(__file__).parent
SPLITS = json.loads((FOLDER / "splits.json").read_text())
"""Rows of each split, by dataset."""
STATISTICS = json.loads((FOLDER / "statistics.json").read_text())


def subjects_of(rng: Any, subjects: int) -> dict[str, Any]:
    return {
        "age": rng.uniform(6, 60, subjects),
        "sex": rng.integers(0, 2, subjects),
        "p_factor": rng.standard_normal(subjects),
        "attention": rng.standard_normal(subjects),
    }


def sources_of(rng: Any, people: dict[str, Any], subject: Any, clock_0, clock_1) -> Any:
    seconds = np.arange(clock_0) / clock_1

    def rhythm(frequency: Any, amplitude: Any) -> Any:
        phase = rng.uniform(0, 2 * np.pi, (len(subject), 1))
        angle = 2 * np.pi * np.asarray(frequency)[:, None] * seconds + phase
        return np.asarray(amplitude)[:, None] * np.sin(angle)

    ones = np.ones(len(subject))
    back = 1 + 0.8 * people["sex"][subject]
    return np.stack(
        [
            rhythm(11.5 - 0.06 * people["age"][subject], 1.5 * ones),
            rhythm(10.0 * ones, back),
            rhythm(6.0 * ones, np.exp(0.5 * people["p_factor"][subject])),
            rhythm(20.0 * ones, np.exp(0.5 * people["attention"][subject])),
        ],
        axis=1,
    )


def courses_of(rng: Any, form_0, form_1, form_2, form_3) -> Any:
    """Return random walks along the last axis, with zero mean and unit variance."""
    course = rng.standard_normal((form_0, form_1, form_2, form_3)).cumsum(axis=-1)
    course -= course.mean(axis=-1, keepdims=True)
    course /= course.std(axis=-1, keepdims=True) + 1e-09
    return course


def mix_sources(rng: Any, sources: Any, channels: int) -> Any:
    """Return sources [B, S, T] mixed into channels [B, C, T], with noise."""
    mixing = rng.standard_normal((channels, sources.shape[1])).astype(np.float32)
    eeg = np.einsum("cs,bst->bct", mixing, sources, optimize=True)
    eeg += 0.7 * rng.standard_normal(eeg.shape, dtype=np.float32)
    return eeg


def names_of(prefix: str, numbers: Any) -> Any:
    return np.array([f"{prefix}{number:03d}" for number in range(int(numbers.max()) + 1)])[numbers]


def simulate_tuh() -> Tensor:
    """Return columns, fields and truth."""
    rng = np.random.default_rng([1, 3814])
    index = np.arange(500)
    subject, movie, stamp = index % 50, index // 50 % 3, index // 150 % 8
    people = subjects_of(rng, 50)
    sources = sources_of(rng, people, subject, round(500.0), 250.0)
    courses = courses_of(rng, 3, 8, 3, sources.shape[-1])
    eeg = mix_sources(
        rng, np.concatenate([sources, 0.8 * courses[movie, stamp]], axis=1).astype(np.float32), 21
    )
    age = people["age"][subject]
    age[rng.random(500) < 0.0] = np.nan
    sex = np.array(["f", "m"], dtype="<U3")[people["sex"][subject]]
    sex[rng.random(500) < 0.0] = "n/a"
    order = rng.permutation(500)
    columns = {
        "eeg": eeg,
        "age": age,
        "sex": sex,
        "p_factor": people["p_factor"][subject],
        "attention": people["attention"][subject],
        "subject": names_of("sub", subject),
        "movie": names_of("movie", movie),
        "stamp": names_of("stamp", stamp),
    }
    return {name: values[order] for name, values in columns.items()}


def factors() -> tuple[int, int]:
    """Return the factors of upsampling and downsampling: the exact ratio of the rates."""
    ratio = Fraction("100.0") / Fraction("250.0")
    near = ratio.limit_denominator(50000)
    fits = near > 0 and abs(near / ratio - 1) <= 1e-07
    return (near.numerator, near.denominator) if fits else (ratio.numerator, ratio.denominator)


def interpolate_gaps(values: np.ndarray) -> np.ndarray:
    """Return series [..., time] with gaps interpolated linearly between neighbours."""
    known = np.isfinite(values)
    if known.all():
        return values
    output = np.zeros_like(values)
    steps = np.arange(values.shape[-1])
    for place in np.ndindex(values.shape[:-1]):
        there = known[place]
        output[place] = np.interp(steps, steps[there], values[place][there]) if there.any() else 0.0
    return output


def gaps(values: np.ndarray, width: int, stride: float) -> np.ndarray:
    """Return which of `width` new steps [..., width], `stride` old ones apart, are nearest to a gap."""
    nearest = np.minimum(np.rint(np.arange(width) * stride).astype(np.int64), values.shape[-1] - 1)
    return np.asarray(~np.isfinite(values)[..., nearest])


def ends(values: np.ndarray) -> np.ndarray:
    """Return the steps [rows] of samples padded with NaN, or with ids below 0: up to the last real one, 1 at least."""
    others = tuple((other for other in range(1, 3) if other != 2))
    known = ~np.isnan(values) if values.dtype.kind == "f" else values >= 0
    steps = np.asarray(known.any(axis=others) if others else known)
    behind = np.argmax(steps[:, ::-1], axis=1) if steps.shape[1] else 0
    return np.where(steps.any(axis=1), steps.shape[1] - behind, 1).astype(np.int64)


def each_to_its_end(values: np.ndarray, width: int, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what `change` makes of samples [rows, ..., time] padded with NaN, each without its padding."""
    lengths = ends(values)
    if len(values) and (lengths == values.shape[-1]).all():
        return change(values)
    padded = np.full((*values.shape[:-1], width), np.nan, np.float32)
    for length in np.unique(lengths):
        rows = lengths == length
        changed = change(values[rows][..., :length])
        padded[rows, ..., : changed.shape[-1]] = changed
    return padded


def resample_tuh_eeg(values: np.ndarray) -> np.ndarray:
    """Return [rows, channels, time] at the new rate."""
    up, down = factors()

    def change(whole: np.ndarray) -> np.ndarray:
        exact = np.asarray(whole, np.float64)
        changed = np.asarray(resample_poly(interpolate_gaps(exact), up, down, axis=-1, padtype="line"))
        return np.where(gaps(exact, changed.shape[-1], down / up), np.nan, changed)

    return each_to_its_end(values, -(-values.shape[-1] * up // down), change)


def standardize_tuh_eeg(values: np.ndarray, statistics: dict[str, list[float]]) -> np.ndarray:
    """Return (values - mean) / std in float64."""
    mean = np.asarray(statistics["mean"], np.float64).reshape((-1, 1))
    std = np.asarray(statistics["std"], np.float64).reshape((-1, 1))
    return np.asarray((values - mean) / std)


@cache
def read_tuh() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `tuh`, encoded and transformed."""
    columns = simulate_tuh()
    eeg_values = np.asarray(columns["eeg"], np.float32)
    eeg_values = resample_tuh_eeg(eeg_values)
    eeg_values = (standardize_tuh_eeg(eeg_values, STATISTICS["tuh/eeg/1"])).astype(np.float32)
    age_values = (np.asarray(columns["age"], np.float64)).astype(np.float32)
    return {"eeg": eeg_values, "age": age_values}


@cache
def tuh_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["tuh"][split], {"eeg", "age"}
    return {name: torch.from_numpy(values[rows]) for name, values in read_tuh().items() if name in fields}


def take_tuh(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in tuh_samples(split).items()}
    return fields


def tuh_batches(split: str, size: int = 655) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(tuh_samples(split)["eeg"])
    for start in range(0, number, size):
        yield take_tuh(split, np.arange(start, min(start + size, number)))


SEX_CLASSES = ("f", "m")


SUBJECT_CLASSES = (
    "sub000",
    "sub001",
    "sub002",
    "sub003",
    "sub004",
    "sub005",
    "sub006",
    "sub007",
    "sub008",
    "sub009",
    "sub010",
    "sub011",
    "sub012",
    "sub013",
    "sub014",
    "sub015",
    "sub016",
    "sub017",
    "sub018",
    "sub019",
    "sub020",
    "sub021",
    "sub022",
    "sub023",
)


MOVIE_CLASSES = ("movie000", "movie001", "movie002")


STAMP_CLASSES = (
    "stamp000",
    "stamp001",
    "stamp002",
    "stamp003",
    "stamp004",
    "stamp005",
    "stamp006",
    "stamp007",
)


def simulate_hbn() -> Tensor:
    """Return columns, fields and truth."""
    rng = np.random.default_rng([2, 3814])
    index = np.arange(576)
    subject, movie, stamp = index % 24, index // 24 % 3, index // 72 % 8
    people = subjects_of(rng, 24)
    sources = sources_of(rng, people, subject, round(200.0), 100.0)
    courses = courses_of(rng, 3, 8, 3, sources.shape[-1])
    eeg = mix_sources(
        rng, np.concatenate([sources, 0.8 * courses[movie, stamp]], axis=1).astype(np.float32), 128
    )
    age = people["age"][subject]
    age[rng.random(576) < 0.15] = np.nan
    sex = np.array(["f", "m"], dtype="<U3")[people["sex"][subject]]
    sex[rng.random(576) < 0.15] = "n/a"
    order = rng.permutation(576)
    columns = {
        "eeg": eeg,
        "age": age,
        "sex": sex,
        "p_factor": people["p_factor"][subject],
        "attention": people["attention"][subject],
        "subject": names_of("sub", subject),
        "movie": names_of("movie", movie),
        "stamp": names_of("stamp", stamp),
    }
    return {name: values[order] for name, values in columns.items()}


def standardize_hbn_eeg(values: np.ndarray, statistics: dict[str, list[float]]) -> np.ndarray:
    """Return (values - mean) / std in float64."""
    mean = np.asarray(statistics["mean"], np.float64).reshape((-1, 1))
    std = np.asarray(statistics["std"], np.float64).reshape((-1, 1))
    return np.asarray((values - mean) / std)


@cache
def read_hbn() -> dict[str, np.ndarray]:
    """Return the fields of all samples of `hbn`, encoded and transformed."""
    columns = simulate_hbn()
    eeg_values = np.asarray(columns["eeg"], np.float32)
    eeg_values = (standardize_hbn_eeg(eeg_values, STATISTICS["hbn/eeg/0"])).astype(np.float32)
    age_values = (np.asarray(columns["age"], np.float64)).astype(np.float32)
    index = {text: number for number, text in enumerate(SEX_CLASSES)}
    index |= dict.fromkeys(["n/a"], -1)
    sex_values = np.array([index[value] for value in columns["sex"].tolist()])
    p_factor_values = (np.asarray(columns["p_factor"], np.float64)).astype(np.float32)
    attention_values = (np.asarray(columns["attention"], np.float64)).astype(np.float32)
    index = {text: number for number, text in enumerate(SUBJECT_CLASSES)}
    subject_values = np.array([index[value] for value in columns["subject"].tolist()])
    index = {text: number for number, text in enumerate(MOVIE_CLASSES)}
    movie_values = np.array([index[value] for value in columns["movie"].tolist()])
    index = {text: number for number, text in enumerate(STAMP_CLASSES)}
    stamp_values = np.array([index[value] for value in columns["stamp"].tolist()])
    return {
        "eeg": eeg_values,
        "age": age_values,
        "sex": sex_values,
        "p_factor": p_factor_values,
        "attention": attention_values,
        "subject": subject_values,
        "movie": movie_values,
        "stamp": stamp_values,
    }


@cache
def hbn_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = (
        SPLITS["hbn"][split],
        {"eeg", "age", "sex", "p_factor", "attention", "subject", "movie", "stamp"},
    )
    return {name: torch.from_numpy(values[rows]) for name, values in read_hbn().items() if name in fields}


def take_hbn(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {name: values.index_select(0, places) for name, values in hbn_samples(split).items()}
    return fields


def hbn_batches(split: str, size: int = 163) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len(hbn_samples(split)["eeg"])
    for start in range(0, number, size):
        yield take_hbn(split, np.arange(start, min(start + size, number)))


@cache
def pretrain_tuh_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `tuh` in an epoch of `pretrain`."""
    generator = np.random.default_rng([0, 1895301804, 3180887367, epoch])
    return generator.permutation(400)


def pretrain_tuh_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `tuh` in a step of `pretrain`."""
    epoch, start = divmod(10 * step, 400)
    rows = pretrain_tuh_order(epoch)[start : start + 10]
    while len(rows) < 10:
        epoch += 1
        rows = np.concatenate([rows, pretrain_tuh_order(epoch)[: 10 - len(rows)]])
    return take_tuh("train", rows)


@cache
def pretrain_hbn_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `hbn` in an epoch of `pretrain`."""
    generator = np.random.default_rng([0, 1895301804, 1145308912, epoch])
    return generator.permutation(432)


def pretrain_hbn_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `hbn` in a step of `pretrain`."""
    epoch, start = divmod(22 * step, 432)
    rows = pretrain_hbn_order(epoch)[start : start + 22]
    while len(rows) < 22:
        epoch += 1
        rows = np.concatenate([rows, pretrain_hbn_order(epoch)[: 22 - len(rows)]])
    return take_hbn("train", rows)


def combined_codes(columns: list[np.ndarray]) -> np.ndarray:
    """Return a number for each combination of values, -1 where one is missing."""
    stacked = np.stack([np.asarray(column) for column in columns], 1)
    _, codes = np.unique(stacked, axis=0, return_inverse=True)
    return np.where((stacked < 0).any(axis=1), -1, codes.reshape(-1))


def draw_pairs(group: np.ndarray, origin: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return pairs of positions [pairs, 2] in random order, each position at most once."""
    pairs = []
    for number in np.unique(group[group >= 0]):
        members = generator.permutation(np.flatnonzero(group == number))
        names, index, counts = np.unique(origin[members], return_inverse=True, return_counts=True)
        rank = generator.permutation(len(names))
        members = members[np.lexsort((rank[index], -counts[index]))]
        half = -(-len(members) // 2)
        first, second = members[: len(members) - half], members[half:]
        good = origin[first] != origin[second]
        pairs.append(np.stack([first[good], second[good]], 1))
    whole = np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)
    return generator.permuted(whole, axis=1)[generator.permutation(len(whole))]


def align_permutation(columns: Mapping[str, np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """Return positions, partners next to each other."""
    group = combined_codes([columns[name] for name in ["movie", "stamp"]])
    wanted, pairs = 216, np.empty((0, 2), np.int64)
    while len(pairs) < 216:
        more = draw_pairs(np.where(columns["subject"] < 0, -1, group), columns["subject"], generator)
        pairs = np.concatenate([pairs, more])
    return pairs[:216].reshape(-1)


@cache
def align_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `hbn` in an epoch of `align`."""
    generator = np.random.default_rng([0, 3559956683, 1145308912, epoch])
    return align_permutation(
        {
            "movie": read_hbn()["movie"][SPLITS["hbn"]["train"]],
            "stamp": read_hbn()["stamp"][SPLITS["hbn"]["train"]],
            "subject": read_hbn()["subject"][SPLITS["hbn"]["train"]],
        },
        generator,
    )


def align_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `hbn` in a step of `align`."""
    epoch, place = divmod(step, 14)
    rows = align_order(epoch)[32 * place : 32 * (place + 1)]
    return take_hbn("train", rows)


@cache
def finetune_tuh_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `tuh` in an epoch of `finetune`."""
    generator = np.random.default_rng([0, 2120591354, 3180887367, epoch])
    return generator.permutation(400)


def finetune_tuh_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `tuh` in a step of `finetune`."""
    epoch, start = divmod(15 * step, 400)
    rows = finetune_tuh_order(epoch)[start : start + 15]
    while len(rows) < 15:
        epoch += 1
        rows = np.concatenate([rows, finetune_tuh_order(epoch)[: 15 - len(rows)]])
    return take_tuh("train", rows)


@cache
def finetune_hbn_order(epoch: int) -> np.ndarray:
    """Return the order of the training samples of `hbn` in an epoch of `finetune`."""
    generator = np.random.default_rng([0, 2120591354, 1145308912, epoch])
    return generator.permutation(432)


def finetune_hbn_batch(step: int) -> dict[str, Tensor]:
    """Return the samples of `hbn` in a step of `finetune`."""
    epoch, start = divmod(17 * step, 432)
    rows = finetune_hbn_order(epoch)[start : start + 17]
    while len(rows) < 17:
        epoch += 1
        rows = np.concatenate([rows, finetune_hbn_order(epoch)[: 17 - len(rows)]])
    return take_hbn("train", rows)
