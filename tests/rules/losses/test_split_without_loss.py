"""A held-out split in which no target counts leaves its loss without a value; a training split is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from declare.compiler import pipeline

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: rows.csv}
    fields: {x: number, y: %s, part: category}
    split: {column: part}
model:
  m: {type: mlp, input: x, hidden: [4]}
tasks:
  t: {type: %s, target: y}
phases:
  p: {steps: 1, batch_size: 2, optimizer: {type: sgd, lr: 0.1}}
"""


@pytest.mark.parametrize("kind", [("number", "regression"), ("category", "classification")])
@pytest.mark.parametrize("label", ["", "1"])
def test_a_split_without_labels_is_told(tmp_path: Path, kind: tuple[str, str], label: str) -> None:
    """The finding names the figure of that split alone."""
    rows = [*(f"{row},{row % 2},train" for row in range(6)), f"1,{label},val", "2,0,test"]
    (tmp_path / "rows.csv").write_text("\n".join(["x,y,part", *rows]), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC % kind, encoding="utf-8")
    titles = [item.title for item in pipeline.check(path).diagnostics if item.code == "DAT398"]
    assert titles == ([] if label else ["`val/t/loss` will not be a number"])


TASKS = {
    "unknown words": (
        {"text": {"type": "text", "tokenizer": "word"}},
        {"type": "transformer", "dim": 4, "depth": 1, "heads": 1},
        {"type": "masked_lm", "target": "text", "head": {"type": "lm", "input": "m"}},
    ),
    "masked numbers": (
        {"x": "vector", "y": "number", "ok": "valid"},
        {"type": "mlp", "hidden": [2]},
        {"type": "regression", "target": "y", "mask": "ok"},
    ),
    "masked series": (
        {"x": "series", "ok": "valid"},
        {"type": "conv1d", "channels": [2]},
        {"type": "reconstruction", "target": "x", "mask": "ok"},
    ),
    "void pixels": (
        {"x": "image", "y": {"type": "mask", "void": 255}},
        {"type": "cnn", "channels": [2]},
        {"type": "segmentation", "target": "y", "head": {"type": "segmentation", "input": "m.map"}},
    ),
}


def _columns(case: str, empty: np.ndarray) -> dict[str, np.ndarray]:
    """Return columns of a case; where `empty`, samples have nothing to score."""
    draw = np.random.default_rng(0)
    number = len(empty)
    if case == "unknown words":
        return {"text": np.where(empty, "c d c d", "a b a b")}
    if case == "void pixels":
        masks = draw.integers(0, 2, (number, 8, 8)).astype(np.uint8)
        masks[empty] = 255
        return {"x": draw.integers(0, 255, (number, 8, 8, 3)).astype(np.uint8), "y": masks}
    shape = (number, 2, 20) if case == "masked series" else (number, 3)
    return {"x": draw.normal(size=shape).astype(np.float32), "y": np.arange(number) / 3, "ok": ~empty}


@pytest.mark.parametrize(
    ("case", "empty"),
    [
        *((case, "val") for case in TASKS),
        ("masked series", "train"),
        ("void pixels", "train"),
        ("masked numbers", ""),
    ],
)
def test_a_split_whose_targets_do_not_count_is_told(tmp_path: Path, case: str, empty: str) -> None:
    """Training on it is an error, as is a metric of it that picks the best checkpoint; else it is a warning."""
    parts = np.array(["train"] * 6 + ["val"] * 3 + ["test"] * 3)
    np.savez(tmp_path / "data.npz", part=parts, **_columns(case, parts == empty))
    fields, module, task = TASKS[case]
    data = {"source": {"type": "npz", "path": "data.npz"}, "fields": fields | {"part": "category"}}
    field = next(iter(fields))
    phase = {"steps": 1, "batch_size": 2, "optimizer": {"type": "sgd", "lr": 0.1}}
    best = {"evaluate": {"best": {"metric": "val/t/loss", "mode": "min"}}}
    spec = {
        "declare": 1,
        "datasets": {"d": data | {"split": {"column": "part"}}},
        "model": {"m": module | {"input": field}},
        "tasks": {"t": task},
        "phases": {"p": phase | (best if empty == "val" else {})},
    }
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    codes = {item.code for item in pipeline.check(path).diagnostics} & {"DAT315", "DAT398", "PHS656"}
    expected = {"train": {"DAT315"}, "val": {"DAT398", "PHS656"}, "": set()}
    assert codes == expected[empty]


TWO = """\
declare: 1
datasets:
  one: {source: {type: csv, path: one.csv}, fields: &fields {x: number, y: category, part: category}, split: &split {column: part}}
  two: {source: {type: csv, path: two.csv}, fields: *fields, split: *split}
model:
  m: {type: mlp, input: x, hidden: [4]}
tasks:
  t: {type: classification, target: y, datasets: [one, two], head: %s}
phases:
  p: {steps: 1, batch_size: 4, optimizer: {type: sgd, lr: 0.1}, evaluate: {best: {metric: %s, mode: min}}}
"""
OWN, SHARED = "{type: linear, per_dataset: true}", "linear"
EVEN = "aabb"


@pytest.mark.parametrize(
    ("head", "train", "val", "expected"),
    [
        (OWN, EVEN, "ab", set()),
        (OWN, "aaaa", "ab", {"LOS412"}),
        (OWN, EVEN, "ac", {"DAT303"}),
        (OWN, EVEN, "aa", {"DAT340"}),
        (SHARED, EVEN, "aa", set()),
        (SHARED, EVEN, "  ", {"DAT398"}),
        (OWN, EVEN, "  ", {"DAT398"}),
    ],
)
def test_what_one_dataset_lacks_is_told(
    tmp_path: Path, head: str, train: str, val: str, expected: set[str]
) -> None:
    """Each dataset has its own loss, and its own classes where it has its own head."""
    for name, labels in (("one", (EVEN, "ab", "ab")), ("two", (train, val, "ab"))):
        rows = [
            f"{row},{label.strip()},{part}"
            for part, letters in zip(("train", "val", "test"), labels, strict=True)
            for row, label in enumerate(letters)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["x,y,part", *rows]), encoding="utf-8")
    for metric in ("val/t/loss", "val/t@one/loss", "val/t@two/loss"):
        path = tmp_path / "spec.yaml"
        path.write_text(TWO % (head, metric), encoding="utf-8")
        codes = {item.code for item in pipeline.check(path).diagnostics} & {
            *("LOS412", "DAT303", "DAT340", "DAT398", "PHS656"),
        }
        unlabelled = not val.strip() and metric == "val/t@two/loss"
        assert codes == expected | ({"PHS656"} if unlabelled else set())
