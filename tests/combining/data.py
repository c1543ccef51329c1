"""Tiny data of every layout, in every format that a source reads; what their columns may be is asked of the fields."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.problem import ProblemError
from declare.parsing import parser
from declare.parsing.lookup import find, own_names
from tests.combining.pages import example

Columns = dict[str, list[Any]]
FEW = 40
"""A spec takes at most so many samples of a dataset."""
WORDS_OF = {"entity": ("words", "sentence")}
"""Columns with a value for each word, and those with the words."""


def columns(rows: int, seed: int) -> Columns:
    """Return raw values of every layout: even ones and ragged, whole ones and with gaps, plain and awkward."""
    draw = np.random.default_rng(seed)

    def arrays(*size: int, kind: Any = np.float32) -> list[Any]:
        if kind is np.uint8:
            return list(draw.integers(0, 256, (rows, *size), dtype=np.uint8))
        return list(draw.standard_normal((rows, *size)).astype(kind))

    def ragged(*size: int) -> list[Any]:
        return [
            draw.standard_normal((*size, int(draw.integers(3, 9)))).astype(np.float32) for _ in range(rows)
        ]

    numbers = draw.standard_normal(rows).round(3).tolist()
    words = [
        [
            ("red", "green", "blue", "on", "off")[int(at)]
            for at in draw.integers(0, 5, int(draw.integers(1, 7)))
        ]
        for _ in range(rows)
    ]
    kinds = [("cat", "dog", "owl")[row % 3] for row in range(rows)]
    return {
        "kind": kinds,
        "rare": ["a" if row else "b" for row in range(rows)],
        "only": ["one"] * rows,
        "gappy": [None if row % 5 == 0 else "xy"[row % 2] for row in range(rows)],
        "level": [row % 4 for row in range(rows)],
        "flag": [row % 2 for row in range(rows)],
        "part": [("train", "train", "val", "test")[row % 4] for row in range(rows)],
        "subject": [f"s{row % 6}" for row in range(rows)],
        "movie": [f"m{row // 6 % 4}" for row in range(rows)],
        "age": numbers,
        "amount": [round(abs(x) * 1e4, 2) for x in numbers],
        "holes": [None if row % 4 == 1 else x for row, x in enumerate(numbers)],
        "flat": [3.0] * rows,
        "many": [list(map(str, {*item[:2]})) for item in words],
        "onehot": [[float(row % 3 == at) for at in range(3)] for row in range(rows)],
        "vec": arrays(4),
        "wide": arrays(17),
        "spikes": list(draw.integers(0, 5, (rows, 3))),
        "usable": [bool(row % 3) for row in range(rows)],
        "usable_units": [[bool((row + at) % 4) for at in range(3)] for row in range(rows)],
        "wave": arrays(2, 16),
        "long_wave": arrays(1, 40),
        "uneven_wave": ragged(2),
        "image": arrays(12, 12, 3, kind=np.uint8),
        "grey": arrays(8, 10, kind=np.uint8),
        "film": arrays(1, 4, 8, 8),
        "outline": list(draw.integers(0, 3, (rows, 12, 12), dtype=np.uint8)),
        "sentence": [" ".join(item) for item in words],
        "answer": [" ".join(reversed(item)) for item in words],
        "words": words,
        "entity": [["P" if word == "red" else "O" for word in item] for item in words],
        "when": [f"2024-0{1 + row % 9}-1{row % 9} 1{row % 9}:30" for row in range(rows)],
    }


def lists(values: Columns) -> Columns:
    """Return columns as plain lists and scalars."""
    return {
        name: [item.tolist() if isinstance(item, np.ndarray) else item for item in column]
        for name, column in values.items()
    }


def _npz(path: Path, values: Columns) -> None:
    whole = {}
    for name, column in values.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                array = np.asarray(column)
            except ValueError:
                continue
        if array.dtype != object:
            whole[name] = array
    np.savez(path, **whole)


def _hdf5(path: Path, values: Columns) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, column in values.items():
            try:
                file[name] = (
                    column if not isinstance(column[0], str) else np.array(column, dtype=h5py.string_dtype())
                )
            except (TypeError, ValueError):
                file.pop(name, None)


def _jsonl(path: Path, values: Columns) -> None:
    plain = lists(values)
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _parquet(path: Path, values: Columns) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(lists(values)), path)


def _csv(path: Path, values: Columns) -> None:
    import csv

    plain = {name: column for name, column in values.items() if not isinstance(column[1], list | np.ndarray)}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(plain)
        writer.writerows(
            [["" if cell is None else cell for cell in row] for row in zip(*plain.values(), strict=True)]
        )


def _text(path: Path, values: Columns) -> None:
    path.write_text(
        "".join(f"{line} {row}\n" for row, line in enumerate(values["sentence"])), encoding="utf-8"
    )


def _images(path: Path, values: Columns) -> None:
    from PIL import Image

    for row, (pixels, kind) in enumerate(zip(values["image"], values["kind"], strict=True)):
        place = path / (values["part"][row] if "split" in path.name else "") / kind
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{row}.png")


def _digits(path: Path, values: Columns) -> None:
    """Write MNIST's four files as torchvision reads them: a header of big-endian sizes, then bytes."""
    from PIL import Image

    folder = path / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    images = [np.asarray(Image.fromarray(item).resize((28, 28))) for item in values["grey"]]
    labels = np.asarray(values["level"], np.uint8)
    for part, rows in (("train", slice(None)), ("t10k", slice(len(labels) // 2))):
        pixels = np.stack(images[rows]).astype(np.uint8)
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels[rows])):
            header = np.asarray([0x800 + array.ndim, *array.shape], ">i4").tobytes()
            (folder / f"{part}-{name}-ubyte").write_bytes(header + array.tobytes())


def _tokenizer(path: Path, values: Columns) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({word for item in values["words"] for word in item})
    known = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]", *words])}
    made = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(path))


def _run(path: Path, values: Columns) -> None:
    """Write the plan of a run that learned the words of a text."""
    from declare.compiler.pipeline import check
    from tests.combining.writing import text_of

    path.mkdir(parents=True, exist_ok=True)
    source = {"type": "text", "path": str(path.with_name("rows.txt").resolve())}
    fields = {"text": {"type": "text", "tokenizer": "word"}}
    spec = {
        "declare": 1,
        "datasets": {"corpus": {"source": source, "fields": fields}},
        "model": {
            "m": {"type": "transformer", "input": "text", "dim": 4, "depth": 1, "heads": 1, "causal": True}
        },
        "tasks": {"t": {"type": "causal_lm", "target": "text"}},
        "phases": {"p": {"steps": 1, "batch_size": 2, "optimizer": {"type": "sgd", "lr": 0.1}}},
    }
    (path / "spec.yaml").write_text(text_of(spec), encoding="utf-8")
    checked = check(path / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    (path / "plan.json").write_text(checked.plan.model_dump_json(), encoding="utf-8")


def _saved(path: Path, values: Columns) -> None:
    import datasets

    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(lists(values)).save_to_disk(str(path))


WRITERS: Mapping[str, Callable[[Path, Columns], None]] = {
    "rows.npz": _npz,
    "rows.h5": _hdf5,
    "rows.jsonl": _jsonl,
    "rows.parquet": _parquet,
    "rows.csv": _csv,
    "rows.txt": _text,
    "tokenizer.json": _tokenizer,
    "language_model": _run,
    "torchvision": _digits,
    "images": _images,
    "split_images": _images,
    "saved": _saved,
}
"""What writes a file or folder of this name; a source is tried on all those with the ending of its page's example."""
SIZES = (30, 13)
"""Rows of the data sets: some batches are whole and others are not."""


def write_all(folder: Path) -> list[Path]:
    """Write every data set in every size; return the paths."""
    found = []
    for rows in SIZES:
        made = columns(rows, seed=rows)
        for name, write in WRITERS.items():
            path = folder / f"{rows}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(path, made)
            except ImportError:
                continue
            found.append(path)
    return found


@dataclass(frozen=True)
class Place:
    """A source that opens: its block, the fields that it knows, which types each column may have, and its rows."""

    block: dict[str, Any]
    known: dict[str, dict[str, Any]]
    columns: dict[str, tuple[str, ...]]
    rows: int


def places(files: list[Path], draw: random.Random) -> list[Place]:
    """Return every source that opens here, on data that were written and on its own."""
    found = []
    for name in own_names("sources"):
        cls = find("sources", name)
        if cls is None or cls.trusted_only:
            continue
        for block in _blocks(name, files, draw):
            place = _opened(block)
            if place is not None:
                found.append(place)
    return found


def _blocks(name: str, files: list[Path], draw: random.Random) -> Iterator[dict[str, Any]]:
    """Yield blocks of a source: for each file of its kind, or for each of its names with few samples."""
    from tests.combining.values import literals

    block = example("sources", name)
    if "path" in block:
        ending = Path(block["path"]).suffix
        yield from (block | {"path": str(path)} for path in files if path.suffix == ending)
        return
    if "root" in block:
        names = literals(find("sources", name), "name")
        roots = [path for path in files if path.name == name]
        yield from (block | {"name": choice, "root": str(root)} for choice in names for root in roots)
        return
    for choice in literals(find("sources", name), "name"):
        few = {"type": name, "name": choice} if choice != block.get("name") else block | {"name": choice}
        for _ in range(2):
            yield few | _small(few, draw)


def _small(block: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return the numbers that a source takes beside its name, small: those that it refuses are left out."""
    found: dict[str, Any] = {}
    for key, low, high in (("samples", 13, 40), ("size", 6, 14), ("length", 5, 20), ("frames", 2, 5)):
        tried = block | found | {key: draw.randint(low, high)}
        if not parser.read("sources", tried)[1]:
            found[key] = tried[key]
    for key in ("subjects", "classes", "channels", "features", "neurons", "behaviour", "movies", "stamps"):
        tried = block | found | {key: draw.randint(2, 6)}
        if draw.random() < 0.7 and not parser.read("sources", tried)[1]:
            found[key] = tried[key]
    return found


def _opened(block: dict[str, Any]) -> Place | None:
    source, problems = parser.read("sources", block)
    if problems:
        return None
    try:
        reader = source.open()
        rows = np.arange(min(reader.num_samples, 8))
        columns = {column: _fitting(reader.read(column, rows)) for column in list(reader.columns)[:_WIDEST]}
        for column in set(columns):
            if not any(words in columns for words in WORDS_OF.get(column, ())):
                columns[column] = tuple(kind for kind in columns[column] if kind != "tags")
        fitting = {column: types for column, types in columns.items() if types}
        return Place(block, reader.known_fields(), fitting, reader.num_samples)
    except (ProblemError, OSError):
        return None


_WIDEST = 40
_KNOWN: dict[str, tuple[str, ...]] = {}


def _fitting(values: Any) -> tuple[str, ...]:
    """Return the types of fields that values may have; the same values in several files are asked once."""
    shown = f"{type(values)}{values!r}"
    if shown not in _KNOWN:
        _KNOWN[shown] = tuple(_types(values))
    return _KNOWN[shown]


def _types(values: Any) -> Iterator[str]:
    """Yield the types of fields that a column of these values may have."""
    for name in own_names("fields"):
        cls = find("fields", name)
        if cls is None or cls.trusted_only:
            continue
        field, problems = parser.read("fields", {"type": name})
        if problems:
            field, problems = parser.read("fields", example("fields", name))
        try:
            if not problems and field.infer_facts(values):
                yield name
        except ProblemError:
            continue
        except (TypeError, ValueError, AttributeError, KeyError):
            continue
