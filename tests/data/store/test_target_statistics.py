"""Statistics of targets over the samples that are really learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from declare.compiler.pipeline import check
from declare.data.store.target_statistics import _Moments

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: table.csv}
    fields: FIELDS
    split: {column: part}
    on_corrupt: {action: skip, limit: 5}
model: {enc: {type: cnn, input: image, channels: [4]}}
tasks: {k: TASK}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
"""
R = np.random.default_rng(7)


def images(folder: Path, number: int, *, bad: tuple[int, ...] = ()) -> None:
    """Write small images; those of `bad` cannot be read."""
    for row in range(number):
        path = folder / f"p{row}.png"
        Image.fromarray(R.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
        if row in bad:
            path.write_bytes(path.read_bytes()[:40])


def planned(folder: Path, fields: str, task: str) -> Any:
    """Return the plan of a spec over the table in `folder`."""
    (folder / "spec.yaml").write_text(SPEC.replace("FIELDS", fields).replace("TASK", task))
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan


def part(row: int) -> str:
    """Return the split of a row."""
    return "val" if row % 4 == 3 else "train"


def test_samples_that_cannot_be_read_do_not_count(tmp_path):
    """With `on_corrupt: skip`, mean and class weights are those of the samples that are learned from."""
    images(tmp_path, 24, bad=(2, 9))
    y = R.normal(size=24)
    y[[2, 9]] = 1e6
    kinds = ["a" if row % 3 == 2 or row == 9 else "b" for row in range(24)]
    rows = [f"p{row}.png,{y[row]},{kinds[row]},{part(row)}" for row in range(24)]
    (tmp_path / "table.csv").write_text("\n".join(["image,yy,kind,part", *rows]))
    fields = "{image: {type: image}, yy: {type: number}, kind: {type: category}, part: {type: category}}"
    kept = [row for row in range(24) if part(row) == "train" and row not in {2, 9}]
    plan = planned(tmp_path, fields, "{type: regression, dataset: d, target: yy}")
    assert plan.tasks["k"].target.mean == pytest.approx([y[kept].mean()], rel=1e-5)
    assert plan.tasks["k"].target.std == pytest.approx([y[kept].std()], rel=1e-5)
    loss = "loss: {type: cross_entropy, class_weights: balanced}"
    plan = planned(tmp_path, fields, f"{{type: classification, dataset: d, target: kind, {loss}}}")
    counts = [sum(kinds[row] == name for row in kept) for name in "ab"]
    assert plan.tasks["k"].target.counts == tuple(counts)


def test_class_weights_of_masks_are_those_of_every_training_mask(tmp_path):
    """A class that stands in one of many masks has a weight: it is not one of a sample of them alone."""
    images(tmp_path, 140)
    total = np.zeros(3, int)
    for row in range(140):
        mask = np.tile(np.array([0, 1], np.uint8), (8, 4))
        if row in {77, 79}:
            mask[0, 0] = 2
        Image.fromarray(mask).save(tmp_path / f"m{row}.png")
        total += np.bincount(mask.ravel(), minlength=3) * (part(row) == "train")
    rows = [f"p{row}.png,m{row}.png,{part(row)}" for row in range(140)]
    (tmp_path / "table.csv").write_text("\n".join(["image,area,part", *rows]))
    fields = "{image: {type: image}, area: {type: mask, classes: 3}, part: {type: category}}"
    loss = "loss: {type: cross_entropy, class_weights: balanced}"
    plan = planned(tmp_path, fields, f"{{type: segmentation, dataset: d, target: area, {loss}}}")
    assert plan.tasks["k"].losses[0].class_weights == pytest.approx((total.sum() / (3 * total)).tolist())


def test_moments_are_those_of_all_parts_together():
    """However samples are cut, moments are numpy's, far from zero too; an output without a value has none."""
    values = R.normal(size=(50, 3)) * [1, 10, 0] + [1e8, 0, 5]
    values[R.random((50, 3)) < 0.2] = np.nan
    values[:, 2] = np.nan
    tally = _Moments()
    for cut in np.array_split(values, [0, 1, 7, 30]):
        tally.add(cut)
    found = tally.statistics()
    assert found is not None
    assert found.mean[:2] == pytest.approx(np.nanmean(values[:, :2], 0).tolist(), rel=1e-14)
    assert found.std[:2] == pytest.approx(np.nanstd(values[:, :2], 0).tolist(), rel=1e-6)
    assert found.known == (*np.isfinite(values[:, :2]).sum(0), 0)
    assert (found.mean[2], found.std[2]) == (0, 0)


ARRAYS = """\
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {image: {type: image}, area: {type: mask, classes: 2}, use: {type: valid}, part: {type: category}}
    transforms: [{type: center_crop, fields: [image, area], size: 4}]
    split: {column: part}
model: {enc: {type: cnn, input: image, channels: [4]}}
tasks: {k: {type: segmentation, dataset: d, target: area, mask: use, loss: {type: focal, class_weights: balanced}}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
"""


def test_class_weights_are_those_after_a_crop_and_a_mask(tmp_path):
    """Pixels that a crop cuts away, and samples that the mask leaves out, have no part in class weights."""
    area = (R.random((24, 8, 8)) < 0.2).astype(np.uint8)
    area[:, 2:6, 2:6] = R.random((24, 4, 4)) < 0.5
    parts, use = np.array([part(row) for row in range(24)]), np.arange(24) % 5 != 0
    images = R.integers(0, 255, (24, 3, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", image=images, area=area, part=parts, use=use)
    (tmp_path / "spec.yaml").write_text(ARRAYS)
    checked = check(tmp_path / "spec.yaml")
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    kept = area[(parts == "train") & use][:, 2:6, 2:6]
    counts = np.bincount(kept.ravel(), minlength=2)
    assert checked.plan.tasks["k"].target.counts == tuple(counts)
    weights = checked.plan.tasks["k"].losses[0].class_weights
    assert weights == pytest.approx((counts.sum() / (2 * counts)).tolist())


FILES = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: train.csv}
    fields: {x: {type: number}, yy: {type: number}}
    transforms: [{type: log, field: yy}]
    split: {val: val.csv}
model: {enc: {type: mlp, input: x, hidden: [4]}}
tasks: {k: {type: regression, dataset: d, target: yy}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
"""


def test_files_of_other_splits_have_no_part(tmp_path):
    """Statistics are those of the file that trains; a value without a logarithm in another file is found."""
    y = np.exp(R.normal(size=20))
    for name, values in (("train", y), ("val", 1000 * y)):
        lines = [f"{row},{value}" for row, value in enumerate(values)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["x,yy", *lines]))
    (tmp_path / "spec.yaml").write_text(FILES)
    plan = check(tmp_path / "spec.yaml").plan
    assert plan is not None
    assert plan.tasks["k"].target.mean == pytest.approx([np.log(y).mean()], rel=1e-5)
    (tmp_path / "val.csv").write_text("x,yy\n1,2\n2,0\n")
    assert [found.code for found in check(tmp_path / "spec.yaml").diagnostics] == ["DAT336"]
