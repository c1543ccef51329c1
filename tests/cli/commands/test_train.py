"""`train` and what follows it: folders, exit codes, resuming, evaluating, predicting, reporting."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from declare.__main__ import main
from tests.cli.commands.test_validate import BAD, GOOD

EXPECTING = GOOD + 'expect: {val/kind/loss: "<= 1e-6"}\n'
UNLABELLED = """declare: 1
name: unlabelled
datasets:
  t:
    source: {type: csv, path: table.csv}
    fields: {x: {type: number}, y: {type: number}, part: {type: category}}
    split: {column: part}
model:
  encoder: {type: mlp, input: x, hidden: [2]}
tasks:
  y: {type: regression, target: y}
phases:
  fit: {steps: 2, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
tracking: []
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a short run."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "spec.yaml").write_text(GOOD)
    assert main(["train", str(folder / "spec.yaml"), "--run-dir", str(folder / "run"), "--quiet"]) == 0
    return folder / "run"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with specs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / "expecting.yaml").write_text(EXPECTING)
    return tmp_path


def test_the_folder_is_said_first_and_last(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --run-dir a run goes to `runs/NAME/TIME`, which is printed first and last."""
    assert main(["train", "good.yaml", "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (folder,) = (here / "runs" / "small").iterdir()
    assert lines[0] == lines[-1] == f"run: runs/small/{folder.name}"
    assert any("kind/accuracy" in line for line in lines)


def test_the_folder_holds_the_run(run: Path) -> None:
    """Spec, plan, events, metrics, checkpoints and a report page are in the run folder."""
    names = {path.name for path in run.iterdir()}
    files = "spec.yaml plan.json events.jsonl metrics.csv metrics.json checkpoints report.html"
    assert set(files.split()) <= names
    assert (run / "spec.yaml").read_text() == GOOD
    assert "<svg" in (run / "report.html").read_text()


def test_a_figure_that_is_not_defined_is_null_in_every_file(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target without labels in validation gives null in JSON, and a run that has finished all the same."""
    rows = (f"{n},{n % 7 if n < 30 else ''},{'val' if n > 29 else 'train'}\n" for n in range(40))
    (here / "table.csv").write_text("x,y,part\n" + "".join(rows))
    (here / "unlabelled.yaml").write_text(UNLABELLED)
    assert main(["train", "unlabelled.yaml", "--run-dir", "run", "--quiet"]) == 0

    def refuse(word: str) -> None:
        raise AssertionError(word)

    for path in (*(here / "run").rglob("*.json"), *(here / "run").glob("*.jsonl")):
        for text in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
            json.loads(text, parse_constant=refuse)
    assert json.loads((here / "run" / "metrics.json").read_text())["val/y/loss"] is None
    capsys.readouterr()
    for command in ("evaluate", "report"):
        assert (
            main([command, "run", "--format", "json", *(["--split", "val"] * (command == "evaluate"))]) == 0
        )
        json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert main(["train", "unlabelled.yaml", "--resume", "run", "--quiet"]) == 0
    assert "y/loss" in capsys.readouterr().out


def test_a_run_goes_on_with_another_plan_where_that_is_allowed(
    here: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another rate is refused with a way out; `--allow-changes` takes it, says each change, and needs --resume."""
    shutil.copytree(run, "run")
    words = ["train", "good.yaml", "--run-dir", "run", "--resume", "--set", "phases.fit.epochs=9"]
    words += ["--set", "description=longer"]
    assert main([*words, "--quiet"]) == 2
    refused = capsys.readouterr().err
    assert "error[RES806]" in refused
    assert "`--allow-changes`" in refused
    assert main([*words, "--allow-changes"]) == 0
    said = capsys.readouterr().err
    assert "plan: `description` was None, is now 'longer' (harmless: it is for people)" in said
    assert "(allowed: from here on another run)" in said
    assert (here / "run" / "plan-1.json").read_bytes() == (run / "plan.json").read_bytes()
    assert main(["train", "good.yaml", "--allow-changes"]) == 2
    assert "add --resume" in capsys.readouterr().err


def test_a_spec_with_errors_trains_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Findings exit with 1 and no run folder is made."""
    assert main(["train", "bad.yaml"]) == 1
    assert "error[" in capsys.readouterr().err
    assert not (here / "runs").exists()


def test_a_missed_bound_fails(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that ends outside of `expect` exits with 1 and names the bound."""
    assert main(["train", "expecting.yaml", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == 1
    assert answer["metrics"]["val/kind/loss"] > 1e-6
    errors = [item for item in answer["diagnostics"] if item["severity"] == "error"]
    assert [item["line"] for item in errors] == [14]


def test_a_run_is_never_overwritten(run: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that holds a run is refused with 2, as text and as JSON, and stays as it is."""
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert main(["train", "good.yaml", "--run-dir", str(run)]) == 2
    assert "RES803" in capsys.readouterr().err
    assert main(["train", "good.yaml", "--run-dir", str(run), "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["code"] == "RES803"
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_finished_run_resumes_to_itself(run: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--resume` of a run that is done trains nothing and gives its metrics again, by either flag."""
    for words in (["--resume", str(run)], ["--run-dir", str(run), "--resume"]):
        assert main(["train", "good.yaml", *words, "--format", "json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["metrics"] == json.loads((run / "metrics.json").read_text())


def test_resume_alone_takes_the_newest(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--resume` without a folder continues the newest run of the spec's name, or says that there is none."""
    assert main(["train", "good.yaml", "--resume"]) == 2
    assert "RES808" in capsys.readouterr().err
    assert main(["train", "good.yaml", "--quiet"]) == 0
    first = capsys.readouterr().out.splitlines()[-1]
    assert main(["train", "good.yaml", "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == first


def test_resume_and_run_dir_exclude_each_other(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two flags that name the folder are a usage error."""
    assert main(["train", "good.yaml", "--resume", "y", "--run-dir", "x"]) == 2
    assert "contradict" in capsys.readouterr().err


def test_evaluate_gives_the_final_metrics(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evaluating the best weights on the validation split gives what the run ended with."""
    assert main(["evaluate", str(run), "--split", "val", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    final = json.loads((run / "metrics.json").read_text())
    assert found == pytest.approx({name: final[name] for name in found})
    assert "val/kind/accuracy" in found


def test_predict_gives_a_row_per_sample(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Predicting a split prints csv with the class of each sample, or JSON where asked."""
    assert main(["predict", str(run), "--split", "val"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    plan = json.loads((run / "plan.json").read_text())
    assert len(rows) == plan["datasets"]["data"]["splits"]["val"]
    assert {row["kind.class"] for row in rows} <= {"stimulus_0", "stimulus_1", "stimulus_2"}
    assert main(["predict", str(run), "--split", "val", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == len(rows)


def test_report_tells_of_spec_and_run(run: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spec's report is of the plan, a run's of what happened; `--html` writes a page."""
    assert main(["report", "good.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "planned"
    assert main(["report", str(run), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    assert main(["report", str(run)]) == 0
    assert "kind/accuracy" in capsys.readouterr().out
    assert main(["report", str(run), "--html", "page.html"]) == 0
    assert (here / "page.html").read_text().lower().startswith("<!doctype html>")
    capsys.readouterr()


def test_profile_splits_the_step(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Profiling tells where a step's time goes and writes a trace for TensorBoard."""
    words = ["profile", "good.yaml", "--steps", "2", "--output", "traces", "--format", "json"]
    assert main(words) == 0
    (phase,) = json.loads(capsys.readouterr().out)["phases"]
    assert {"data", "forward", "backward", "optimizer"} <= set(phase["seconds"])
    assert Path(phase["trace"]).is_file()


@pytest.mark.parametrize("words", [["evaluate"], ["predict"], ["report"]])
def test_what_is_no_run_is_refused(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without a run exits with 2 and says so, as JSON where asked."""
    (here / "empty").mkdir()
    assert main([*words, "empty", "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["name"] == "not-a-run"


def test_damaged_statistics_are_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evaluating and predicting with half a statistics file says which file, and what to do."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "statistics.json").write_text('{"wine": {"0.fea')
    for words in (["evaluate", str(copy), "--split", "val"], ["predict", str(copy), "--split", "val"]):
        assert main(words) == 2
        assert "statistics.json" in capsys.readouterr().err


def test_predicting_an_empty_split_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A split without samples gives no table without rows."""
    assert main(["predict", str(run), "--split", "test"]) == 2
    assert "RES815" in capsys.readouterr().err


def test_inspecting_shows_and_saves_activations(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Statistics of the modules that a pattern matches, and their activations for every sample."""
    saved = tmp_path / "seen.npz"
    words = ["inspect", str(run), "--modules", "encoder*", "--output", str(saved), "--samples", "7"]
    assert main([*words, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["samples"] == 7
    assert said["nonfinite_source"] is None
    names = [item["name"] for item in said["modules"]]
    assert names
    assert all(name.startswith("encoder") for name in names)
    with np.load(saved) as arrays:
        assert set(arrays) == set(names)
        assert all(len(array) == 7 for array in arrays.values())
    assert main(["inspect", str(run)]) == 0
    assert "heads.kind" in capsys.readouterr().out
    assert main(["inspect", str(run), "--modules", "nosuch.*"]) == 2
    assert "REF202" in capsys.readouterr().err
