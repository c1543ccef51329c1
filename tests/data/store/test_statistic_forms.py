"""Statistics that stand in a file are compared with what the transforms of the plan learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from declare.compiler.pipeline import check
from declare.data.store.statistic_forms import statistics_mismatch
from declare.data.store.statistics import fit
from declare.ir.plan import DatasetPlan

SPEC = """
declare: 1
datasets:
  d:
    source: {SOURCE}
    transforms: TRANSFORMS
    split: {val: 0.25}
model:
  encoder: {type: ENCODER, input: INPUT}
tasks:
  t: {type: classification, dataset: d, target: TARGET}
phases:
  fit: {steps: 2, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}
"""
SERIES = (
    "type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10",
    "features",
)
IMAGES = ("type: simulated, name: textures, samples: 40, classes: 3, size: 16", "image")
NORM = "{type: normalize, field: image}"
CASES = {
    "series": (*SERIES, "conv1d, channels: [4]", "stimulus", "[{type: standardize, field: features}]"),
    "pooled": (
        *SERIES,
        "mlp, hidden: [4]",
        "stimulus",
        "[{type: temporal_pool, field: features}, {type: standardize, field: features}]",
    ),
    "flat": (
        *SERIES,
        "mlp, hidden: [4]",
        "stimulus",
        "[{type: flatten, field: features}, {type: standardize, field: features}]",
    ),
    "images": (
        *IMAGES,
        "cnn, channels: [4]",
        "label",
        "[{type: resize, field: image, size: 8}, {type: random_crop, size: 6, field: image}, NORM]".replace(
            "NORM", NORM
        ),
    ),
    "one side": (
        *IMAGES,
        "cnn, channels: [4]",
        "label",
        "[{type: normalize, field: image, on: train}, {type: normalize, field: image, on: eval}]",
    ),
    "nothing": (*IMAGES, "cnn, channels: [4]", "label", "[]"),
}


def planned(folder: Any, case: str) -> DatasetPlan:
    """Return the plan of a dataset."""
    text = SPEC
    for word, value in zip(("{SOURCE", "INPUT", "ENCODER", "TARGET", "TRANSFORMS"), CASES[case], strict=True):
        text = text.replace(word, "{" + value if word == "{SOURCE" else value)
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan.datasets["d"]


@pytest.mark.parametrize("case", CASES)
def test_what_transforms_have_learned_fits(tmp_path: Any, case: str) -> None:
    """Whatever stands before a transform, its statistics are as many as expected."""
    plan = planned(tmp_path, case)
    assert statistics_mismatch(plan, fit(plan)) == ""


def drop(found: dict[str, Any], key: str) -> None:
    del found["0.features"][key]


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a transform less": lambda found: found.clear(),
    "a transform more": lambda found: found.update({"1.features": {}}),
    "a name less": lambda found: drop(found, "std"),
    "a name more": lambda found: found["0.features"].update({"low": [1.0]}),
    "a number less": lambda found: found["0.features"]["mean"].pop(),
    "one for all": lambda found: found["0.features"].update({"std": [1.0]}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_others_are_told_apart(tmp_path: Any, edit: str) -> None:
    """Names and numbers that are missing or too many are said, also where they would be taken for all features."""
    plan = planned(tmp_path, "series")
    found = copy.deepcopy(fit(plan))
    EDITS[edit](found)
    assert statistics_mismatch(plan, found) != ""
