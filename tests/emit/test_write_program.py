"""Programs of specs: they train as the spec does, to the last bit, and what has no code is refused by name."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import declare
from declare.__main__ import main
from declare.contract.problem import ProblemError
from declare.emit.write_program import write_program
from declare.emit.writers.train.train_code import _composite
from declare.ir.composites import evaluate
from declare.runtime.run_folder.folder import Run
from tests.emit.programs import HIDDEN, MANY, MANY_ROWS, SETS, place, run


def written(spec: Path, folder: Path, *sets: str) -> list[Path]:
    """Write the program of a spec."""
    return write_program(declare.plan(spec, set=sets), spec.read_text(), folder)


def follow(spec: Path, folder: Path, *sets: str) -> set[str]:
    """Assert that the program of a spec ends with the weights and figures of its run; return its files."""
    declare.train(spec, set=sets, run_dir=folder / "run")
    files = {path.name for path in written(spec, folder / "program", *sets)}
    run(folder / "program", "train.py", "--run-dir", str(folder / "own"))
    own = json.loads((folder / "own" / "metrics.json").read_text())
    figures = json.loads((folder / "run" / "metrics.json").read_text())
    assert own == {key: value for key, value in figures.items() if not key.startswith("trivial/")}
    weights = load_file(folder / "own" / "weights.safetensors")
    best = load_file(Run(folder / "run").weights_path("best"))
    assert weights.keys() == best.keys()
    assert [key for key in best if not torch.equal(best[key], weights[key])] == []
    return files


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_program_follows_the_run_to_the_last_bit(name: str, tmp_path: Path, capsys: Any) -> None:
    """Weights and all figures of the program are those of the spec's own run, and so are its predictions."""
    files = follow(place(name, tmp_path), tmp_path, *SETS[name])
    assert {"model.py", "data.py", "losses.py", "train.py", "splits.json", "README.md", "plan.json"} <= files
    if "predict.py" in files:
        capsys.readouterr()
        run(tmp_path / "program", "predict.py", "--run-dir", str(tmp_path / "own"), "--split", "val")
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(rows) == sum(
            dataset.splits["val"]
            for key, dataset in Run(tmp_path / "run").plan.datasets.items()
            if any(key in task.datasets for task in Run(tmp_path / "run").plan.tasks.values())
        )


def test_a_program_of_many_parts_follows_its_run(tmp_path: Path) -> None:
    """Two probes of a task, modules that are alike, freeze rules that overlap, weights before transforms, and more."""
    spec = tmp_path / "many.yaml"
    spec.write_text(MANY)
    (tmp_path / "many.csv").write_text(MANY_ROWS)
    follow(spec, tmp_path)


def test_a_program_that_hides_pixels_follows_its_run(tmp_path: Path) -> None:
    """What is left of an image is scaled once."""
    spec = tmp_path / "hidden.yaml"
    spec.write_text(HIDDEN)
    follow(spec, tmp_path)


def test_a_program_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """What was stopped between two evaluations ends with the same weights."""
    spec = place("pain", tmp_path)
    written(spec, tmp_path / "program", *SETS["pain"])
    run(tmp_path / "program", "train.py", "--run-dir", str(tmp_path / "whole"))
    text = (tmp_path / "program" / "train.py").read_text()
    stops = text.replace(
        'state["step"] += 1\n',
        'state["step"] += 1\n        if state["step"] == 7:\n            raise KeyboardInterrupt\n',
    )
    (tmp_path / "program" / "stops.py").write_text(stops)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "program", "stops.py", "--run-dir", str(tmp_path / "parts"))
    assert (tmp_path / "parts" / "state.pt").is_file()
    run(tmp_path / "program", "train.py", "--run-dir", str(tmp_path / "parts"))
    whole, parts = (load_file(tmp_path / item / "weights.safetensors") for item in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


REFUSED = {
    "augments of the phase `fit`": ("digits", "phases.fit.augment=[{type: mixup}]"),
    "the schedule `plateau`": (
        "digits",
        "phases.fit.schedule={type: plateau, metric: val/digit/loss, mode: min, patience: 1}",
    ),
    "datasets in turn": ("pain", "phases.joint.mix={type: alternate}"),
    "the balance `pcgrad`": ("pain", "phases.joint.balance=pcgrad"),
    "bf16 on a CPU": ("digits", "hardware.precision=bf16"),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_has_no_code_is_refused_by_name(what: str, tmp_path: Path) -> None:
    """Nothing is written where something would be left out."""
    name, *sets = REFUSED[what]
    with pytest.raises(ProblemError) as caught:
        written(place(name, tmp_path), tmp_path / "program", *sets)
    assert caught.value.problem.code == "RES860"
    assert what in caught.value.problem.title
    assert not (tmp_path / "program").exists()


NAMED = """declare: 1
datasets:
  DATASET: {source: &data {type: simulated, name: table, samples: 30}, split: {val: 0.2}}
  other: {source: *data, split: {val: 0.2}}
model:
  row: {type: tabular, input: rooms, width: 4}
  MODULE: {type: mlp, input: row, hidden: [4]}
tasks:
  TASK: {type: regression, target: price, datasets: [DATASET, other], head: {type: mlp, hidden: [3]}}
phases:
  fit: {steps: 2, batch_size: 8, optimizer: {type: adamw, lr: 0.001}}
hardware: {accelerator: cpu, precision: fp32}
"""


def named(folder: Path, **names: str) -> Path:
    """Write a spec with a dataset, module and task of these names."""
    text = NAMED
    for word, default in {"dataset": "lab", "module": "encoder", "task": "cost"}.items():
        text = text.replace(word.upper(), names.get(word, default))
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_names_of_a_spec_hide_none_of_python(tmp_path: Path) -> None:
    """A task `none` is no class `None`, and a module may be called as its dataset, or as what the code uses."""
    follow(named(tmp_path, dataset="torch_", module="torch_", task="none"), tmp_path / "one")
    follow(named(tmp_path, module="torch", task="tensor"), tmp_path / "two")


@pytest.mark.parametrize(
    "name", [{"dataset": "data"}, {"dataset": "len"}, {"task": "keys"}, {"module": "type"}]
)
def test_names_that_the_code_needs_are_refused(name: dict[str, str], tmp_path: Path) -> None:
    """What would hide a part of the program is said before anything is written."""
    with pytest.raises(ProblemError) as caught:
        written(named(tmp_path, **name), tmp_path / "program")
    assert caught.value.problem.code == "RES860"
    assert f"`{next(iter(name.values()))}`" in caught.value.problem.title


def test_splits_in_files_are_refused(tmp_path: Path) -> None:
    """A program reads the one file of a source."""
    spec = place("table", tmp_path)
    (tmp_path / "held_out.csv").write_text((tmp_path / "table.csv").read_text())
    with pytest.raises(ProblemError) as caught:
        written(spec, tmp_path / "program", "datasets.table.split={val: held_out.csv}")
    assert "files for the splits of `table`" in caught.value.problem.title


def test_probes_of_several_heads_are_refused(tmp_path: Path) -> None:
    """A probe is fitted for each dataset then, which no program does."""
    sets = (
        "tasks.cost.head={type: linear, per_dataset: true}",
        "phases.fit.probes=[{task: cost, type: linear}]",
    )
    with pytest.raises(ProblemError) as caught:
        written(named(tmp_path), tmp_path / "program", *sets)
    assert "a probe of `cost`" in caught.value.problem.title


def test_the_command_writes_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """`dcl compile RUN` takes the precision that the run chose; without `-o` it writes `generated/NAME`."""
    spec = place("digits", tmp_path)
    monkeypatch.chdir(tmp_path)
    declare.train(spec, set=("datasets.digits.limit=200", "phases.fit.epochs=1"), run_dir=tmp_path / "run")
    assert main(["compile", "run"]) == 0
    assert "wrote generated/digits" in capsys.readouterr().err
    assert (tmp_path / "generated" / "digits" / "spec.yaml").read_text() == spec.read_text()


HOSTILE = 'a"], "z": [open("MARK", "w")], "y": table["a'
HOSTILE_TABLE = """declare: 1
name: x
datasets:
  d: {source: {type: KIND, path: t.KIND}, fields: {a: {type: number, column: COLUMN}, label: {type: category}}}
model:
  enc: {type: mlp, input: a, hidden: [4]}
tasks:
  t: {type: classification, target: label}
phases:
  fit:
    steps: 2
    batch_size: 8
    optimizer: {type: adamw, lr: 0.001}
    freeze: [{match: 'enc*[!") or open("MARK", "w") or ("]', until: 1 steps}]
hardware: {accelerator: cpu, precision: fp32}
"""


@pytest.mark.parametrize("kind", ["csv", "jsonl", "npz", "parquet"])
def test_names_of_strangers_stay_texts_in_a_program(kind: str, tmp_path: Path) -> None:
    """Names of columns and patterns with quotation marks are literals of the code, never a part of it."""
    columns: dict[str, Any] = {
        HOSTILE: [float(n) for n in range(40)],
        "label": ["u", 'v"""\nopen("MARK")'] * 20,
    }
    if kind == "npz":
        np.savez(tmp_path / "t.npz", **{key: np.array(item) for key, item in columns.items()})
    elif kind == "jsonl":
        pl.DataFrame(columns).write_ndjson(tmp_path / "t.jsonl")
    else:
        getattr(pl.DataFrame(columns), f"write_{kind}")(tmp_path / f"t.{kind}")
    spec = tmp_path / "spec.yaml"
    spec.write_text(HOSTILE_TABLE.replace("KIND", kind).replace("COLUMN", json.dumps(HOSTILE)))
    written(spec, tmp_path / "program")
    for path in (tmp_path / "program").glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert "open" not in [ast.unparse(call.func) for call in calls], path.name
    if (
        kind != "csv"
    ):  # polars leaves the doubled marks of a quoted name, and the program says that it has no such
        run(tmp_path / "program", "train.py", "--run-dir", str(tmp_path / "own"))
    assert not list(tmp_path.rglob("MARK"))


@pytest.mark.parametrize(
    "change",
    [
        {"name": 'x"""; open("MARK")'},
        {"composites": {"m": "open(1)"}},
        {"composites": {'m"] = open("MARK") #': "1"}},
    ],
)
def test_a_plan_of_a_stranger_names_no_code(change: dict[str, Any], tmp_path: Path) -> None:
    """A plan that says what no spec can is refused: its names would stand in the program as they are."""
    plan = declare.plan(place("pain", tmp_path), set=SETS["pain"]).model_copy(update=change)
    with pytest.raises(ProblemError) as caught:
        write_program(plan, "", tmp_path / "program")
    assert caught.value.problem.code == "RES860"


@pytest.mark.parametrize("text", ["a/b / (a/b - a/c)", "(0 - a/b) ** 0.5", "2 * a/b", "1e300 * 1e300 * a/b"])
def test_a_composite_without_a_value_ends_no_program(text: str) -> None:
    """It is NaN, or infinite, both of which are `null` in the file of metrics."""
    known = {"a/b": 2.0, "a/c": 2.0}
    scope: dict[str, Any] = {"metrics": dict(known), "math": math}
    exec("\n".join(_composite("s", text)), scope)
    value, expected = scope["metrics"]["s"], evaluate(text, known)
    assert value == expected if math.isfinite(expected) else not math.isfinite(value)
