"""A split that the source has itself is not drawn again."""

from __future__ import annotations

from PIL import Image

from declare.compiler import pipeline

SPEC = """
declare: 1
datasets:
  data: {source: {type: image_folder, path: images}, split: {val: 0.5}}
model: {encoder: {type: cnn, channels: [4], input: image}}
tasks: {guess: {type: classification, dataset: data, target: label}}
phases: {fit: {epochs: 1, batch_size: 2, optimizer: {type: adamw, lr: 1e-3}}}
"""


def test_a_stated_share_of_a_split_folder_is_idle(tmp_path):
    """`split.val` beside a folder called `val` is said to have no effect; the folder decides."""
    for number, name in enumerate(("train/a/1", "train/b/2", "train/a/3", "train/b/4", "val/a/5", "val/b/6")):
        file = tmp_path / "images" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(file)
    (tmp_path / "spec.yaml").write_text(SPEC)
    checked = pipeline.check(tmp_path / "spec.yaml", until="lint")
    assert checked.facts["data"].splits == {"train": 4, "val": 2}
    idle = [item for item in checked.diagnostics if item.code == "REF203"]
    assert [item.path for item in idle] == ["datasets.data.split.val"]


def test_files_of_a_split_beside_split_folders_are_refused(tmp_path):
    """`split.val` with a path, where the source's folder has a `val` of its own, would train on validation samples."""
    for name in ("train/a/1", "train/b/2", "val/a/5", "val/b/6"):
        file = tmp_path / "images" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(file)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("val: 0.5", "val: images/val"))
    found = pipeline.check(tmp_path / "spec.yaml", until="facts").diagnostics
    assert [(item.code, item.path) for item in found] == [("DAT323", "datasets.data.split.val")]
    (tmp_path / "spec.yaml").write_text(SPEC.replace("val: 0.5", "train: images/train, val: images/val"))
    checked = pipeline.check(tmp_path / "spec.yaml", until="facts")
    assert checked.facts["data"].splits == {"train": 2, "val": 2}
