"""The whole way on example specs: compiled, fed, trained, killed, continued, evaluated, predicted."""

import json
import random
import time

import pytest
import torch

from declare.compiler.pipeline import check
from declare.contract.problem import ProblemError
from declare.nn.state_tree import encode
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.checkpoint.saver import read_state
from declare.runtime.inference.evaluate import evaluate
from declare.runtime.inference.predict import predict
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run
from tests.harness.forkserver import ForkedProcess

TWO_PHASES = """
declare: 1
name: hard
datasets:
  one:
    source: {type: simulated, name: stimulus, samples: 120, subjects: 12, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}, {type: standardize, field: features}]
    split: {val: 0.2, test: 0.2, by: subject}
  two:
    source: {type: simulated, name: pain, samples: 90, subjects: 9, classes: 4, channels: 3, length: 12, missing: 0.2}
    transforms: [{type: temporal_pool, field: features}, {type: standardize, field: features}]
    split: {val: 0.2, by: subject}
model:
  encoder: {type: mlp, input: features, hidden: [16, 16], dropout: 0.3, norm: batch}
tasks:
  stimulus: {type: classification, dataset: one, target: stimulus}
  pain: {type: ordinal, dataset: two, target: pain_level}
phases:
  first:
    epochs: 4
    batch_size: 24
    accumulate: 2
    ema: {decay: 0.9}
    clip: {norm: 1.0}
    optimizer: {type: adamw, lr: 1e-2}
    schedule: {type: cosine, warmup: 10%}
    evaluate: {every: 5 steps, best: {metric: val/stimulus/loss, mode: min}}
    checkpoint: {every: 7 steps}
    early_stop: {metric: val/stimulus/loss, mode: min, patience: 15 steps}
    on_batch_error: {action: skip, limit: 2}
  second:
    steps: 20
    batch_size: 24
    init: [{from: "phase:first", modules: [encoder]}]
    freeze: [{match: "encoder.*", until: 9 steps}]
    optimizer: {type: adam, lr: 1e-2}
    evaluate: {every: 6 steps, best: {metric: val/stimulus/loss, mode: min}}
    checkpoint: {every: 5 steps}
hardware: {precision: bf16}
tracking: csv
"""


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


def compiled(folder, text=TWO_PHASES):
    """Return the plan of a spec written into a folder."""
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    return checked.plan


def fingerprint(place):
    """Return what must not depend on how often the run was killed."""
    run = Run(place)
    state = read_state(run.checkpoints()[0])
    rows = [row for row in run.metrics() if not row["metric"].endswith("per_second")]
    weights = {which: read_tensors(run.weights_path(which)) for which in ("first", "second", "last")}
    return (
        run.final,
        state["course"],
        rows,
        encode({key: state[key] for key in state if key != "window"})[0],
        weights,
    )


def assert_same(left, right):
    """Assert that two fingerprints are equal to the bit."""
    assert left[:3] == right[:3]
    assert left[3].keys() == right[3].keys()
    assert all(torch.equal(left[3][name], right[3][name]) for name in left[3])
    for which, tensors in left[4].items():
        assert all(torch.equal(tensors[name], right[4][which][name]) for name in tensors), which


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A run of the two-phase spec that nobody disturbed; its folder."""
    folder = tmp_path_factory.mktemp("real")
    outcome = train(compiled(folder), TWO_PHASES, folder / "run")
    assert (outcome.status, outcome.problems) == (0, ())
    return folder / "run"


def progress(folder):
    """Return how many events a run has recorded."""
    events = folder / "run" / "events.jsonl"
    return events.read_bytes().count(b"\n") if events.exists() else 0


def killed(process, folder, wanted, delay):
    """Kill a run once it has recorded `wanted` events; return whether it was still running."""
    while process.poll() is None and progress(folder) < wanted:
        time.sleep(0.002)
    time.sleep(delay)
    if process.poll() is not None:
        return False
    process.kill()
    process.wait()
    return True


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1))
def test_kill_9_leaves_no_trace_in_a_real_run(tmp_path, clean, seed):
    """A run of `dcl train` that is killed at random moments and continued is bit-equal to one left alone."""
    compiled(tmp_path)
    draw, kills = random.Random(seed), 0
    while True:
        began = (tmp_path / "run" / "plan.json").exists()
        words = ["--resume", "run"] if began else ["--run-dir", "run"]
        process = ForkedProcess("declare", "train", "spec.yaml", "--quiet", *words, cwd=tmp_path)
        wanted = progress(tmp_path) + draw.randint(1, 12)
        if kills < 4 and killed(process, tmp_path, wanted, draw.uniform(0, 0.02)):
            kills += 1
            continue
        assert process.wait(120) == 0
        break
    assert kills > 0
    assert_same(fingerprint(tmp_path / "run"), fingerprint(clean))


def test_a_run_can_be_evaluated_again(clean):
    """`evaluate` gives the figures that the run ended with."""
    run = Run(clean)
    again = evaluate(run, "val") | evaluate(run, "test")
    assert again == {name: value for name, value in run.final.items() if name in again}
    assert "test/stimulus/accuracy" in again
    with pytest.raises(ProblemError) as caught:
        evaluate(run, "nowhere")
    assert caught.value.problem.code == "RES815"


def test_a_split_can_be_predicted(clean):
    """Predictions of the test split agree with the accuracy that the run states."""
    found = predict(Run(clean), dataset="one", split="test")
    assert found.dataset == "one"
    first = found.rows[0]["stimulus"]
    assert first["class"] == max(first["probability"], key=first["probability"].get)
    assert sum(first["probability"].values()) == pytest.approx(1, abs=1e-4)
    table = found.as_csv().splitlines()
    assert table[0].startswith("sample,stimulus.class,stimulus.probability.")
    assert len(table) == len(found.rows) + 1
    assert json.loads(found.as_json())["rows"][0]["stimulus"]["class"] == first["class"]


def test_a_run_with_code_of_a_stranger_needs_trust(clean, tmp_path):
    """A plan in a run folder that names code does not get to run it."""
    import shutil

    place = tmp_path / "run"
    shutil.copytree(clean, place)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    plan = json.loads((place / "plan.json").read_text())
    plan["datasets"]["one"]["source"] = {
        "type": "python",
        "file": str(tmp_path / "evil.py"),
        "name": "load",
        "args": {},
    }
    (place / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(ProblemError) as caught:
        evaluate(Run(place), "val")
    assert caught.value.problem.code in {"REF242", "SCH111"}
    assert not (tmp_path / "marker").exists()
