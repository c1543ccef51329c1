"""Files and recordings of which samples are in two splits are counted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from declare.compiler import pipeline

MODELS = {
    "image": "{enc: {type: cnn, channels: [2], input: image}}",
    "text": "{enc: {type: transformer, input: text, dim: 8, depth: 1, heads: 2, causal: true}}",
}
TASKS = {
    "image": "{k: {type: classification, dataset: d, target: label}}",
    "text": "{k: {type: causal_lm, dataset: d, target: text}}",
}


def found(folder, kind, source, fields, split):
    """Return what the facts count, and the codes of the warnings."""
    path = folder / "spec.yaml"
    path.write_text(
        f"declare: 1\ndatasets: {{d: {{source: {source}, fields: {fields}, split: {split}}}}}\n"
        f"model: {MODELS[kind]}\ntasks: {TASKS[kind]}\n"
        "phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}\n"
    )
    checked = pipeline.check(path, until="facts")
    items = checked.facts["d"].split_items
    assert ("DAT338" in {item.code for item in checked.diagnostics}) == bool(items)
    return items and (items["column"], items["number"])


def frames(folder):
    """Write four clips of five frames, and a table of them; return their names."""
    names = [f"{'ab'[clip % 2]}/clip{clip}_{frame}.png" for clip in range(4) for frame in range(5)]
    for number, name in enumerate(names):
        (folder / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(folder / "p" / name)
    rows = [f"p/{name},{name[0]},{name.split('_')[0]},{name[:7]}" for name in names]
    (folder / "t.csv").write_text("\n".join(["image,label,clip,sequence", *rows]))
    return names


@pytest.mark.parametrize(
    ("source", "fields", "column"),
    [
        (
            "{type: image_folder, path: p}",
            "{image: {type: image}, label: {type: category}, sequence: {type: id}}",
            "sequence",
        ),
        (
            "{type: csv, path: t.csv}",
            "{image: {type: image}, label: {type: category}, sequence: {type: id}}",
            "",
        ),
    ],
)
def test_frames_of_a_clip_are_counted_unless_they_are_grouped(source, fields, column, tmp_path):
    """In a folder and in a table; `split.by` keeps them together."""
    frames(tmp_path)
    assert found(tmp_path, "image", source, fields, "{val: 0.3}") == (column, 4)
    assert found(tmp_path, "image", source, fields, "{val: 0.3, by: sequence}") == {}


@pytest.mark.parametrize(("document", "counted"), [("paragraph", True), ("line", True), ("file", False)])
def test_parts_of_a_document_are_counted_unless_they_are_grouped(document, counted, tmp_path):
    """Paragraphs and lines of several files may be parted; files, and the lines of one file, are documents."""
    for name in "abcd":
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "p" / f"{name}.txt").write_text("\n\n".join(f"{name} {place}" for place in range(6)))
    source = f"{{type: text, path: p, document: {document}}}"
    fields = "{text: {type: text, tokenizer: byte}, file: {type: id}}"
    expected = ("file", 4) if counted else {}
    assert found(tmp_path, "text", source, fields, "{val: 0.3}") == expected
    assert found(tmp_path, "text", source, fields, "{val: 0.3, by: file}") == {}
    assert found(tmp_path, "text", "{type: text, path: p/a.txt}", fields, "{val: 0.3}") == {}
