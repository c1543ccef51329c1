"""Inputs of which a transform makes nothing are refused before training, in every split."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.compiler.specs import codes, run

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {x: {type: vector}, y: {type: number}, s: {type: category}}
    transforms: [{type: log, field: x, offset: 1}]
    split: {column: s}
model: {enc: {type: mlp, input: x, hidden: [4]}}
tasks: {k: {type: regression, dataset: d, target: y, metrics: [mae]}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
"""


@pytest.mark.parametrize(("row", "lowest", "found"), [(3, -1.0, True), (50, -1.0, True), (3, -0.9, False)])
def test_values_without_an_image_are_found_in_each_split(tmp_path, row, lowest, found):
    """One value that has no logarithm is DAT336 at the transform, whether it trains or is held out."""
    draws = np.random.default_rng(0)
    x = draws.random((60, 2))
    x[row, 1] = lowest
    np.savez(tmp_path / "d.npz", x=x, y=draws.random(60), s=np.array(["train"] * 40 + ["val"] * 20))
    codes_by_path = codes(run(tmp_path, SPEC))
    assert codes_by_path.get("datasets.d.transforms.0") == ("DAT336" if found else None)


def test_targets_of_tasks_without_statistics_are_looked_through(tmp_path):
    """A reconstruction learns what the transform makes of its field, though no module reads it."""
    draws = np.random.default_rng(0)
    x = draws.random((60, 2)) - 5
    np.savez(tmp_path / "d.npz", x=x, y=draws.random((60, 3)), s=np.array(["train"] * 40 + ["val"] * 20))
    spec = SPEC.replace("y: {type: number}", "y: {type: vector}").replace("input: x", "input: y")
    spec = spec.replace(
        "{type: regression, dataset: d, target: y, metrics: [mae]}", "{type: reconstruction, target: x}"
    )
    assert codes(run(tmp_path, spec)) == {"datasets.d.transforms.0": "DAT336"}


PICTURES = """\
declare: 1
datasets:
  d:
    source: {type: SOURCE}
    fields: {x: {type: image}, s: {type: category}}
    transforms: [{type: normalize, field: x}, {type: log, field: x, offset: OFFSET}]
    split: {column: s}
model: {enc: {type: cnn, input: x, channels: [4]}}
tasks: {k: {type: reconstruction, target: x}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
"""


@pytest.mark.parametrize("source", ["npz, path: d.npz", "csv, path: d.csv"])
@pytest.mark.parametrize(("offset", "found"), [(1, True), (50, False)])
def test_pictures_are_looked_through_behind_what_batches_see(tmp_path, source, offset, found):
    """Normalised pixels are negative: a logarithm behind it is refused, in files too, unless the offset is large."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    split = ["train"] * 20 + ["val"] * 10
    np.savez(tmp_path / "d.npz", x=pixels, s=np.array(split))
    for row, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / f"{row}.png")
    rows = [f"{row}.png,{part}" for row, part in enumerate(split)]
    (tmp_path / "d.csv").write_text("\n".join(["x,s", *rows]))
    result = run(tmp_path, PICTURES.replace("SOURCE", source).replace("OFFSET", str(offset)))
    assert codes(result).get("datasets.d.transforms.1") == ("DAT336" if found else None)
