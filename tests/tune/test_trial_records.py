"""What a search on a cluster keeps of its trials: numbers, how they stand, and what it came to in the end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from declare.language.spec import Space, Tune
from declare.tune.engines import ray as engines
from declare.tune.engines.ray import RayEngine
from declare.tune.search import Search, Trial
from declare.tune.space import to_database
from declare.tune.trial_records import Records

TUNE = Tune(metric="val/t/loss", mode="min", trials=4, space={"a": Space(log=[0.1, 1.0])})


def test_numbers_stay_with_their_trials(tmp_path: Path) -> None:
    """Each name has one number, in the order of their coming, for whoever asks and whenever."""
    assert [Records(tmp_path).number(name) for name in ("88c04294", "x_00001", "88c04294")] == [0, 1, 0]
    assert Records(tmp_path).number("later") == 2


def test_a_record_is_what_was_written(tmp_path: Path) -> None:
    """Records are read back as they were; one that is torn is none."""
    records = Records(tmp_path)
    done = Trial(3, {"a": 0.5, "b": [1, 2]}, "complete", 0.25, 1.5, "")
    records.write(done)
    assert records.all() == [done]
    (tmp_path / "records" / "0003.json").write_text('{"number": 3')
    assert records.read(3) is None


def test_a_stop_is_ordered_and_forgotten(tmp_path: Path) -> None:
    """Trials hear of a stop until the search goes on."""
    records = Records(tmp_path)
    assert records.stop_reason() == ""
    records.order_stop("SIGTERM")
    assert records.stop_reason() == "SIGTERM"
    records.forget_stop()
    assert records.stop_reason() == ""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RayEngine:
    """Return an engine in a folder of its own."""
    monkeypatch.setattr(engines, "require", lambda *_, **__: None)
    return RayEngine(Search(tmp_path / "spec.yaml", folder=tmp_path), TUNE, 0, 10)


def item(number: int, error: Exception | None = None, **metrics: Any) -> SimpleNamespace:
    """Stand for what Ray knows of a trial."""
    return SimpleNamespace(path=f"/s/ray/{number:04d}", config={"a": 0.5}, error=error, metrics=metrics)


def test_what_trials_could_not_say_is_recorded(tmp_path: Path, engine: RayEngine) -> None:
    """Those that Ray ended are pruned, those whose process died are broken; what a trial said itself stays."""
    records = Records(tmp_path)
    records.write(Trial(0, {"a": 0.5}, "failed", reason="its loss is not finite"))
    records.write(Trial(1, {"a": 0.5}, "running"))
    grid = [item(0, RuntimeError("x")), item(1, value=0.75, time_total_s=2.0), item(2, OSError("a\nkilled"))]
    engine._record_results(grid, stopped=False)
    assert [(trial.state, trial.value, trial.reason) for trial in engine.trials()] == [
        ("failed", None, "its loss is not finite"),
        ("pruned", 0.75, "worse than the others at the same step"),
        ("broken", None, "killed"),
    ]


def test_a_stop_leaves_trials_open(tmp_path: Path, engine: RayEngine) -> None:
    """What was under way when the search was stopped is not taken for pruned."""
    Records(tmp_path).write(Trial(0, {"a": 0.5}, "stopped"))
    engine._record_results([item(0, value=0.75)], stopped=True)
    assert [trial.state for trial in engine.trials()] == ["stopped"]


def test_only_missing_trials_are_drawn(tmp_path: Path, engine: RayEngine) -> None:
    """A later part of a search draws what is missing."""
    assert engine._missing() == 4
    for number in range(3):
        Records(tmp_path).write(Trial(number, {"a": 0.5}, "complete", 0.5))
    engine._record_results([item(number) for number in range(3)], stopped=False)
    assert engine._missing() == 1


def test_a_trial_that_ray_forgot_is_given_up(tmp_path: Path, engine: RayEngine) -> None:
    """A trial that had just begun when its search was killed is closed, since another was drawn for it."""
    records = Records(tmp_path)
    records.write(Trial(0, {"a": 0.5}, "complete", 0.5))
    records.write(Trial(1, {"a": 0.5}, "running"))
    engine._record_results([item(0)], stopped=False)
    engine._give_up_lost()
    assert [trial.state for trial in engine.trials()] == ["complete", "failed"]


def test_choices_that_are_lists_come_back_as_lists(engine: RayEngine) -> None:
    """Samplers hold plain values only; a trial gets what the space states."""
    values = [[4], [8, 8], {"x": 1}, "plain", 3, None]
    assert all(isinstance(to_database(value), str | int | None) for value in values)
    assert (
        list(engines._point({str(i): to_database(value) for i, value in enumerate(values)}).values())
        == values
    )


def test_a_trial_that_has_ended_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for again, a trial gives what it came to; one that is to stop does not begin."""
    run: list[int] = []

    def train(*given: Any) -> Trial:
        run.append(given[1])
        return Trial(given[1], given[2], "complete", 0.5, 1.0)

    monkeypatch.setattr(engines, "run_trial", train)
    monkeypatch.setattr(engines, "import_module", lambda _: SimpleNamespace())
    records = Records(tmp_path)
    trainable = engines._Trainable(Search(tmp_path / "spec.yaml", folder=tmp_path), "val/t/loss")
    assert trainable._run(records, 0, {"a": 1}).state == "complete"
    assert trainable._run(records, 0, {"a": 1}).value == 0.5
    records.order_stop("SIGINT")
    assert trainable._run(records, 1, {"a": 1}).state == "stopped"
    assert run == [0]
