"""A run that was killed and continued ends with the same bits as one that was left alone."""

import os
import random
import subprocess
import time

import pytest
import torch

from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.checkpoint.saver import read_state
from declare.runtime.run_folder.folder import Run
from tests.harness import fake_builder
from tests.harness.fake_builder import train
from tests.harness.forkserver import ForkedProcess

TIMES = ("samples_per_second",)


def launch(place, mode, **environ):
    """Start a process that trains the hard plan."""
    return ForkedProcess("tests.harness.fake_builder", str(place), mode, env=environ)


def fingerprint(place):
    """Return everything of a finished run that must not depend on how often it was killed."""
    run = Run(place)
    newest = run.checkpoints()[0]
    state = read_state(newest)
    rows = [row for row in run.metrics() if not row["metric"].endswith(TIMES)]
    return {"final": run.final, "course": state["course"], "rows": rows, "tensors": tensors(state)} | {
        f"weights {which}": read_tensors(run.weights_path(which)) for which in ("one", "two")
    }


def tensors(tree):
    from declare.nn.state_tree import encode

    return encode({key: value for key, value in tree.items() if key != "window"})[0]


def assert_equal(left, right, where=""):
    if isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_equal(left[key], right[key], f"{where}/{key}")
    elif isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    else:
        assert left == right, where


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A run that nobody disturbed."""
    place = tmp_path_factory.mktemp("clean") / "run"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert (
            train(fake_builder.hard_plan(), "declare: 1\n", place, make_builder=fake_builder.make).status == 0
        )
    finally:
        torch.set_num_threads(threads)
    return fingerprint(place)


class KilledError(Exception):
    """Stands for the end of the process."""


def dying_builder(step, phase):
    """Return a factory of builders whose feed dies at a step of a phase, as a kill would."""

    def make(plan, place, device, tell, world):
        builder = fake_builder.FakeBuilder(plan)
        feed = builder.loader

        class Dying:
            def __init__(self, inner):
                self.inner = inner
                self.describe_samples = inner.describe_samples

            def batches(self, start, stop):
                for number, batch in zip(range(start, stop), self.inner.batches(start, stop), strict=True):
                    if number == step:
                        raise KilledError
                    yield batch

        builder.loader = lambda which: Dying(feed(which)) if which.name == phase else feed(which)
        return builder

    return make


@pytest.mark.parametrize("phase", ["one", "two"])
@pytest.mark.parametrize("step", [0, 1, 5, 6, 7, 8, 13, 23])
def test_dying_at_a_step_changes_nothing(tmp_path, clean, step, phase):
    """Wherever training breaks off, the continued run is bit-equal to the undisturbed one."""
    place = tmp_path / "run"
    torch.set_num_threads(1)
    with pytest.raises(KilledError):
        train(fake_builder.hard_plan(), "x", place, make_builder=dying_builder(step, phase))
    assert (
        train(fake_builder.hard_plan(), "x", place, resume=True, make_builder=fake_builder.make).status == 0
    )
    assert_equal(fingerprint(place), clean)


def kill_randomly(place, seed):
    """Start the run, kill it after a random time, and go on until it finishes; return the number of kills."""
    draw = random.Random(seed)
    kills = 0
    while True:
        process = launch(place, "resume" if (place / "plan.json").exists() else "new")
        process.wait_for("ready\n")
        try:
            process.wait(draw.uniform(0, 0.15) if kills < 4 else 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0
        return kills


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_kill_9_at_random_moments_changes_nothing(tmp_path, clean, seed):
    """`kill -9` at random moments, several times in one run, leaves no trace in the result."""
    assert kill_randomly(tmp_path / "run", seed) > 0
    assert_equal(fingerprint(tmp_path / "run"), clean)


def test_kill_9_in_the_middle_of_a_phase(tmp_path, clean):
    """A real `kill -9` of a real process in mid-phase is survived, bit for bit."""
    place = tmp_path / "run"
    process = launch(place, "new", KILL_AT_STEP="16")
    process.communicate()
    assert process.returncode == -9
    assert Run(place).status == "killed"
    assert (
        train(fake_builder.hard_plan(), "x", place, resume=True, make_builder=fake_builder.make).status == 0
    )
    assert_equal(fingerprint(place), clean)


def test_sigterm_saves_and_exits_75(tmp_path, clean):
    """A stop on request saves the state between boundaries; the continued run is bit-equal, its figures too."""
    place = tmp_path / "run"

    def stopping(plan, folder, device, tell, world):
        def spoil(step, batch):
            if step == 12 and not (tmp_path / "once").exists():
                (tmp_path / "once").touch()
                os.kill(os.getpid(), 15)
                time.sleep(0.01)
            return batch

        return fake_builder.FakeBuilder(plan, spoil)

    torch.set_num_threads(1)
    assert train(fake_builder.hard_plan(), "x", place, make_builder=stopping).status == 75
    assert Run(place).status == "stopped"
    assert train(fake_builder.hard_plan(), "x", place, resume=True, make_builder=stopping).status == 0
    assert_equal(fingerprint(place), clean)


def test_a_changed_plan_is_refused_by_name(tmp_path):
    """A run is not continued with another seed, and the message names it; another `keep` does no harm."""
    place = tmp_path / "run"
    train(fake_builder.make_plan(), "x", place, make_builder=fake_builder.make)
    with pytest.raises(ProblemError, match="`seed`") as caught:
        train(fake_builder.make_plan(seed=4), "x", place, resume=True, make_builder=fake_builder.make)
    assert caught.value.problem.code == "RES806"
    harmless = fake_builder.make_plan(fake_builder.phase(keep_checkpoints=5))
    assert train(harmless, "x", place, resume=True, make_builder=fake_builder.make).status == 0


def test_a_damaged_checkpoint_is_passed_over(tmp_path, clean):
    """A flipped bit in the newest checkpoint is found, said, and the one before it is used; nothing is deleted."""
    place = tmp_path / "run"
    with pytest.raises(KilledError):
        train(fake_builder.hard_plan(), "x", place, make_builder=dying_builder(23, "two"))
    newest = Run(place).checkpoints()[0]
    data = bytearray(newest.weights.read_bytes())
    data[-5] ^= 4
    newest.weights.write_bytes(data)
    torch.set_num_threads(1)
    assert (
        train(fake_builder.hard_plan(), "x", place, resume=True, make_builder=fake_builder.make).status == 0
    )
    (said,) = Run(place).events("checkpoint_rejected")
    assert "other content" in said["reason"]
    assert (newest.path.parent / f"damaged-{newest.path.name}").is_dir()
    assert_equal(fingerprint(place), clean)


def test_the_gradient_scaler_survives(tmp_path):
    """A run in fp16 that breaks off goes on with its scale: the weights are bit-equal."""
    plan = fake_builder.make_plan(fake_builder.phase(precision="fp16", checkpoint_every=5))
    torch.set_num_threads(1)
    train(plan, "x", tmp_path / "clean", make_builder=fake_builder.make)
    with pytest.raises(KilledError):
        train(plan, "x", tmp_path / "run", make_builder=dying_builder(13, "fit"))
    assert train(plan, "x", tmp_path / "run", resume=True, make_builder=fake_builder.make).status == 0
    left, right = (read_state(Run(tmp_path / name).checkpoints()[0]) for name in ("clean", "run"))
    assert_equal(tensors(left), tensors(right))
    assert left["scaler"] == right["scaler"]
    assert left["scaler"]["scale"] > 0


def test_a_plugin_that_draws_global_random_numbers_survives(tmp_path):
    """Draws from Python's, numpy's and torch's global generators go on where they were."""
    import numpy as np

    seen = {}

    def canary(key):
        def spoil(step, batch):
            if key == "killed" and step == 13 and not seen.get("died"):
                seen["died"] = True
                raise KilledError
            draws = (random.random(), np.random.rand(), torch.rand(()).item())  # noqa: NPY002
            seen.setdefault(key, {})[step] = draws
            return batch

        return lambda *a: fake_builder.FakeBuilder(a[0], spoil)

    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    train(plan, "x", tmp_path / "clean", make_builder=canary("clean"))
    with pytest.raises(KilledError):
        train(plan, "x", tmp_path / "run", make_builder=canary("killed"))
    train(plan, "x", tmp_path / "run", resume=True, make_builder=canary("killed"))
    assert seen["killed"] == seen["clean"]


PARTS = ["model", "average", "optimizer", "rate", "scaler", "window", "course"]
PARTS += ["randomness", "listeners", "choices"]


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_of_the_state_is_refused_by_name(tmp_path, part, monkeypatch):
    """A checkpoint without one part of the state is not continued, and the part is named."""
    from declare.runtime.checkpoint import manager as module

    plan = fake_builder.make_plan(
        fake_builder.phase(checkpoint_every=5, ema={"decay": 0.9}, precision="fp16")
    )
    with pytest.raises(KilledError):
        train(plan, "x", tmp_path / "run", make_builder=dying_builder(13, "fit"))
    assert sorted(Run(tmp_path / "run").checkpoints()[0].manifest["parts"]) == sorted(PARTS)
    whole = module.read_state
    monkeypatch.setattr(
        module, "read_state", lambda *a, **how: {k: v for k, v in whole(*a, **how).items() if k != part}
    )
    outcome = train(plan, "x", tmp_path / "run", resume=True, make_builder=fake_builder.make)
    assert outcome.status == 4
    assert outcome.problems[0].code == "RES809"
    assert f"`{part}`" in outcome.problems[0].title


@pytest.mark.parametrize("call", [1, 3, 5, 6, 9, 10, 11])
def test_dying_in_an_evaluation_changes_nothing(tmp_path, clean, call):
    """A run that breaks off in an evaluation, at a phase's end or in the final one, is continued bit-equal."""
    count = iter(range(1, 100))

    def make(plan, place, device, tell, world):
        builder = fake_builder.FakeBuilder(plan)
        evaluate = builder.evaluate

        def dying(split, tasks):
            if next(count) == call:
                raise KilledError
            return evaluate(split, tasks)

        builder.evaluate = dying
        return builder

    torch.set_num_threads(1)
    with pytest.raises(KilledError):
        train(fake_builder.hard_plan(), "x", tmp_path / "run", make_builder=make)
    outcome = train(
        fake_builder.hard_plan(), "x", tmp_path / "run", resume=True, make_builder=fake_builder.make
    )
    assert outcome.status == 0
    assert_equal(fingerprint(tmp_path / "run"), clean)


def test_a_finished_run_is_not_trained_again(tmp_path):
    """Continuing a finished run gives its metrics and touches nothing; expectations are judged anew."""
    plan = fake_builder.make_plan()
    first = train(plan, "x", tmp_path / "run", make_builder=fake_builder.make)
    again = train(plan, "x", tmp_path / "run", resume=True, make_builder=None)
    assert (again.metrics, again.status) == (first.metrics, 0)
    stricter = fake_builder.make_plan(expect={"val/digit/loss": "< 0"})
    assert train(stricter, "x", tmp_path / "run", resume=True).status == 1
