"""Trackers: what they write can be read again, and a missing library is a finding."""

import csv
import errno
import shutil
import sys
import threading
import types

import pytest

from declare.contract.problem import ProblemError
from declare.parsing import parser

PLAN = {
    "name": "pain",
    "seed": 3,
    "phases": [{"name": "fit", "steps": 5, "optimizer": {"lr": 0.1}}],
    "nodes": [],
}
VALUES = {"train/loss": 0.5, "val/pain@left/f1": 0.25, "val/pain/qwk": float("nan")}


def open_log(block, folder):
    """Return an open log of a tracker."""
    folder.mkdir(exist_ok=True)
    return parser.parse("trackers", block).open(folder, "pain", PLAN)


def test_tensorboard_reads_what_was_written(tmp_path):
    """Figures stand in event files under their names and steps."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = open_log("tensorboard", tmp_path)
    log.scalars(3, VALUES)
    log.scalars(7, {"train/loss": 0.25})
    log.close()
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(item.step, item.value) for item in found.Scalars("train/loss")] == [(3, 0.5), (7, 0.25)]
    assert "val/pain@left/f1" in found.Tags()["scalars"]


def test_csv_collects_runs_in_one_table(tmp_path):
    """Two runs append to one table with one header, beside their folders."""
    table = tmp_path / "all.csv"
    for name in ("one", "two"):
        log = open_log({"type": "csv", "path": "all.csv"}, tmp_path / name)
        log.scalars(1, VALUES)
        log.close()
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert {row["run"].rpartition("/")[2] for row in rows} == {"one", "two"}
    assert rows[0] == {"run": str(tmp_path / "one"), "step": "1", "metric": "train/loss", "value": "0.5"}


def test_csv_goes_to_the_run_folder(tmp_path):
    """Without a path the table stands in the run's folder."""
    log = open_log("csv", tmp_path)
    log.close()
    assert (tmp_path / "tracking.csv").read_text() == "run,step,metric,value\n"


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_library_is_a_finding(tmp_path, monkeypatch, name):
    """RES850 says what to install."""
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.tracking", None)
    with pytest.raises(ProblemError) as caught:
        open_log(name, tmp_path)
    assert caught.value.problem.code == "RES850"
    assert f"declare-trainer[{name}]" in caught.value.problem.helps[0]


def fake_wandb(monkeypatch, fail=False):
    """Put a stand-in for wandb in place; return what it was given."""
    seen = types.SimpleNamespace(init={}, logged=[], finished=False)

    def init(**settings):
        if fail:
            raise ValueError("no such project\nmore")
        seen.init = settings
        return types.SimpleNamespace(
            log=lambda values, step: seen.logged.append((step, values)),
            finish=lambda: setattr(seen, "finished", True),
        )

    module = types.ModuleType("wandb")
    module.init, module.Settings = init, dict
    monkeypatch.setitem(sys.modules, "wandb", module)
    return seen


@pytest.mark.parametrize(
    ("block", "environ", "mode"),
    [
        ("wandb", {}, "offline"),
        ("wandb", {"WANDB_API_KEY": "k"}, "online"),
        ("wandb", {"WANDB_API_KEY": "k", "WANDB_MODE": "disabled"}, "disabled"),
        ({"type": "wandb", "mode": "offline"}, {"WANDB_API_KEY": "k"}, "offline"),
    ],
)
def test_wandb_uses_the_network_only_where_it_may(tmp_path, monkeypatch, block, environ, mode):
    """Without a key nothing leaves the machine; a resumed run has the same id; figures that are NaN are left out."""
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    seen = fake_wandb(monkeypatch)
    log = open_log(block, tmp_path)
    first = seen.init
    log.scalars(4, VALUES)
    log.close()
    open_log(block, tmp_path)
    assert (first["mode"], first["id"], first["resume"]) == (mode, seen.init["id"], "allow")
    assert seen.logged == [(4, {"train/loss": 0.5, "val/pain@left/f1": 0.25})]
    assert seen.finished


def test_a_service_that_refuses_is_a_finding(tmp_path, monkeypatch):
    """RES851 says what the service said, on one line."""
    fake_wandb(monkeypatch, fail=True)
    with pytest.raises(ProblemError) as caught:
        open_log("wandb", tmp_path)
    assert caught.value.problem.code == "RES851"
    assert caught.value.problem.notes == ("wandb reports: no such project",)


def test_a_service_that_goes_away_is_a_finding_too(tmp_path, monkeypatch):
    """RES851, and not an error of the service's own kind."""
    fake_wandb(monkeypatch)
    log = open_log("wandb", tmp_path)

    def fail(*_, **__):
        raise LookupError("connection lost")

    log._run.log = fail
    with pytest.raises(ProblemError) as caught:
        log.scalars(4, VALUES)
    assert caught.value.problem.code == "RES851"
    assert caught.value.problem.notes == ("wandb reports: connection lost",)


def test_mlflow_keeps_runs_in_a_database(tmp_path, monkeypatch):
    """Figures go to the run of the folder, made once; the default store is SQLite beside the folder."""
    pytest.importorskip("mlflow", reason="the optional tracker is not installed")
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)
    for step in (1, 2):
        log = open_log("mlflow", tmp_path / "run")
        log.scalars(step, VALUES)
        log.close()
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("pain").experiment_id])
    assert [item.step for item in client.get_metric_history(run.info.run_id, "train/loss")] == [1, 2]
    assert run.data.metrics["val/pain.left/f1"] == 0.25
    assert run.data.params["phases.fit.optimizer.lr"] == "0.1"


def test_what_the_disk_refuses_of_tensorboard_is_a_finding(tmp_path, monkeypatch, capfd):
    """A full disk and a folder that was deleted are RES851 where figures are given, without a thread or a traceback."""
    from tensorboard.summary.writer import record_writer

    before = threading.active_count()
    log = open_log("tensorboard", tmp_path / "full")
    assert threading.active_count() == before

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(record_writer.RecordWriter, "write", full)
        with pytest.raises(ProblemError, match="cannot write metrics any more") as caught:
            log.scalars(1, VALUES)
    assert caught.value.problem.code == "RES851"
    log.close()
    log = open_log("tensorboard", tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    monkeypatch.setattr("declare.components.trackers.tensorboard._FLUSH_SECONDS", 0.0)
    with pytest.raises(ProblemError, match="cannot write metrics any more"):
        log.scalars(1, VALUES)
    log.close()
    assert capfd.readouterr().err == ""


def test_a_place_that_tensorboard_cannot_write_to_is_a_finding(tmp_path):
    """A file that stands where its folder goes is RES851."""
    (tmp_path / "tensorboard").write_text("")
    with pytest.raises(ProblemError, match="could not be opened"):
        open_log("tensorboard", tmp_path)
