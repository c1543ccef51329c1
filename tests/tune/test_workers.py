"""Workers of a search: what each is given, what becomes of the trials of one that dies, how they are stopped."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from declare.language.spec import Space, Tune
from declare.runtime.distributed.signal_handler import StopFlag
from declare.tune.engines import optuna as engines
from declare.tune.engines.optuna import OptunaEngine
from declare.tune.search import Search, Trial
from declare.tune.search_signals import GONE, ParentPipe, SearchStop
from declare.tune.workers import cards, cause, environments

TUNE = Tune(
    metric="val/t/loss",
    mode="min",
    trials=3,
    sampler="random",
    space={"a": Space(log=[0.1, 1.0]), "b": Space(choices=[1, 2])},
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., OptunaEngine]:
    """Return what makes engines of one search, as its processes do."""
    (tmp_path / "trials").mkdir()
    return lambda tune=TUNE: OptunaEngine(Search(tmp_path / "spec.yaml", folder=tmp_path), tune, 0, 10)


def complete(*given: Any) -> Trial:
    """Stand for a trial that comes to its end."""
    return Trial(given[1], given[2], "complete", float(given[1]), 1.0)


def stopped(*given: Any) -> Trial:
    """Stand for a trial that is stopped on request after two seconds."""
    return Trial(given[1], given[2], "stopped", seconds=2.0)


def test_each_worker_has_a_card_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards are dealt out in turn among those that are visible; specs for the processor get none."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5,GPU-7")
    assert cards("cpu") == []
    assert cards("auto") == ["2", "5", "GPU-7"]
    given = environments(4, cards("cuda"))
    assert [place["CUDA_VISIBLE_DEVICES"] for place in given] == ["2", "5", "GPU-7", "2"]
    assert all(int(place["OMP_NUM_THREADS"]) >= 1 for place in given)


def test_without_cards_the_variable_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are none, workers see what the search saw; threads that the user has set stay."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environments(2, cards("auto")) == [{"OMP_NUM_THREADS": "3", "PYTHONSAFEPATH": "1"}] * 2


def test_cards_are_counted_where_nobody_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """All cards of the machine are shared out."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert cards("auto") == ["0", "1"]


def test_a_trial_under_way_is_left_to_its_process(
    make: Callable[..., OptunaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial that a living process holds is not taken; one whose process has let go is, with its number."""
    first, second = make(), make()
    with SearchStop() as stop:
        held = first._next_trial(stop)
        other = second._next_trial(stop)
    assert held is not None
    assert other is not None
    assert {held.number, other.number} == {0, 1}
    monkeypatch.setattr(engines, "run_trial", complete)
    first._drain_gloo()  # as the system does when the process dies
    told: list[int] = []
    second._drain_gloo()
    with SearchStop() as stop:
        assert make().work(lambda trial: told.append(trial.number), stop)
    assert told == [0, 1, 2]
    assert [trial.state for trial in first.trials()] == ["complete"] * 3


def test_values_that_a_killed_process_had_no_time_to_draw_are_drawn(
    make: Callable[..., OptunaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial that was begun and has no values yet gets all of them from whoever takes it up."""
    make()._study.ask()  # killed before the first value
    monkeypatch.setattr(engines, "run_trial", complete)
    with SearchStop() as stop:
        engine = make()
        assert engine.work(lambda _: None, stop)
    assert [set(trial.values) for trial in engine.trials()] == [{"a", "b"}] * 3


def test_a_stopped_trial_goes_on_and_its_time_adds_up(
    make: Callable[..., OptunaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop leaves the trial under way open; its seconds are those of all its parts."""
    monkeypatch.setattr(engines, "run_trial", stopped)
    with SearchStop() as stop:
        assert not make().work(lambda _: None, stop)
    monkeypatch.setattr(engines, "run_trial", complete)
    with SearchStop() as stop:
        engine = make()
        assert engine.work(lambda _: None, stop)
    assert [trial.seconds for trial in engine.trials()] == [3.0, 1.0, 1.0]


def test_a_trial_that_kills_its_process_twice_is_given_up(make: Callable[..., OptunaEngine]) -> None:
    """After the first death it goes on; after the second it is broken, and says what ended the process."""
    watching = make()
    for number in (41, 42):
        worker = make()
        with SearchStop() as stop:
            trial = worker._next_trial(stop)
        assert trial is not None
        assert trial.number == 0
        trial.set_user_attr("processes", [number])
        worker._drain_gloo()
        assert watching.mark_failed(number, cause(-9))
    [only] = watching.trials()
    assert (only.state, only.reason) == ("broken", "its process died 2 times: killed by SIGKILL")
    assert not watching.mark_failed(43, cause(1))


def test_a_grid_that_was_cut_short_is_laid_out_in_full(
    make: Callable[..., OptunaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process killed while it writes the points of a grid down leaves none of them out, and none twice."""
    space = {"a": Space(choices=[1, 2]), "b": Space(choices=[[4], [8]])}
    tune = TUNE.model_copy(update={"sampler": "grid", "space": space, "trials": 9})
    points = list(engines.grid(tune))

    def cut(_: Tune) -> Any:
        yield points[0]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engines, "grid", cut)
        with pytest.raises(KeyboardInterrupt):
            make(tune)
    monkeypatch.setattr(engines, "run_trial", complete)
    with SearchStop() as stop:
        engine = make(tune)
        assert engine.work(lambda _: None, stop)
    found = [trial.values for trial in engine.trials()]
    assert sorted(map(str, found)) == sorted(map(str, points))


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_that_was_killed_draws_the_same_points(
    make: Callable[..., OptunaEngine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sampler: str
) -> None:
    """Draws go by the number of a trial: also those of one that was killed between its values, and of the next."""
    monkeypatch.setattr(engines, "run_trial", complete)
    tune = TUNE.model_copy(update={"sampler": sampler, "trials": 14})
    with SearchStop() as stop:
        whole = make(tune)
        assert whole.work(lambda _: None, stop)
        expected = [trial.values for trial in whole.trials()]
        assert len({str(values) for values in expected}) == 14
        (tmp_path / engines.DATABASE).unlink()
        first = make(tune.model_copy(update={"trials": 12}))
        assert first.work(lambda _: None, stop)
        half = first._study.ask()
        half._suggest("a", first._axes()["a"])  # and no time to draw the other one
        again = make(tune)
        assert again.work(lambda _: None, stop)
    assert [trial.values for trial in again.trials()] == expected


def test_a_worker_hears_its_word_and_the_end_of_its_search() -> None:
    """What the search says, or that it has gone, asks a worker to stop; until then it hears nothing."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    line = ParentPipe(ours)
    assert line() == ""
    theirs.send("SIGINT")
    assert line() == "SIGINT"
    ours, theirs = multiprocessing.Pipe(duplex=False)
    line = ParentPipe(ours)
    theirs.close()
    assert line() == GONE


def test_a_halt_reaches_a_run_that_begins_later() -> None:
    """A run that had not begun when the stop was asked for stops as well."""
    with SearchStop(lambda: "because") as stop, StopFlag() as flag:
        until = time.monotonic() + 10
        while not flag.raised and time.monotonic() < until:
            time.sleep(0.01)
        assert flag.reason == "because"
        assert stop.is_requested


def test_a_stop_after_the_last_trial_stops_nothing(
    make: Callable[..., OptunaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that has come to its end is done, whatever was asked for in its last moment."""
    monkeypatch.setattr(engines, "run_trial", complete)
    with SearchStop() as stop:
        engine = make()
        assert engine.work(lambda trial: stop.request_stop("SIGINT") if trial.number == 2 else None, stop)
        assert not make(TUNE.model_copy(update={"trials": 4})).work(lambda _: None, stop)


def test_steps_that_are_evaluated_again_raise_no_voice(make: Callable[..., OptunaEngine]) -> None:
    """A trial that goes on from a checkpoint reports steps twice, and nothing is printed of it, nor of the study."""
    import warnings

    import optuna

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        engine = make()
        trial = engine._study.ask(engine._axes())
        trial.report(0.5, 1)
        trial.report(0.5, 1)
    assert [str(item.message) for item in heard] == []
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
