"""Small specs over what programs are written for, and how tests run a program in their own process."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = "income,rooms,region,price\n" + "".join(
    f"{20 + i % 7},{i % 5 or 'NA'},{'north' if i % 3 else 'south'},{100 + 3 * i % 11}\n" for i in range(120)
)
TEXTS = {
    "table.csv": TABLE,
    "corpus.txt": "\n".join(f"the {word} of the {word}s is {word}" for word in TABLE.split(",")[4:90]),
    "reviews.jsonl": "".join(
        f'{{"text": "a {"fine" if i % 2 else "poor"} film {i % 9}", "mood": "{"pos" if i % 2 else "neg"}"}}\n'
        for i in range(60)
    ),
    "pairs.jsonl": "".join(f'{{"source": "a{i % 7} b", "target": "b a{i % 7}"}}\n' for i in range(60)),
}
FP32 = "hardware.precision=fp32"
SETS: dict[str, tuple[str, ...]] = {
    "digits": ("datasets.digits.limit=200", "phases.fit.epochs=2", FP32),
    "table": ("phases.fit.epochs=2", "phases.fit.batch_size=32", FP32),
    "pain": (
        "phases.joint.epochs=3",
        "datasets.syracuse.source.samples=160",
        "datasets.biovid.source.samples=160",
    ),
    "language_model": ("phases.fit.steps=6", "model.decoder.dim=16", "model.decoder.depth=1", FP32),
    "seq2seq": ("phases.fit.epochs=2", "model.encoder.dim=16", "model.decoder.dim=16", FP32),
    "text_classifier": ("phases.pretrain.epochs=1", "phases.fit.epochs=2", "model.encoder.dim=16", FP32),
    "multiscale": (
        *("datasets.textures.source.samples=60", "datasets.textures.source.size=32"),
        *("phases.progressive.epochs=1", "phases.joint.epochs=1", FP32),
        *("phases.progressive.scales.sizes=[16,32]", "phases.joint.scales.sizes=[16,32]"),
    ),
    "neural": (
        *("datasets.monday.source.samples=160", "datasets.tuesday.source.samples=120"),
        *("phases.core.epochs=2", "phases.modulator.epochs=1", "phases.core.batch_size=64", FP32),
        "phases.modulator.batch_size=64",
    ),
    "eeg": (
        *(
            "datasets.tuh.source.samples=40",
            "datasets.hbn.source.subjects=6",
            "datasets.hbn.source.channels=8",
        ),
        *("datasets.hbn.fields.eeg.channels=8", "phases.pretrain.epochs=1", "phases.align.epochs=1"),
        *("phases.finetune.epochs=3", FP32),
    ),
}
"""Spec -> what makes a run of it take seconds."""


def place(name: str, folder: Path) -> Path:
    """Put a spec and its data into a folder; return the spec."""
    spec = folder / f"{name}.yaml"
    spec.write_bytes((ROOT / "specs" / f"{name}.yaml").read_bytes())
    for file, text in TEXTS.items():
        (folder / file).write_text(text)
    return spec


_COLUMNS = """\
    fields:
      x: {type: number, decimal: ","}
      weight: {type: number, missing: [-9]}
      genres: {type: labels}
      grade: {type: category}
      price: {type: number}
    transforms: [{type: log, field: price, offset: 1.0}, {type: clip, field: weight, low: 0, high: 2}]
"""
MANY = f"""\
declare: 1
seed: 3
datasets:
  a:
    source: {{type: csv, path: many.csv}}
{_COLUMNS}    split: {{val: 0.2, test: 0.1}}
  b:
    source: {{type: csv, path: many.csv}}
{_COLUMNS}    split: {{train: 0.5, test: 0.5}}
model:
  one: {{type: concat, input: x}}
  two: {{type: concat, input: [one, x]}}
  body: {{type: mlp, hidden: [8], input: two}}
tasks:
  genre: {{type: multilabel, datasets: [a, b], target: genres, head: {{type: linear, input: body}}, metrics: [auroc, f1]}}
  grade: {{type: classification, dataset: a, target: grade, head: {{type: linear, input: body}}, metrics: [average_precision]}}
  price:
    type: regression
    dataset: a
    target: price
    head: {{type: linear, input: body}}
    metrics: [spearman, mae, log_cosh_error, mean_absolute_percentage_error]
phases:
  first:
    tasks: [grade, price]
    batch_size: 8
    steps: 5
    clip: {{value: 1.0}}
    optimizer: {{type: sgd, lr: 0.01}}
    schedule: {{type: one_cycle}}
    sampler: {{type: weighted, field: weight}}
    freeze: [{{match: "*.bias"}}, {{match: "heads.*", until: 2 steps}}, {{match: "body.*", until: 1 steps}}]
    probes: [{{type: linear, task: grade, l2: 0.1}}, {{type: linear, task: grade, iterations: 3}}]
  second:
    batch_size: 8
    steps: 4
    optimizer: {{type: lion, lr: 0.001}}
    schedule: {{type: one_cycle, rise: 0.5}}
hardware: {{precision: fp32}}
"""
"""A spec over what went wrong in programs once: parts that are alike, rules that overlap, splits that are not there."""
HIDDEN = """\
declare: 1
datasets:
  digits: {source: {type: sklearn, name: digits}, limit: 40, split: {val: 0.3}}
  others: {source: {type: sklearn, name: digits}, limit: 20, split: {val: 0.3}}
model:
  net: {type: cnn, channels: [4], input: image}
tasks:
  pixels: {type: reconstruction, dataset: digits, target: image, head: {type: decoder, input: net}}
phases:
  fit: {batch_size: 8, steps: 3, optimizer: {type: adamw, lr: 0.01}}
hardware: {precision: fp32}
"""
"""A spec that hides parts of images, which are numbers from 0 to 1 then; a data set of it is not used."""
MANY_ROWS = "x,weight,genres,grade,price\n" + "".join(
    f'"{i % 7},{i % 10}",{"-9.0" if i % 11 == 0 else 1 + i % 3},{("a|b", "b", "c | a", "")[i % 4]},'
    f"{'high' if i % 3 else 'low'},{i % 13 * 2.5}\n"
    for i in range(60)
)


@contextmanager
def _modules_of(folder: Path) -> Iterator[None]:
    """While inside, `data`, `losses` and `model` are those of a program."""
    names = ("data", "losses", "model")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def run(folder: Path, file: str, *arguments: str) -> None:
    """Run a file of a program as a program."""
    argv = sys.argv
    sys.argv = [file, *arguments]
    try:
        with _modules_of(folder):
            runpy.run_path(str(folder / file), run_name="__main__")
    finally:
        sys.argv = argv
