"""One table in every kind of file: the same classes, codes, gaps, numbers and predictions."""

import datetime as dt
import importlib.util
import json
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest

from declare.compiler.pipeline import check
from declare.data.facts.facts import gather
from declare.language.spec import Dataset
from declare.parsing import parser
from declare.runtime.inference.predict import predict
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

DRAW = np.random.default_rng(0)
ROWS = 48
START = dt.datetime.fromisoformat("2024-01-01")
LIBRARY = ("csv", "tsv", "jsonl", "parquet") if importlib.util.find_spec("datasets") else ()
TABLE = {
    "code": [("007", "7", "12E3", "12000", "1.0", "nan", "None", "true", "NA")[i % 9] for i in range(ROWS)],
    "count": [(1, 2, 10)[i % 3] for i in range(ROWS)],
    "flag": [i % 4 < 2 for i in range(ROWS)],
    "size": [round(float(DRAW.normal(0, 10)), 3) if i % 8 else -999.0 for i in range(ROWS)],
    "who": [str(89441100689123456700 + i // 4) for i in range(ROWS)],
    "when": [START + dt.timedelta(hours=7 * i, seconds=i) for i in range(ROWS)],
    "kinds": ["|".join("xyz"[: i % 3] or "|") for i in range(ROWS)],
    "usable": [int(i % 5 > 0) for i in range(ROWS)],
    "part": ["val" if i % 4 == 3 else "train" for i in range(ROWS)],
    "label": ["ab"[i % 2] for i in range(ROWS)],
}
FIELDS = {
    "code": {"type": "category", "missing": ["NA"]},
    "count": {"type": "category"},
    "flag": {"type": "category"},
    "size": {"type": "number", "missing": [-999]},
    "who": {"type": "id"},
    "when": {"type": "datetime", "features": ["hour", "seconds"]},
    "kinds": {"type": "labels"},
    "usable": {"type": "valid"},
    "part": {"type": "category"},
    "label": {"type": "category"},
}


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def write(folder):
    """Write the table in every format and return the sources' blocks by their names."""
    texts = {name: list(map(as_text, values)) for name, values in TABLE.items()}
    for suffix, mark in (("csv", ","), ("tsv", "\t")):
        lines = [mark.join(texts), *(mark.join(row) for row in zip(*texts.values(), strict=True))]
        (folder / f"t.{suffix}").write_text("\n".join(lines) + "\n")
    pl.DataFrame(TABLE).write_parquet(folder / "t.parquet")
    dictionary = pl.DataFrame(TABLE).with_columns(
        pl.col("code", "label").cast(pl.Categorical), pl.col("count").cast(float)
    )
    dictionary.write_parquet(folder / "d.parquet")
    plain = {name: texts[name] if name == "when" else values for name, values in TABLE.items()}
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arrays = {name: np.array(values) for name, values in TABLE.items()}
    np.savez(folder / "t.npz", **arrays | {"when": arrays["when"].astype("datetime64[us]")})
    np.savez(
        folder / "b.npz",
        **arrays
        | {
            "code": arrays["code"].astype("S"),
            "count": arrays["count"].astype(np.float32),
            "when": np.array(texts["when"]),
        },
    )
    with h5py.File(folder / "t.h5", "w") as file:
        for name, values in (arrays | {"when": np.array(texts["when"])}).items():
            file[name] = values.astype(h5py.string_dtype()) if values.dtype.kind == "U" else values
    return {
        "csv": {"type": "csv", "path": str(folder / "t.csv")},
        "tsv": {"type": "csv", "path": str(folder / "t.tsv"), "separator": "\t"},
        "parquet": {"type": "parquet", "path": str(folder / "t.parquet")},
        "dictionary": {"type": "parquet", "path": str(folder / "d.parquet")},
        "jsonl": {"type": "jsonl", "path": str(folder / "t.jsonl")},
        "npz": {"type": "npz", "path": str(folder / "t.npz")},
        "bytes": {"type": "npz", "path": str(folder / "b.npz")},
        "hdf5": {"type": "hdf5", "path": str(folder / "t.h5")},
        **{
            f"datasets {kind}": {"type": "huggingface", "path": str(folder / f"t.{kind}")} for kind in LIBRARY
        },
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The table in every format."""
    return write(tmp_path_factory.mktemp("sources"))


def known(source):
    """Return what the data say in one source: classes, gaps, splits, and encoded columns."""
    block, problems = parser.read(Dataset, {"source": source, "fields": FIELDS, "split": {"column": "part"}})
    assert not problems, problems
    facts = gather("t", block, 0)
    fields = {name: parser.parse("fields", facts.blocks[name]) for name in FIELDS}
    reader = block.source.open()
    columns = {name: field.encode(reader.read(name), facts.fields[name]) for name, field in fields.items()}
    return facts, columns


@pytest.mark.parametrize(
    "name",
    [
        *("tsv", "parquet", "dictionary", "jsonl", "npz", "bytes", "hdf5"),
        *(f"datasets {kind}" for kind in LIBRARY),
    ],
)
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # old versions of datasets leave files open
def test_a_table_says_the_same_in_every_source(sources, name):
    """Classes, gaps, counts, splits and every encoded value are those of the text table."""
    facts, columns = known(sources[name])
    expected, texts = known(sources["csv"])
    for field in FIELDS:
        one, other = facts.fields[field], expected.fields[field]
        assert (one.classes, one.num_missing, one.counts) == (
            other.classes,
            other.num_missing,
            other.counts,
        ), field
        np.testing.assert_array_equal(columns[field], texts[field], err_msg=field)
    assert (facts.splits, facts.missing) == (expected.splits, expected.missing)


def test_the_text_table_says_what_stands_in_it(sources):
    """Nothing is merged: each text is a class, the mark is missing, digits beyond 64 bits are kept."""
    facts, columns = known(sources["csv"])
    assert facts.fields["code"].classes == ("1.0", "007", "7", "12000", "12E3", "None", "nan", "true")
    assert facts.fields["code"].num_missing == TABLE["code"].count("NA")
    assert (
        facts.fields["size"].num_missing
        == TABLE["size"].count(-999.0)
        == int(np.isnan(columns["size"]).sum())
    )
    assert facts.fields["flag"].classes == ("false", "true")
    assert facts.fields["who"].classes == tuple(dict.fromkeys(TABLE["who"]))
    seconds = [(time - START).total_seconds() for time in TABLE["when"]]
    np.testing.assert_array_equal(columns["when"][:, 2], np.array(seconds, np.float32))


SPEC = """
declare: 1
datasets:
  t:
    source: {type: csv, path: t.csv}
    fields: FIELDS
    transforms: [{type: standardize, fields: [size, when]}]
    split: {column: part}
model:
  row: {type: tabular, input: [code, count, flag, size, when], width: 8}
tasks:
  label: {type: classification, dataset: t, target: label, head: {type: linear, input: row}}
phases:
  fit: {epochs: 1, batch_size: 12, optimizer: {type: adamw, lr: 1e-2}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
"""


def test_a_run_predicts_the_same_from_every_source(tmp_path):
    """What was trained on a text table reads the other files alike, and one that holds nothing but codes of digits."""
    blocks = write(tmp_path)
    text = SPEC.replace("FIELDS", json.dumps(FIELDS))
    (tmp_path / "spec.yaml").write_text(text)
    checked = check(tmp_path / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    assert train(checked.plan, text, tmp_path / "run").status == 0
    run = Run(tmp_path / "run")
    found = {
        name: [row["label"] for row in predict(run, Path(block["path"])).rows]
        for name, block in blocks.items()
        if block["type"] != "huggingface"
    }
    assert len(found["csv"]) == ROWS
    for name, rows in found.items():
        assert rows == found["csv"], name
    few = [row for row, code in enumerate(TABLE["code"]) if code in ("007", "7")]
    head, *lines = (tmp_path / "t.csv").read_text().splitlines()
    (tmp_path / "few.csv").write_text("\n".join([head, *(lines[row] for row in few)]) + "\n")
    part = [row["label"] for row in predict(run, tmp_path / "few.csv").rows]
    assert [row["class"] for row in part] == [found["csv"][row]["class"] for row in few]
    for one, row in zip(part, few, strict=True):
        assert one["probability"] == pytest.approx(found["csv"][row]["probability"], abs=1e-6)
