"""Images and masks of every source are read alike: from files, bytes, tables and archives."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from declare.compiler import pipeline
from declare.data.facts.examine import spread
from declare.data.store.dataset import Pool
from declare.data.store.split_arrays import Table
from declare.parsing.lookup import find
from declare.runtime.inference.predict import predict
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

DEEP = (np.random.default_rng(0).random((12, 6, 5)) * 65535).astype(np.uint16)
MASKS = (DEEP > 30000).astype(np.uint8) * 255
SPEC = """
declare: 1
name: images
datasets:
  d:
    source: SOURCE
    fields: {image: {type: image, channels: 1}, mask: {type: mask}}
    split: {val: 0.25}
model: {encoder: {type: cnn, channels: [4], input: image}}
tasks: {parts: {type: segmentation, dataset: d, target: mask, head: {type: segmentation, input: encoder.map}}}
phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: csv
"""


def file(array):
    """Return an image as the bytes of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def npz(folder):
    np.savez(folder / "d.npz", image=DEEP.astype(">u2"), mask=MASKS)
    return "{type: npz, path: d.npz}"


def jsonl(folder):
    rows = (
        {"image": (image >> 8).tolist(), "mask": mask.tolist()}
        for image, mask in zip(DEEP, MASKS, strict=True)
    )
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "{type: jsonl, path: d.jsonl}"


def parquet(folder):
    import polars as pl

    pl.DataFrame({"image": list(map(file, DEEP)), "mask": list(map(file, MASKS))}).write_parquet(
        folder / "d.parquet"
    )
    return "{type: parquet, path: d.parquet}"


def structs(folder):
    """Write a table as `datasets` writes images: bytes beside the name of the file that they came from."""
    import polars as pl

    columns = {"image": map(file, DEEP), "mask": map(file, MASKS)}
    packed = {name: [{"bytes": item, "path": None} for item in items] for name, items in columns.items()}
    pl.DataFrame(packed).write_parquet(folder / "d.parquet")
    return "{type: parquet, path: d.parquet}"


def csv(folder):
    for row in range(12):
        (folder / f"i{row}.png").write_bytes(file(DEEP[row]))
        (folder / f"m{row}.png").write_bytes(file(MASKS[row]))
    (folder / "d.csv").write_text("image,mask\n" + "".join(f"i{row}.png,m{row}.png\n" for row in range(12)))
    return "{type: csv, path: d.csv}"


def hdf5(folder):
    import h5py

    with h5py.File(folder / "d.h5", "w") as target:
        target["mask"] = MASKS
        images = target.create_dataset("image", (12,), h5py.vlen_dtype(np.uint8))
        for row in range(12):
            images[row] = np.frombuffer(file(DEEP[row]), np.uint8)
    return "{type: hdf5, path: d.h5}"


@pytest.mark.parametrize("source", [npz, jsonl, parquet, structs, csv, hdf5])
def test_sources_give_the_same_pixels_and_classes(source, tmp_path):
    """16 bits, their upper 8, and masks of 0 and 255 are the same wherever they stand."""
    (tmp_path / "spec.yaml").write_text(SPEC.replace("SOURCE", source(tmp_path)))
    checked = pipeline.check(tmp_path / "spec.yaml", until="facts")
    assert not checked.diagnostics, checked.diagnostics
    facts = checked.facts["d"].fields["mask"]
    assert facts.classes == ("0", "255")
    assert sum(map(sum, facts.counts.values())) == MASKS.size
    plan = pipeline.check(tmp_path / "spec.yaml").plan
    pool = Pool(plan.datasets["d"], "datasets.d")
    rows = np.arange(12)
    assert np.array_equal(pool.encoded_values("image", rows)[:, 0], DEEP >> 8)
    assert np.array_equal(pool.encoded_values("mask", rows), MASKS // 255)


@pytest.fixture
def many(tmp_path):
    """Write 80 files of 8 bits, the fifth of 16; return the spec and the pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (80, 1, 6, 5)).astype(np.uint8)
    for row in range(80):
        deep = row == 4
        whole = pixels[row, 0].astype(np.uint16) << 8 | 9 if deep else pixels[row, 0]
        (tmp_path / f"i{row}.png").write_bytes(file(whole))
        (tmp_path / f"m{row}.png").write_bytes(file((pixels[row, 0] > 99).astype(np.uint8)))
    rows = "".join(f"i{row}.png,m{row}.png\n" for row in range(80))
    (tmp_path / "d.csv").write_text("image,mask\n" + rows)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("SOURCE", "{type: csv, path: d.csv}"))
    return tmp_path / "spec.yaml", pixels


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_an_image_of_another_depth_than_those_looked_at_has_its_own_scale(many, cache):
    """Through each cache, in all splits."""
    spec, pixels = many
    spec.write_text(spec.read_text().replace("split:", f"cache: {cache}\n    split:"))
    plan = pipeline.check(spec).plan
    assert 4 not in spread(np.arange(80), find("fields", "image").num_fact_samples)
    pool = Pool(plan.datasets["d"], "datasets.d")
    for split, rows in pool.rows.items():
        table = Table(pool, split, {})
        assert np.array_equal(table.read("image", np.arange(len(rows))), pixels[rows])


@pytest.fixture
def with_void(tmp_path):
    """Write a spec whose masks have 7, 9 and a void of 255, the void's pixels white noise."""
    masks = np.where(DEEP > 40000, 7, 9).astype(np.uint8)
    masks[:, :2] = 255
    np.savez(tmp_path / "d.npz", image=DEEP, mask=masks)
    spec = SPEC.replace("SOURCE", "{type: npz, path: d.npz}").replace(
        "{type: mask}", "{type: mask, void: 255}"
    )
    (tmp_path / "spec.yaml").write_text(
        spec.replace("head:", "loss: {type: cross_entropy, class_weights: balanced}, head:")
    )
    return tmp_path, masks


def test_void_pixels_count_nowhere_and_predictions_are_in_the_masks_own_values(with_void):
    """Class weights, counts and metrics are those of the labelled pixels; predicted maps hold 7 and 9."""
    folder, masks = with_void
    checked = pipeline.check(folder / "spec.yaml")
    plan = checked.plan
    assert plan is not None, checked.diagnostics
    counts = plan.datasets["d"].fields["mask"].facts.counts
    assert sum(map(sum, counts.values())) == (masks != 255).sum()
    seven, nine = counts["train"]
    weights = plan.tasks["parts"].losses[0].class_weights
    assert weights[0] / weights[1] == pytest.approx(nine / seven)
    train(plan, "", folder / "run")
    run = Run(folder / "run")
    found = predict(run, split="val").maps["parts"]
    assert set(np.unique(found)) <= {7, 9}
    rows = Pool(plan.datasets["d"], "datasets.d").rows["val"]
    labelled = masks[rows] != 255
    accuracy = (found == masks[rows])[labelled].mean()
    assert run.final["val/parts/accuracy"] == pytest.approx(accuracy, abs=1e-6)


@pytest.mark.parametrize("values", [(5,), (5, 9)])
def test_masks_of_one_class_teach_nothing(values, tmp_path):
    """A single value is LOS412; one that stands only in validation is DAT303."""
    masks = np.full((12, 6, 5), values[0], np.uint8)
    masks[-3:, 0, 0] = values[-1]
    masks[:-3, 0, 0] = 1 if len(values) > 1 else values[0]
    np.savez(tmp_path / "d.npz", image=DEEP, mask=masks, part=["train"] * 9 + ["val"] * 3)
    spec = SPEC.replace("SOURCE", "{type: npz, path: d.npz}").replace(
        "split: {val: 0.25}", "split: {column: part}"
    )
    (tmp_path / "spec.yaml").write_text(spec.replace("{type: mask}", "{type: mask}, part: {type: category}"))
    errors = [
        item.code for item in pipeline.check(tmp_path / "spec.yaml").diagnostics if item.severity == "error"
    ]
    assert errors == (["DAT303"] if len(values) > 1 else ["LOS412"])


def test_texts_that_are_no_names_of_files_are_said(tmp_path):
    """Images as text (base64) are DAT311, however long the text is."""
    rows = ({"image": "iVBORw0KGgo" * 100, "mask": "x\0y"} for _ in range(12))
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "spec.yaml").write_text(SPEC.replace("SOURCE", "{type: jsonl, path: d.jsonl}"))
    assert {item.code for item in pipeline.check(tmp_path / "spec.yaml", until="facts").diagnostics} == {
        "DAT311"
    }
