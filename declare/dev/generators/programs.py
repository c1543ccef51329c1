"""Writes `generated/NAME`: the program of each spec of `specs/`, with small data beside it if it needs some.

`plan.json`, which holds absolute paths and times of files, is left out.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import declare
from declare.dev.repository import ROOT
from declare.emit.write_program import write_program

SLOW = "it reads the data of all specs"
_FOLDER = ROOT / "generated"
_DATA = {
    "table": ("table", "table.csv", 300),
    "language_model": ("corpus", "corpus.txt", 120),
    "seq2seq": ("pairs", "pairs.jsonl", 200),
    "text_classifier": ("reviews", "reviews.jsonl", 150),
}
"""Spec -> the simulated data that it gets, their file, and the number of rows."""


def outputs() -> dict[Path, str]:
    """Return the files of all programs."""
    files: dict[Path, str] = {}
    for spec in sorted((ROOT / "specs").glob("*.yaml")):
        files |= {_FOLDER / spec.stem / name: text for name, text in program(spec).items()}
    return files


def program(spec: Path) -> dict[str, str]:
    """Return the files of the program of one spec, its data included."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        if spec.stem in _DATA:
            name, file, rows = _DATA[spec.stem]
            (folder / file).write_text(_text(name, file, rows), encoding="utf-8", newline="\n")
        text = spec.read_text(encoding="utf-8").replace("$schema=../", "$schema=../../")
        copy = folder / "spec.yaml"
        copy.write_text(text, encoding="utf-8", newline="\n")
        write_program(declare.plan(copy), text, folder)
        (folder / "plan.json").unlink()
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def _text(name: str, file: str, rows: int) -> str:
    """Return simulated data as the text of a file."""
    table = import_module(f"declare.components.sources._simulated.{name}").make(seed=0, samples=rows)
    columns: Mapping[str, Sequence[Any]] = {key: [*values] for key, values in table["columns"].items()}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if file.endswith(".jsonl"):
        return "".join(json.dumps(record) + "\n" for record in records)
    if file.endswith(".csv"):
        lines = [",".join(columns), *(",".join(map(_cell, record.values())) for record in records)]
        return "\n".join(lines) + "\n"
    return "\n".join(next(iter(record.values())) for record in records) + "\n"


def _cell(value: Any) -> str:
    """Return the text of a value; empty for NaN."""
    return "" if value != value else str(value)  # noqa: PLR0124 - NaN
