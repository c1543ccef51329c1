"""States written in the background are those of their step, and what goes wrong there is heard."""

import errno
import hashlib
import os
import threading
import time

import pytest
import torch

from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.atomic_write import CheckpointStore
from declare.runtime.checkpoint.background import Worker
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.checkpoint.saver import CheckpointSaver, _state_bytes
from declare.runtime.checkpoint.state_tree import StateTree
from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.manifest import damage
from declare.runtime.run_folder.progress import TrainProgress
from tests.harness import fake_builder
from tests.harness.fake_builder import train


@pytest.fixture(autouse=True)
def _background(monkeypatch):
    """Write every state in the background, however small."""
    torch.set_num_threads(1)
    monkeypatch.setattr("declare.runtime.checkpoint.saver._WORTH_BYTES", 0)


def digests(place):
    """Return the hash of every tensor file of a run's checkpoints."""
    files = sorted((place / "checkpoints").glob("step-*/*.safetensors"))
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Slow:
    """Holds every write back until `go` is set; `begun` says that one is under way."""

    def __init__(self, monkeypatch):
        self.begun, self.go = threading.Event(), threading.Event()
        write = CheckpointStore.write

        def held(store, snapshot):
            self.begun.set()
            assert self.go.wait(20)
            return write(store, snapshot)

        monkeypatch.setattr(CheckpointStore, "write", held)


def saver_of(folder, graph):
    """Return a function that saves a graph at a step, and the saver."""
    folder.mkdir(exist_ok=True)
    saver, tree, course = CheckpointSaver(folder, fake_builder.ABOUT), StateTree(), TrainProgress(phase="fit")
    tree["model"], tree["course"] = graph, course

    def save(step, *, wait=False):
        course.step = course.total = step
        return saver.save(course, tree, graph, None, fake_builder.phase(), wait=wait)

    return saver, save


def test_a_run_that_saves_in_the_background_is_the_same_run(tmp_path, monkeypatch):
    """Every tensor of every checkpoint is the same, whether training waited for the disk or not."""
    plan = fake_builder.hard_plan()
    train(plan, "x", tmp_path / "beside", make_builder=fake_builder.make)
    monkeypatch.setattr("declare.runtime.checkpoint.saver._WORTH_BYTES", 1 << 60)
    train(plan, "x", tmp_path / "waited", make_builder=fake_builder.make)
    assert digests(tmp_path / "beside") == digests(tmp_path / "waited")
    told = [
        [(event["sequence"], event["total"]) for event in Run(tmp_path / name).events("checkpoint_saved")]
        for name in ("beside", "waited")
    ]
    assert told[0] == told[1]


def test_a_state_is_that_of_its_step_though_training_goes_on(tmp_path, monkeypatch):
    """Weights that change while their state is being written do not change in it."""
    slow, graph = Slow(monkeypatch), torch.nn.Linear(3, 2)
    saver, save = saver_of(tmp_path, graph)
    before = {name: tensor.clone() for name, tensor in graph.state_dict().items()}
    assert save(1) == []
    with torch.no_grad():
        graph.weight.add_(1)
    assert saver.collect() == []
    slow.go.set()
    (saved,) = saver.collect(wait=True)
    assert torch.equal(read_tensors(saved.weights)["weight"], before["weight"])
    assert damage(saved) is None
    assert saver.collect() == []


def test_only_one_state_is_written_at_a_time(tmp_path, monkeypatch):
    """A second save waits for the first one, and hands it over."""
    slow, graph = Slow(monkeypatch), torch.nn.Linear(3, 2)
    _, save = saver_of(tmp_path, graph)
    save(1)
    threading.Timer(0.2, slow.go.set).start()
    began = time.perf_counter()
    assert [saved.step for saved in save(2)] == [1]
    assert time.perf_counter() - began > 0.1
    assert [saved.step for saved in save(3, wait=True)] == [2, 3]


def test_a_step_is_told_as_saved_only_when_it_is_durable(tmp_path, monkeypatch):
    """While a state is being written nobody is told that it is saved; the event then names the step of the state."""
    slow = Slow(monkeypatch)
    seen = []

    class Watch(Listener):
        def on_event(self, event):
            if event.name == "step" and event.step == 12:
                slow.go.set()
                time.sleep(0.3)
            if event.name == "checkpoint_saved":
                saved = Run(tmp_path / "run").checkpoints()
                seen.append(
                    (event.step, slow.go.is_set(), event["sequence"] in {each.sequence for each in saved})
                )

    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=8))
    assert train(plan, "x", tmp_path / "run", listeners=[Watch()], make_builder=fake_builder.make).status == 0
    assert seen == [(8, True, True), (16, True, True), (24, True, True)]


@pytest.mark.parametrize(("code", "finding"), [(errno.ENOSPC, "RES804"), (errno.EIO, "RES812")])
def test_a_disk_that_fails_in_the_background_ends_the_run(tmp_path, monkeypatch, code, finding):
    """What a write in the background meets is the run's finding at the next boundary; the state before it stays."""
    write, broken = os.write, threading.Event()

    def refuse(descriptor, data):
        if broken.is_set() and len(data) > 1000:
            raise OSError(code, os.strerror(code))
        return write(descriptor, data)

    commit = CheckpointStore.write

    def breaking(store, snapshot):
        if snapshot.step == 12:
            broken.set()
        return commit(store, snapshot)

    monkeypatch.setattr(CheckpointStore, "write", breaking)
    monkeypatch.setattr(os, "write", refuse)
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=4))
    outcome = train(plan, "x", tmp_path / "run", make_builder=fake_builder.make)
    assert (outcome.status, outcome.problems[0].code) == (4, finding)
    assert Run(tmp_path / "run").checkpoints()[0].step == 8
    assert [event["total"] for event in Run(tmp_path / "run").events("checkpoint_saved")] == [4, 8]
    broken.clear()
    monkeypatch.setattr(CheckpointStore, "write", commit)
    train(plan, "x", tmp_path / "clean", make_builder=fake_builder.make)
    assert train(plan, "x", tmp_path / "run", resume=True, make_builder=fake_builder.make).status == 0
    assert digests(tmp_path / "run") == digests(tmp_path / "clean")


def test_weights_that_are_not_finite_are_not_saved_in_the_background_either(tmp_path):
    """A state with a weight that is not a number is refused, and the one before it stays."""
    graph = torch.nn.Linear(3, 2)
    saver, save = saver_of(tmp_path, graph)
    save(1, wait=True)
    with torch.no_grad():
        graph.weight[0, 0] = float("nan")
    save(2)
    with pytest.raises(ProblemError) as caught:
        saver.collect(wait=True)
    assert caught.value.problem.code == "PHS620"
    assert [saved.step for saved in CheckpointStore(tmp_path).all_checkpoints()] == [1]


def test_a_failing_run_lets_its_last_state_be_written(tmp_path, monkeypatch):
    """A run that ends with an error gives up its folder only when nothing is being written there any more."""
    slow = Slow(monkeypatch)

    def failing(step, batch):
        if step == 9:
            threading.Timer(0.2, slow.go.set).start()
            raise RuntimeError("broken batch")
        return batch

    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=8))
    outcome = train(
        plan, "x", tmp_path / "run", make_builder=lambda *a: fake_builder.FakeBuilder(a[0], failing)
    )
    assert (outcome.status, outcome.problems[0].code) == (4, "PHS621")
    assert [saved.step for saved in Run(tmp_path / "run").checkpoints()] == [8]
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))
    assert "saving" not in {thread.name for thread in threading.enumerate()}


def test_a_worker_hands_over_results_and_errors_once():
    """Results come in order and once; an error is raised by the next call alone."""
    worker = Worker()
    assert worker.collect(wait=True) == []
    worker.start(lambda: 1)
    worker.join()
    assert worker.collect() == [1]
    worker.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        worker.collect(wait=True)
    assert worker.collect(wait=True) == []


def test_a_disk_needs_room_for_what_is_still_to_come(tmp_path, monkeypatch):
    """Checkpoints count as large as they are, as many as stand at once, without those that stand there already."""
    from declare.ir.checkpoint_files import max_checkpoints
    from declare.ir.plan import BestPlan

    best = BestPlan(metric="val/digit/loss", mode="min")
    phases = [
        fake_builder.phase("a", best=best, keep_checkpoints=3),
        fake_builder.phase("b"),
        fake_builder.phase("c", best=best),
    ]
    assert max_checkpoints(phases) == 6  # two newest, two ends, two best
    assert max_checkpoints([fake_builder.phase(keep_checkpoints=1)]) == 1
    assert (
        max_checkpoints([fake_builder.phase(keep_checkpoints=2**31)]) == 4
    )  # of 24 steps, one every 8; a stop
    plain = fake_builder.make_plan(fake_builder.phase(optimizer={"type": "sgd", "lr": 0.1, "momentum": 0.0}))
    assert _state_bytes(100, plain) == 100
    assert _state_bytes(100, fake_builder.make_plan(fake_builder.phase(ema={"decay": 0.9}))) == 500
    plan = fake_builder.make_plan(fake_builder.phase(keep_checkpoints=4))
    assert train(plan, "x", tmp_path / "run", make_builder=fake_builder.make).status == 0
    saver, graph = CheckpointSaver(tmp_path / "run", {}), fake_builder.FakeBuilder(plan).graph
    sizes = [
        sum(facts["bytes"] for facts in saved.manifest["files"].values())
        for saved in CheckpointStore(tmp_path / "run").all_checkpoints()
    ]
    missing = 5 * max(sizes) - sum(sizes)
    monkeypatch.setattr("declare.runtime.checkpoint.saver.free_bytes", lambda _: missing)
    saver.require_space(graph, plan)
    monkeypatch.setattr("declare.runtime.checkpoint.saver.free_bytes", lambda _: missing - 1)
    with pytest.raises(ProblemError) as caught:
        saver.require_space(graph, plan)
    assert caught.value.problem.code == "RES804"
    assert caught.value.problem.notes[1].startswith("5 checkpoints of about")


def test_a_finding_of_a_full_disk_does_not_contradict_itself(tmp_path, monkeypatch):
    """What is needed is told where it is more than what is free; sizes are rounded into their unit."""
    from declare.runtime.run_folder import durable_io

    monkeypatch.setattr(durable_io, "free_bytes", lambda _: 2_000_000)
    assert (
        durable_io.disk_full_problem(tmp_path, 3_000_000).title
        == "the disk is full: 3.0 MB needed, 2.0 MB free"
    )
    assert durable_io.disk_full_problem(tmp_path, 1_000_000).title == "the disk is full: 2.0 MB free"
    sizes = [0, 999, 1000, 999_949, 999_950, 999_999_999, 1e15]
    assert list(map(durable_io.readable_bytes, sizes)) == [
        *("0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.0 GB", "1000.0 TB")
    ]
