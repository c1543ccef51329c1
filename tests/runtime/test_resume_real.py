"""Real specs that break off and are continued: scales, balances, texts, decoded images, changed workers, clocks."""

import os
import random
import shutil
import time

import pytest
import torch

from declare.compiler.pipeline import check
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run
from declare.runtime.step import step as step_module
from tests.harness.interrupted_runs import differences, fingerprint, lay_out

SCALED = """
declare: 1
name: scaled
datasets:
  textures:
    source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16}
    split: {val: 0.2, test: 0.2}
model:
  encoder: {type: cnn, input: image, channels: [4, 8], dropout: 0.2}
tasks:
  texture: {type: classification, dataset: textures, target: label}
phases:
  grow:
    steps: 9
    batch_size: 12
    scales: {field: image, sizes: [8, 12, 16], mode: progressive}
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 4 steps}
  joint:
    steps: 8
    batch_size: 12
    accumulate: 2
    ema: {decay: 0.8}
    scales: {field: image, sizes: [8, 16], mode: joint, consistency: {type: kl, weight: 0.1}}
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 3 steps}
tracking: csv
hardware: {accelerator: cpu, precision: fp32}
"""
BALANCED = """
declare: 1
name: balanced
datasets:
  one:
    source: {type: simulated, name: stimulus, samples: 80, subjects: 8, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
    split: {val: 0.25, by: subject}
  two:
    source: {type: simulated, name: pain, samples: 80, subjects: 8, classes: 4, channels: 3, length: 12, missing: 0.2}
    transforms: [{type: temporal_pool, field: features}]
    split: {val: 0.25, by: subject}
model:
  encoder: {type: mlp, input: features, hidden: [12], dropout: 0.2}
tasks:
  stimulus: {type: classification, dataset: one, target: stimulus}
  pain: {type: ordinal, dataset: two, target: pain_level}
phases:
  first:
    steps: 9
    batch_size: 16
    balance: {type: dynamic, every: 2 steps}
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 4 steps}
  second:
    steps: 8
    batch_size: 16
    accumulate: 2
    balance: BALANCE
    diagnose: {gradients: 3 steps}
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 3 steps}
tracking: csv
hardware: {accelerator: cpu, precision: fp32}
"""
TEXTS = """
declare: 1
name: texts
datasets:
  reviews:
    source: {type: simulated, name: reviews, samples: 60, length: 12}
    fields:
      text: {type: text, tokenizer: {type: word, vocab_size: 60}, max_length: 16}
      mood: {type: category}
    split: {val: 0.2, test: 0.2}
model:
  encoder: {type: transformer, input: text, dim: 8, depth: 1, heads: 2, dropout: 0.1}
tasks:
  mlm: {type: masked_lm, dataset: reviews, target: text}
  mood: {type: classification, dataset: reviews, target: mood}
phases:
  first:
    tasks: [mlm]
    steps: 9
    batch_size: 12
    sampler: length_buckets
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 4 steps}
  second:
    tasks: [mood]
    steps: 8
    batch_size: 12
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 3 steps}
tracking: csv
hardware: {accelerator: cpu, precision: fp32}
"""
DRAWN = """
declare: 1
name: drawn
datasets:
  textures:
    source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16}
    transforms:
      - {type: random_crop, field: image, size: 12, padding: 2}
      - {type: random_rotation, field: image, degrees: 20}
      - {type: color_jitter, field: image, brightness: 0.3}
      - {type: random_horizontal_flip, field: image}
    split: {val: 0.2}
model:
  encoder: {type: cnn, input: image, channels: [4, 8], dropout: 0.2}
  more: {type: mlp, input: encoder, hidden: [8], dropout: 0.2}
tasks:
  texture: {type: classification, dataset: textures, target: label, head: {type: mlp, input: more, dropout: 0.1}}
phases:
  first:
    steps: 9
    batch_size: 12
    sampler: {type: balanced, field: label}
    augment: [{type: mixup}, {type: random_erasing}]
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 4 steps}
  second:
    steps: 8
    batch_size: 12
    accumulate: 2
    augment: [{type: cutmix}]
    regularizers: [{type: l1, match: "*weight", weight: 1e-4}]
    optimizer: {type: adamw, lr: 1e-2}
    checkpoint: {every: 3 steps}
tracking: csv
hardware: {accelerator: cpu, precision: fp32}
"""


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def compiled(folder, text, *overrides):
    """Return the plan of a spec written into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml", overrides)
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan


def broken_off(plan, place, update, monkeypatch):
    """Leave a run that died in its `update`-th optimizer step."""
    make, calls = step_module.make_optimizer_step, iter(range(1, 1000))

    def make_dying(*arguments):
        optimizer_step = make(*arguments)

        def dying():
            if next(calls) == update:
                raise KilledError
            optimizer_step()

        return dying

    with monkeypatch.context() as patch:
        patch.setattr(step_module, "make_optimizer_step", make_dying)
        with pytest.raises(KilledError):
            train(plan, "x", place, resume=place.exists())


CASES = {
    "scales": SCALED,
    "pcgrad": BALANCED.replace("BALANCE", "pcgrad"),
    "uncertainty": BALANCED.replace("BALANCE", "uncertainty"),
    "texts": TEXTS,
    "draws": DRAWN,
}


@pytest.mark.parametrize("name", CASES)
def test_a_real_run_that_breaks_off_twice_ends_with_the_same_bits(tmp_path, name, monkeypatch):
    """Scaled phases, balanced losses, texts and random draws of every kind go on after breaks as if there had been none."""
    text = CASES[name]
    plan = compiled(tmp_path, text)
    assert train(plan, text, tmp_path / "clean").status == 0
    broken_off(plan, tmp_path / "run", 7, monkeypatch)
    broken_off(plan, tmp_path / "run", 12, monkeypatch)
    assert train(plan, text, tmp_path / "run", resume=True).status == 0
    assert differences(fingerprint(tmp_path / "run"), fingerprint(tmp_path / "clean")) == []


def test_the_same_spec_gives_the_same_run(tmp_path):
    """Three runs of one spec end with the same hashes and figures."""
    plan = compiled(tmp_path, SCALED)
    for number in range(3):
        train(plan, SCALED, tmp_path / f"run-{number}")
    first, *others = (fingerprint(tmp_path / f"run-{number}") for number in range(3))
    assert all(differences(first, other) == [] for other in others)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The hunted run, whose images threads decode, undisturbed; and one that died in the second phase."""
    folder = tmp_path_factory.mktemp("images")
    lay_out(folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        plan = check(
            folder / "data" / "spec.yaml", ("hardware.accelerator=cpu", "phases.first.precision=bf16")
        ).plan
        train(plan, "x", folder / "clean")
        broken_off(plan, folder / "run", 27, patch)
    return folder


@pytest.mark.parametrize("workers", [1, 3, "auto"])
def test_another_number_of_workers_changes_nothing(tmp_path, images, workers):
    """A run that began with two workers goes on with any number of them, bit for bit, and says so."""
    shutil.copytree(images / "run", tmp_path / "run")
    sets = ("hardware.accelerator=cpu", "phases.first.precision=bf16", f"hardware.workers={workers}")
    plan = check(images / "data" / "spec.yaml", sets).plan
    assert train(plan, "x", tmp_path / "run", resume=True).status == 0
    assert differences(fingerprint(tmp_path / "run"), fingerprint(images / "clean")) == []
    (event,) = Run(tmp_path / "run").events("plan_changed")
    assert (event["path"], event["verdict"]) == ("hardware.workers", "harmless")


@pytest.mark.parametrize("seed", range(4))
def test_no_order_asks_a_clock(tmp_path, seed, monkeypatch):
    """Clocks that jump by hours and years, in the run and in the file system, change neither checkpoints nor bits."""
    draw = random.Random(seed)
    plan = compiled(tmp_path, SCALED)
    train(plan, SCALED, tmp_path / "clean")
    now = time.time
    jump = {"by": 0.0}

    def jumping():
        if draw.random() < 0.2:
            jump["by"] = draw.choice([-3600.0, 365 * 86400.0, -5 * 365 * 86400.0, 0.0])
        return now() + jump["by"]

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", jumping)
        for update in (7, 6):
            broken_off(plan, tmp_path / "run", update, patch)
            newest = Run(tmp_path / "run").checkpoints()[0].step
            for folder in (tmp_path / "run" / "checkpoints").glob("step-*"):
                moment = now() + draw.uniform(-4e7, 4e7)
                os.utime(folder, (moment, moment))
            assert Run(tmp_path / "run").checkpoints()[0].step == newest
        assert train(plan, SCALED, tmp_path / "run", resume=True).status == 0
    kept = [sorted(saved.step for saved in Run(tmp_path / name).checkpoints()) for name in ("run", "clean")]
    assert kept[0] == kept[1]
    assert differences(fingerprint(tmp_path / "run"), fingerprint(tmp_path / "clean")) == []


def test_a_checkpoint_says_how_it_was_made(tmp_path):
    """The manifest holds versions, machine, device, threads, processes, and the plan's hash."""
    plan = compiled(tmp_path, SCALED)
    train(plan, SCALED, tmp_path / "run")
    manifest = Run(tmp_path / "run").checkpoints()[0].manifest
    assert manifest["plan_sha256"] == plan.sha256
    assert (manifest["world_size"], manifest["threads"], manifest["device"]) == (1, 1, "cpu")
    assert manifest["torch"] == torch.__version__
    assert {"declare", "python", "machine", "system", "compile", "parts", "sequence"} <= manifest.keys()
