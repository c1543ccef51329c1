"""Phases that train at several sizes: evaluated, saved and continued with the norm statistics of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from declare.compiler.pipeline import check
from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.inference.evaluate import evaluate
from declare.runtime.inference.predict import predict
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

SPEC = """declare: 1
name: sized
datasets:
  textures: {source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16}, split: {val: 0.2}}
model: {encoder: {type: cnn, input: image, channels: [4, 8]NORM}}
tasks: {texture: {type: classification, dataset: textures, target: label}}
phases:
  first: {steps: 8, batch_size: 12, optimizer: {type: sgd, lr: LR}, MORE}
SECOND
tracking: csv
hardware: {accelerator: cpu, precision: fp32, compile: false}
"""


def run(folder: Path, more: str, *, rate: str = "1e-12", second: str = "", norm: str = "") -> Run:
    """Train a small spec and return its run."""
    folder.mkdir(exist_ok=True)
    text = SPEC.replace("MORE", more or "accumulate: 1").replace("LR", rate).replace("SECOND", second)
    (folder / "spec.yaml").write_text(text.replace("NORM", norm))
    plan = check(folder / "spec.yaml").plan
    assert plan is not None
    outcome = train(plan, text, folder / "run")
    if outcome.status == 4:
        raise ProblemError(*outcome.problems)
    return Run(folder / "run")


def statistics(found: Run, which: str = "best") -> dict[str, torch.Tensor]:
    """Return the running statistics in the weights of a run."""
    return {name: item for name, item in read_tensors(found.weights_path(which)).items() if "running" in name}


def events(found: Run, name: str) -> list[dict[str, Any]]:
    """Return the events of a name."""
    lines = (found.path / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]


@pytest.mark.parametrize("way", ["mode: joint", "mode: joint, materialize: eager", "mode: random"])
def test_statistics_are_those_of_the_evaluated_size(tmp_path: Path, way: str) -> None:
    """With weights that stand still they are what a run at the stored size alone has; other sizes leave no trace."""
    plain = run(tmp_path / "plain", "")
    scaled = run(tmp_path / "scaled", f"scales: {{field: image, sizes: [8, 16], {way}}}")
    assert events(scaled, "evaluation_size")[0]["size"] == 16
    if "random" not in way:
        torch.testing.assert_close(statistics(scaled), statistics(plain))
    small = run(tmp_path / "small", f"scales: {{field: image, sizes: [8, 16], {way}, evaluate: 8}}")
    only = run(tmp_path / "only", "scales: {field: image, sizes: [8]}")
    if "random" not in way:
        torch.testing.assert_close(statistics(small), statistics(only))
    assert json.loads((small.path / "checkpoints/step-8/MANIFEST.json").read_text())["evaluated_at"] == {
        "image": 8
    }
    assert evaluate(small, "val") == pytest.approx(
        {k: v for k, v in small.final.items() if k in evaluate(small, "val")}
    )


def test_a_progressive_phase_is_evaluated_at_the_size_that_it_trains_at(tmp_path: Path) -> None:
    """Each size is told, what was best before is forgotten, and evaluations repeat the figures of the last one."""
    more = (
        "scales: {field: image, sizes: [8, 12, 16], mode: progressive}, ema: {decay: 0.9}, "
        "evaluate: {every: 1 steps, best: {metric: val/texture/loss, mode: min}}, checkpoint: {every: 1 steps}"
    )
    found = run(tmp_path, more, rate="1e-1")
    assert [(event["size"], event["step"]) for event in events(found, "evaluation_size")] == [
        (8, 0),
        (12, 3),
        (16, 6),
    ]
    best = [event["step"] for event in events(found, "best_improved")]
    assert {3, 6} <= set(best)
    assert int(found.weights_path().parent.name.removeprefix("step-")) >= 6
    again = evaluate(found, "val")
    assert again == pytest.approx({name: found.final[name] for name in again})
    assert len(predict(found, dataset="textures", split="val").rows) == 12


def test_a_plateau_does_not_compare_evaluations_of_two_sizes(tmp_path: Path) -> None:
    """The first evaluation at a new size lowers no rate, however bad it is; those after it are compared with it."""
    more = (
        "scales: {field: image, sizes: [8, 16], mode: progressive}, evaluate: {every: 1 steps}, schedule: "
        "{type: plateau, metric: val/texture/loss, mode: min, min_delta: 1e9, patience: 0, factor: 0.5}"
    )
    found = run(tmp_path, more, rate="1.0e-3")
    rates = {row["step"]: row["value"] for row in found.metrics() if row["metric"] == "train/rate"}
    halved = [0, 0, 1, 2, 3, 3, 4, 5]  # before each step: four evaluations at each size
    assert [rates[step] for step in range(1, 9)] == pytest.approx([1e-3 * 0.5**number for number in halved])


def test_the_size_goes_on_with_weights_that_another_phase_leaves_alone(tmp_path: Path) -> None:
    """A phase that trains on the field at its stored size is evaluated there; the first one's weights stay at theirs."""
    second = "  second: {steps: 2, batch_size: 12, optimizer: {type: sgd, lr: 1e-2}}"
    found = run(tmp_path, "scales: {field: image, sizes: [8]}", second=second)
    of_phase = {
        path.parent.name: json.loads(path.read_text())["evaluated_at"]
        for path in found.path.glob("checkpoints/*/MANIFEST.json")
    }
    assert of_phase == {"step-8": {"image": 8}, "step-10": {}}


def test_a_size_without_statistics_is_refused_where_norms_need_them(tmp_path: Path) -> None:
    """The stored size may be named where no step trains at it, but not by a model whose norms would never see it."""
    more = "scales: {field: image, sizes: [8, 12], evaluate: 16}"
    with pytest.raises(ProblemError) as caught:
        run(tmp_path / "normed", more)
    assert caught.value.problem.code == "PHS645"
    assert run(tmp_path / "plain", more, norm=", norm: group").final


def test_micro_batches_move_the_first_norm_as_whole_batches_do(tmp_path: Path) -> None:
    """With weights that stand still, means of the first norm do not depend on `accumulate`, at any size."""
    more = "scales: {field: image, sizes: [8, 16]}, accumulate: "
    one, three = (statistics(run(tmp_path / number, more + number)) for number in ("1", "3"))
    name = next(iter(one))
    torch.testing.assert_close(one[name], three[name])
