"""Early stopping: when a phase stops, and that a run that goes on stops where it would have."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.runtime.listeners.early_stop import EarlyStop
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run_folder.event_file import Event
from tests.harness import fake_builder
from tests.harness.fake_builder import train
from tests.runtime.test_loop import Heard, with_parts

METRIC = "val/digit/loss"
VALUES = st.lists(
    st.sampled_from([1.0, 0.96, 0.9, 0.6, 0.3, 1.4, math.nan, math.inf]), min_size=1, max_size=20
)


def listener(mode="min", patience=8, min_delta=0.0):
    """Return the listener of a plan of one phase."""
    rule = {"metric": METRIC, "mode": mode, "patience_steps": patience, "min_delta": min_delta}
    return EarlyStop(fake_builder.make_plan(fake_builder.phase(early_stop=rule)))


def evaluated(value, step):
    """Return the event of an evaluation."""
    return Event("evaluated", step=step, phase="fit", fields={"metrics": {METRIC: value}})


def stops(item, values, start=0):
    """Return the steps at which a listener wants to stop; evaluations are 4 steps apart."""
    found = []
    for place, value in enumerate(values, start):
        if item.on_event(evaluated(value, 4 * place)) is Request.STOP_PHASE:
            found.append(4 * place)
    return found


def expected(values, mode, patience, min_delta):
    """Return the steps at which the best figure so far, beaten by more than `min_delta`, is `patience` steps old."""
    found, best, when = [], None, 0
    for place, value in enumerate(values):
        sign = 1 if mode == "max" else -1
        if math.isfinite(value) and (best is None or sign * value > sign * best + min_delta):
            best, when = value, 4 * place
        if best is not None and 4 * place - when >= patience:
            found.append(4 * place)
    return found


RULES = {
    "mode": st.sampled_from(["min", "max"]),
    "patience": st.sampled_from([1, 4, 7, 8, 12]),
    "min_delta": st.sampled_from([0.0, 0.05, 0.35]),
}


@settings(max_examples=100, deadline=None)
@given(values=VALUES, **RULES)
def test_a_phase_stops_when_the_best_figure_is_old(values, mode, patience, min_delta):
    """What does not beat the best by more than `min_delta` is no improvement; figures that are none never are."""
    assert stops(listener(mode, patience, min_delta), values) == expected(values, mode, patience, min_delta)


@settings(max_examples=60, deadline=None)
@given(values=VALUES, cut=st.integers(0, 20), **RULES)
def test_state_goes_on_where_it_was(values, cut, mode, patience, min_delta):
    """A fresh listener with the state of another one stops where that would have stopped."""
    first, other = listener(mode, patience, min_delta), listener(mode, patience, min_delta)
    before = stops(first, values[:cut])
    other.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert before + stops(other, values[cut:], cut) == stops(listener(mode, patience, min_delta), values)


def test_a_new_phase_begins_anew():
    """What another phase reached is nothing to beat."""
    item = listener(patience=4)
    stops(item, [0.1, 0.2])
    item.on_event(Event("phase_started", step=8, phase="fit"))
    assert stops(item, [0.9, 0.8, 0.7], 2) == []


class StoppedAt(Listener):
    """Asks the run to stop at a step."""

    name = "stopped_at"

    def __init__(self, step):
        self.step = step

    def next_step(self, step):
        return self.step if step < self.step else None

    def on_event(self, event):
        return Request.STOP_RUN if event.name == "boundary" and event.step == self.step else None


@pytest.mark.parametrize("at", [9, 14])
def test_a_run_that_goes_on_stops_early_where_it_would_have(tmp_path, at):
    """The best figure came before the run was stopped: patience counts from there, not from where it went on."""
    course = iter([1.0, 0.5, 0.6, 0.45, 0.6, 0.6])

    def falling(builder):
        builder.evaluate = lambda split, tasks: {METRIC: next(course)} if split == "val" else {}

    stop = {"metric": METRIC, "mode": "min", "patience_steps": 8, "min_delta": 0.1}
    plan = fake_builder.make_plan(fake_builder.phase(early_stop=stop, evaluate_every=4, steps=40))
    make, heard = with_parts(falling), Heard()
    train(plan, "x", tmp_path / "run", listeners=[StoppedAt(at)], make_builder=make)
    train(plan, "x", tmp_path / "run", resume=True, listeners=[heard], make_builder=make)
    assert [event.step for event in heard.named("early_stopped")] == [16]
