"""A request to stop is heard at once where a run is at something long, and nothing of the run is another for it."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from declare.lowering.evaluation.interruption import Interruption
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.distributed import signal_handler
from declare.runtime.distributed.signal_handler import EvaluationInterruption, StopFlag, StopRequestedError
from declare.runtime.run_folder.folder import Run
from tests.harness import fake_builder
from tests.harness.fake_builder import train
from tests.runtime.resume.test_resume import assert_equal, clean, fingerprint  # noqa: F401 - a fixture

LONG = 60.0
ASKED = [0.0]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def ask_and_wait():
    """Ask this process to stop, in the midst of something that takes long."""
    ASKED[0] = time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LONG)


def waited():
    """Return how many seconds ago it was asked to stop; on a busy machine saving and closing take some."""
    return time.monotonic() - ASKED[0]


def long_evaluation(number):
    """Return a factory of training parts whose evaluation of this number draws, asks to stop and takes long."""

    def make(plan, place, device, tell, world):
        parts = fake_builder.FakeBuilder(plan)
        evaluate = parts.evaluate

        def slow(split, tasks):
            torch.rand(3)  # what an evaluation draws is drawn once, however often it is begun
            if len(parts.evaluations) == number:
                ask_and_wait()
            return evaluate(split, tasks)

        parts.evaluate = slow
        return parts

    return make


def drawing(plan, place, device, tell, world):
    """Make training parts whose evaluations draw, as those of the long ones do."""
    return long_evaluation(-1)(plan, place, device, tell, world)


@pytest.mark.parametrize("number", [0, 1, 4, 5, 9])
def test_a_stop_in_an_evaluation_leaves_it_to_the_run_that_goes_on(tmp_path, clean, number):  # noqa: F811
    """Within a second, with the state of its step saved; the run that goes on ends bit by bit as if undisturbed."""
    outcome = train(fake_builder.hard_plan(), "x", tmp_path / "run", make_builder=long_evaluation(number))
    assert waited() < LONG / 2
    assert outcome.status == 75
    run = Run(tmp_path / "run")
    assert run.status == "stopped"
    assert run.checkpoints()[0].step == next(run.events("run_stopped"))["total"]
    assert (
        train(fake_builder.hard_plan(), "x", tmp_path / "run", resume=True, make_builder=drawing).status == 0
    )
    drawn = tmp_path / "drawn"
    assert train(fake_builder.hard_plan(), "x", drawn, make_builder=drawing).status == 0
    assert_equal(fingerprint(tmp_path / "run"), fingerprint(drawn))
    assert fingerprint(drawn)["final"] == clean["final"]


def test_a_stop_in_the_last_evaluation_leaves_the_learning_rate_of_the_last_step(tmp_path):
    """Also where no step follows that would set it."""
    plan = fake_builder.make_plan(fake_builder.phase())
    for place, ways in (("clean", [drawing]), ("run", [long_evaluation(2), drawing])):
        for index, make in enumerate(ways):
            train(plan, "x", tmp_path / place, resume=index > 0, make_builder=make)
    ends = [Run(tmp_path / place).checkpoints()[0].skeleton() for place in ("clean", "run")]
    rates = [[group["lr"] for group in end["optimizer"]["param_groups"]] for end in ends]
    assert len(list(Run(tmp_path / "run").events("run_stopped"))) == 1
    assert rates[0] == rates[1]


@pytest.mark.parametrize("where", ["make", "loader", "probe", "final"])
def test_a_stop_where_nothing_is_to_be_saved_leaves_at_once(tmp_path, where):
    """While data are opened, a phase begins, probes or final figures are computed; the run goes on from there."""
    probes = (
        ({"name": "p", "task": "digit", "wires": (), "block": {"type": "linear"}},)
        if where == "probe"
        else ()
    )
    plan = fake_builder.make_plan(fake_builder.phase(probes=probes))
    slow = {"now": True}

    def make(plan, place, device, tell, world):
        parts = fake_builder.FakeBuilder(plan)
        parts.probe = lambda _: {}

        def late(name):
            real = getattr(parts, name)

            def call(*words):
                if slow["now"] and (name != "evaluate" or words[0] == "test"):
                    ask_and_wait()
                return real(*words)

            setattr(parts, name, call)

        if where == "make" and slow["now"]:
            ask_and_wait()
        late(
            {"make": "sync_skipped_samples", "final": "evaluate"}.get(where, where)
        ) if where != "make" else None
        return parts

    assert train(plan, "x", tmp_path / "run", make_builder=make).status == 75
    assert waited() < LONG / 2
    assert [event["reason"] for event in Run(tmp_path / "run").events("run_stopped")] == ["SIGTERM"]
    assert train(plan, "x", tmp_path / "run", resume=True, make_builder=make).status == 75
    stopped = list(Run(tmp_path / "run").events("run_stopped"))
    saved = Run(tmp_path / "run").checkpoints()
    assert [event.get("total", 0) for event in stopped] == [saved[0].step if saved else 0] * 2
    slow["now"] = False
    assert train(plan, "x", tmp_path / "run", resume=True, make_builder=make).status == 0
    assert train(plan, "x", tmp_path / "clean", make_builder=make).metrics == Run(tmp_path / "run").final


def test_a_request_from_a_thread_interrupts_too():
    """A launched process hears of it from a thread, while its main thread waits."""
    import threading

    with StopFlag() as flag:
        threading.Timer(0.2, signal_handler.request_stop, ["an order"]).start()
        began = time.monotonic()
        with pytest.raises(StopRequestedError), flag.interruptible():
            time.sleep(LONG)
        assert time.monotonic() - began < LONG / 2
        assert flag.reason == "an order"


class Two(ProcessGroup):
    """A group of two, of which the other one has broken off."""

    size = 2

    def __init__(self, other):
        self.other = other

    def any(self, flag):
        return flag or self.other


def test_processes_leave_an_evaluation_together():
    """One that was not asked leaves with the one that was; where none was, all go on."""
    with pytest.raises(StopRequestedError), EvaluationInterruption(Two(True), sharded=False).interruptible():
        pass
    with EvaluationInterruption(Two(False), sharded=False).interruptible() as _:
        Interruption().check()
    assert EvaluationInterruption(Two(True), sharded=True).is_requested()
    assert not EvaluationInterruption(Two(True), sharded=False).is_requested()


def test_a_process_of_a_group_leaves_a_batch_at_once():
    """However long a batch takes; the group goes the same way, so that nothing of it counts as left alone."""
    with StopFlag() as flag:
        with (
            pytest.raises(StopRequestedError),
            EvaluationInterruption(Two(False), sharded=False).interruptible(),
        ):
            ask_and_wait()
        assert waited() < LONG / 2
        assert flag.raised
        assert not flag.interrupted
        with (
            pytest.raises(StopRequestedError),
            EvaluationInterruption(Two(False), sharded=False).interruptible(),
        ):
            pytest.fail("a request from before is heard, too")


def test_nobody_who_reads_is_needed_to_hear_a_request(tmp_path: Path):
    """A signal counts where the pipe of standard error is broken."""
    read, write = os.pipe()
    os.close(read)
    kept = os.dup(2)
    os.dup2(write, 2)
    try:
        with StopFlag() as flag:
            os.kill(os.getpid(), signal.SIGINT)
            assert flag.raised
            assert flag.reason == "SIGINT"
    finally:
        os.dup2(kept, 2)
