"""Searches: what is checked first, what they leave behind, that they go on where they stopped."""

from __future__ import annotations

import csv
import json
import math
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from declare import api
from declare.__main__ import main
from declare.compiler.pipeline import check
from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.language.spec import Space, Tune
from declare.runtime.listeners.listener import Request
from declare.runtime.run_folder.event_file import Event
from declare.system import secrets
from declare.tune import trial, workers
from declare.tune.engines.optuna import OptunaEngine
from declare.tune.pruning import Pruning
from declare.tune.search import DATABASE, Search, Trial, best
from declare.tune.space import as_sets, grid, probes
from tests.harness import forkserver
from tests.harness.forkserver import ForkedProcess

SPEC = """declare: 1
name: wine
datasets:
  wine:
    source: {type: sklearn, name: wine}
    transforms: [{type: standardize, field: features}]
    split: {val: 0.3}
model:
  encoder: {type: mlp, hidden: [8], input: features}
tasks:
  kind: {type: classification, dataset: wine, target: label, metrics: [accuracy]}
phases:
  fit: {epochs: 2, batch_size: 32, optimizer: {type: adamw, lr: 3e-3}, evaluate: {every: 1 epochs}}
tracking: []
tune:
  metric: val/kind/loss
  mode: min
  trials: 3
  sampler: random
  space:
    phases.fit.optimizer.lr: {log: [1e-5, 1e-1]}
    model.encoder.hidden: {choices: [[4], [8, 8]]}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with the spec."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def rows(folder: str) -> list[dict[str, str]]:
    """Return the table of a search."""
    text = Path(folder, "trials.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_the_best_spec_trains_to_the_value_that_the_search_found() -> None:
    """`best.yaml` stands for itself and gives the best trial's figure again."""
    outcome = api.tune("spec.yaml", run_dir="found")
    assert outcome.status == 0
    assert outcome.best is not None
    values = [trial.value for trial in outcome.trials]
    assert len(values) == 3
    assert outcome.best.value == min(value for value in values if value is not None)
    assert outcome.best_spec is not None
    again = api.train(outcome.best_spec, run_dir="again")
    assert again.metrics["val/kind/loss"] == outcome.best.value


def test_the_command_leaves_a_table_and_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Table, page and best spec stand in the folder, and JSON says where."""
    assert main(["tune", "spec.yaml", "--run-dir", "found", "--trials", "2", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in rows("found")] == ["complete", "complete"]
    assert said["best"]["value"] == min(float(row["val/kind/loss"]) for row in rows("found"))
    page = Path("found/search.html").read_text(encoding="utf-8")
    assert "phases.fit.optimizer.lr" in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_grid_tries_every_point_once() -> None:
    """A grid of two by two has four trials, however many are asked for."""
    space = "{phases.fit.batch_size: {int: [30, 31]}, model.encoder.hidden: {choices: [[4], [8]]}}"
    outcome = api.tune(
        "spec.yaml", set=[f"tune.space={space}", "tune.sampler=grid", "tune.trials=9"], run_dir="g"
    )
    points = {json.dumps(trial.values, sort_keys=True) for trial in outcome.trials}
    assert len(points) == len(outcome.trials) == 4


def test_a_search_goes_on_and_counts_what_it_had() -> None:
    """Continued with more trials, the first ones stay and only new ones run."""
    first = api.tune("spec.yaml", set=["tune.trials=2"], run_dir="found")
    more = api.tune("spec.yaml", set=["tune.trials=4"], run_dir="found", resume=True)
    assert [trial.value for trial in more.trials[:2]] == [trial.value for trial in first.trials]
    assert len(more.trials) == 4
    assert len({trial.values["phases.fit.optimizer.lr"] for trial in more.trials}) == 4


def test_another_space_is_another_search() -> None:
    """A search whose space changed is refused, and what stands there is left alone."""
    api.tune("spec.yaml", set=["tune.trials=1"], run_dir="found")
    with pytest.raises(ProblemError) as caught:
        api.tune("spec.yaml", set=["tune.space={seed: {int: [1, 2]}}"], run_dir="found", resume=True)
    assert caught.value.problem.code == "RES806"
    assert len(rows("found")) == 1


def test_a_folder_that_holds_something_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A search never overwrites."""
    Path("found").mkdir()
    Path("found/mine.txt").write_text("kept")
    assert main(["tune", "spec.yaml", "--run-dir", "found"]) == 2
    assert "RES803" in capsys.readouterr().err
    assert Path("found/mine.txt").read_text() == "kept"


def test_points_that_do_not_compile_stop_the_search_before_it_begins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A batch larger than the training split shows at the end of its range, before the first trial."""
    words = ["--set", "tune.space={model.encoder.input: {choices: [features, label]}}"]
    assert main(["tune", "spec.yaml", "--run-dir", "found", *words]) == 1
    assert "label" in capsys.readouterr().err
    assert not Path("found").exists()


def test_a_spec_without_a_search_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to search in a spec without `tune`."""
    Path("spec.yaml").write_text(SPEC[: SPEC.index("tune:")])
    assert main(["tune", "spec.yaml"]) == 2
    assert "tune" in capsys.readouterr().err


def test_the_database_is_not_held_open() -> None:
    """No connection stays open after a call, whenever the engine itself is collected."""
    import psutil

    made = Search(Path("spec.yaml").absolute(), folder=Path("found").absolute())
    made.folder.mkdir()
    engine = OptunaEngine(
        made, Tune(metric="val/t/loss", mode="min", space={"a": Space(log=[0.1, 1.0])}), 0, 1
    )
    assert engine.trials() == []
    assert DATABASE not in {Path(item.path).name for item in psutil.Process().open_files()}


def test_pruned_trials_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pruner that ends every trial leaves them pruned; then no trial came to its end."""
    import optuna

    monkeypatch.setattr(optuna.Trial, "should_prune", lambda _: True)
    outcome = api.tune("spec.yaml", set=["tune.pruner=median", "tune.trials=2"], run_dir="found")
    assert [trial.state for trial in outcome.trials] == ["pruned", "pruned"]
    assert outcome.status == 4
    assert outcome.best_spec is None


def test_pruning_hears_the_metric_alone() -> None:
    """Evaluations without the metric, or where it is not defined, are not reported."""
    told: list[tuple[int, float]] = []

    def ask(step: int, value: float) -> bool:
        told.append((step, value))
        return value > 1

    pruning = Pruning("val/a/loss", ask)

    def evaluated(**metrics: float) -> Request | None:
        fields = {"metrics": {name.replace("_", "/"): value for name, value in metrics.items()}}
        return pruning.on_event(Event("evaluated", "fit", 3, 7, fields))

    assert evaluated(val_b_loss=2.0) is None
    assert evaluated(val_a_loss=float("nan")) is None
    assert evaluated(val_a_loss=float("inf")) is None
    assert evaluated(val_a_loss=0.5) is None
    assert not pruning.pruned
    assert evaluated(val_a_loss=2.0) is Request.STOP_RUN
    assert told == [(7, 0.5), (7, 2.0)]


def test_probes_are_the_ends_and_every_choice() -> None:
    """Each path is varied by itself."""
    space = {"a": Space(log=[0.1, 1.0]), "b": Space(choices=["x", "y", "z"])}
    tune = Tune(metric="val/t/loss", mode="min", space=space)
    assert list(probes(tune)) == [{"a": 0.1}, {"a": 1.0}, {"b": "x"}, {"b": "y"}, {"b": "z"}]
    assert as_sets({"a": 0.1, "b": [1, "x"]}) == ["a=0.1", 'b=[1, "x"]']


def test_choices_reach_a_trial_as_the_spec_means_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value of a variable stands in no file of a search, and a text that only looks like one stays as it is."""
    monkeypatch.setattr(secrets, "_known", {})
    monkeypatch.setenv("MARK", "tok-0123456789")
    choices = "    description: {choices: ['a ${env:MARK} $${env:MARK}']}\n"
    (here / "spec.yaml").write_text(SPEC.replace("trials: 3", "trials: 1") + choices)
    assert main(["tune", "spec.yaml", "--run-dir", "out"]) == 0
    files = [path for path in (here / "out").rglob("*") if path.is_file()]
    assert [path for path in files if b"tok-0123456789" in path.read_bytes()] == []
    for spec in (here / "out/best.yaml", here / "spec.yaml"):
        sets = () if spec.name == "best.yaml" else ["description=a ${env:MARK} $${env:MARK}"]
        checked = check(spec, sets)
        assert checked.spec is not None
        assert checked.spec.description == "a tok-0123456789 ${env:MARK}"


def test_a_grid_is_the_product() -> None:
    """Ranges of whole numbers count in full."""
    tune = Tune(
        metric="val/t/loss", mode="min", space={"a": Space(int=[1, 3]), "b": Space(choices=[True, False])}
    )
    assert len(list(grid(tune))) == 6


@pytest.mark.parametrize(("mode", "number"), [("max", 2), ("min", 0)])
def test_the_best_is_among_those_that_ended(mode: str, number: int) -> None:
    """Pruned trials are never the best, whatever their last value."""
    values = [(0, "complete", 0.1), (1, "pruned", 9.0), (2, "complete", 0.5), (3, "failed", None)]
    trials = [Trial(index, {}, state, value) for index, state, value in values]  # type: ignore[arg-type]
    found = best(trials, mode)
    assert found is not None
    assert found.number == number


DRAWN = "{type: simulated, name: stimulus, samples: 60, subjects: 6, classes: 3, channels: 2, length: 5}"
WITHOUT_SKLEARN = (
    SPEC.replace("{type: sklearn, name: wine}", DRAWN)
    .replace("target: label", "target: stimulus")
    .replace("standardize", "temporal_pool")
)
"""For workers, each of which would import scikit-learn."""


@pytest.mark.slow
def test_several_workers_share_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes run the trials of one search, none twice."""
    monkeypatch.setattr(workers, "multiprocessing", SimpleNamespace(get_context=lambda _: forkserver.CONTEXT))
    Path("spec.yaml").write_text(WITHOUT_SKLEARN)
    outcome = api.tune("spec.yaml", set=["tune.trials=4"], run_dir="found", workers=2)
    assert outcome.status == 0
    assert [trial.state for trial in outcome.trials] == ["complete"] * 4
    assert len(list(Path("found/trials").iterdir())) == 4


@pytest.mark.slow
def test_ray_runs_the_trials() -> None:
    """The same search on Ray leaves the same kinds of things."""
    pytest.importorskip("ray")
    outcome = api.tune("spec.yaml", set=["tune.trials=2", "tune.engine=ray"], run_dir="found")
    assert [trial.state for trial in outcome.trials] == ["complete"] * 2
    assert len(list(Path("found/trials").iterdir())) == 2


def test_the_number_of_trials_belongs_to_the_search() -> None:
    """A search goes on to the number that it was begun with; a new one on the command line wins, and is kept."""
    assert main(["tune", "spec.yaml", "--run-dir", "found", "--trials", "1"]) == 0
    assert main(["tune", "spec.yaml", "--resume", "found"]) == 0
    assert len(rows("found")) == 1
    assert main(["tune", "spec.yaml", "--resume", "found", "--trials", "2"]) == 0
    assert main(["tune", "spec.yaml", "--resume", "found"]) == 0
    assert len(rows("found")) == 2


def test_a_search_whose_spec_says_another_number_follows_it() -> None:
    """A number that is edited in the spec since counts like one on the command line."""
    assert main(["tune", "spec.yaml", "--run-dir", "found", "--trials", "1"]) == 0
    Path("spec.yaml").write_text(SPEC.replace("trials: 3", "trials: 2"))
    assert main(["tune", "spec.yaml", "--resume", "found"]) == 0
    assert len(rows("found")) == 2


def test_a_search_with_another_spec_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """What changes weights is refused by name; what does not is said, and the search goes on."""
    assert main(["tune", "spec.yaml", "--run-dir", "found", "--trials", "1"]) == 0
    assert main(["tune", "spec.yaml", "--resume", "found", "--set", "phases.fit.epochs=3"]) == 2
    said = capsys.readouterr().err
    assert "RES806" in said
    assert "`phases.fit.epochs` was 2.0, is now 3.0" in said
    assert main(["tune", "spec.yaml", "--resume", "found", "--set", "description=mine"]) == 0
    assert "`description` was None, is now 'mine' (harmless" in capsys.readouterr().err


def test_a_damaged_search_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder whose record cannot be read is no search."""
    Path("found").mkdir()
    Path("found/plan.json").write_text("{")
    assert main(["tune", "spec.yaml", "--resume", "found"]) == 2
    assert "RES808" in capsys.readouterr().err


def test_an_empty_space_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """A search over nothing would be many equal trials."""
    assert main(["validate", "spec.yaml", "--set", "tune.space={}"]) == 1
    assert "SCH109" in capsys.readouterr().out


def test_a_stopped_search_says_how_it_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop it saves the trial, exits with 75 and prints the command; that command finishes the search."""
    on_event = Pruning.on_event

    def stop(self: Pruning, event: Event) -> Request | None:
        if event.name == "evaluated":
            signal.raise_signal(signal.SIGTERM)
        return on_event(self, event)

    words = ["--run-dir", "found", "--set", "seed=1"]
    with monkeypatch.context() as patch:
        patch.setattr(Pruning, "on_event", stop)
        assert main(["tune", "spec.yaml", *words]) == 75
    found = capsys.readouterr()
    assert "stopped on request" in found.err
    again = found.err.partition("continue with: dcl ")[2].strip()
    assert again == "tune spec.yaml --resume found --set seed=1"
    assert [row["state"] for row in rows("found")] == ["stopped"]
    assert "running" not in found.out
    assert main(again.split()) == 0
    assert [row["state"] for row in rows("found")] == ["complete"] * 3


def test_a_trial_that_cannot_be_run_is_told_apart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not the point's doing is broken: the search goes on, says it, and does not end with status 0."""
    train = trial.train

    def refuse(plan: Plan, text: str, place: Path, **how: Any) -> Any:
        if place.name == "0001":
            raise ProblemError(Problem("RES811", "the folder may not be written"))
        if place.name == "0002":
            raise RuntimeError("a bug\nand more")
        return train(plan, text, place, **how)

    monkeypatch.setattr(trial, "train", refuse)
    assert main(["tune", "spec.yaml", "--run-dir", "found"]) == 4
    assert [(row["state"], row["reason"]) for row in rows("found")] == [
        ("complete", ""),
        ("broken", "the folder may not be written"),
        ("broken", "RuntimeError: a bug"),
    ]
    assert "2 of 3 trials failed" in capsys.readouterr().out
    assert Path("found/best.yaml").is_file()


def test_a_trial_without_a_finite_value_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning that its run also has is not the reason."""
    train = trial.train

    def undefined(*arguments: Any, **how: Any) -> Any:
        outcome = train(*arguments, **how)
        warning = Problem("PHS627", "no better than trivial")
        return replace(outcome, metrics=dict.fromkeys(outcome.metrics, math.nan), problems=(warning,))

    monkeypatch.setattr(trial, "train", undefined)
    assert main(["tune", "spec.yaml", "--run-dir", "found", "--trials", "1"]) == 4
    (row,) = rows("found")
    assert row["state"] == "failed"
    assert row["reason"].endswith("is not a finite number")


@pytest.mark.slow
def test_a_search_of_two_workers_that_is_killed_goes_on() -> None:
    """Workers end with their search and save; resumed at once, every trial comes to its end, none twice."""
    Path("spec.yaml").write_text(WITHOUT_SKLEARN.replace("epochs: 2", "epochs: 100"))
    words = ["declare", "tune", "spec.yaml", "--trials", "3", "--workers", "2"]
    process = ForkedProcess(*words, "--run-dir", "found", cwd=Path.cwd())
    until = time.monotonic() + 100
    while len(list(Path("found").glob("trials/*/events.jsonl"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    process.kill()
    process.wait()
    done = forkserver.run(*words, "--resume", "found", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in rows("found")] == ["complete"] * 3
    assert len(list(Path("found/trials").iterdir())) == 3


@pytest.mark.slow
def test_a_search_on_ray_takes_more_trials_and_draws_new_points() -> None:
    """Continued with more trials, a search on Ray keeps those it has and runs the new ones alone."""
    pytest.importorskip("ray")
    ray = ["tune.engine=ray", "tune.sampler=tpe"]
    first = api.tune("spec.yaml", set=["tune.trials=2", *ray], run_dir="found")
    more = api.tune("spec.yaml", set=["tune.trials=3", *ray], run_dir="found", resume=True)
    assert more.trials[:2] == first.trials
    assert len({str(trial.values["phases.fit.optimizer.lr"]) for trial in more.trials}) == 3
