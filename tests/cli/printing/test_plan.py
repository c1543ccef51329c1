"""A plan shows every setting that changes what is trained."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

import declare
from declare.cli.printing.metrics import render as render_metrics
from declare.cli.printing.plan import render
from declare.components.modules.cnn import Cnn
from declare.components.tasks.classification import Classification
from declare.language.spec import Dataset, Phase

SPEC = """
declare: 1
datasets:
  a:
    source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16}
    split: {val: 0.2}
  b:
    source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16, seed: 9}
    split: {val: 0.2}
model:
  encoder: {type: cnn, channels: [4, 8], input: image}
tasks:
  one: {type: classification, dataset: a, target: label}
  two: {type: classification, dataset: b, target: label}
phases:
  warm: {steps: 4, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
  fit: {steps: 40, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
"""

PHASE = {
    "tasks": ("{one: 1.0, two: 0.25}", "two x 0.25"),
    "epochs": ("3", "= 3 epochs"),
    "steps": ("44", "44 steps"),
    "batch_size": ("12", "12 samples"),
    "mix": ("equal", "mix equal"),
    "sampler": ("{type: balanced, field: label}", "balanced on label"),
    "scales": ("{field: image, sizes: [8, 16]}", "8, 16 pixels"),
    "augment": ("[{type: mixup, alpha: 0.3}]", "mixup alpha 0.3"),
    "optimizer": ("{type: sgd, lr: 0.1, momentum: 0.7}", "momentum 0.7"),
    "schedule": ("{type: cosine, warmup: 10 steps}", "10 steps of warm-up"),
    "regularizers": ("[{type: l2, match: 'encoder.*', weight: 0.003}]", "weight 0.003"),
    "init": ("[{from: 'phase:warm', modules: [encoder], strict: false}]", "(encoder)"),
    "freeze": ("[{match: 'encoder.*', until: 7 steps}]", "until step 7"),
    "accumulate": ("2", "2 micro-batches"),
    "clip": ("{norm: 0.5}", "global norm at most 0.5"),
    "ema": ("{decay: 0.9, warmup: false}", "decay 0.9, without warm-up"),
    "precision": ("bf16", "bf16"),
    "evaluate": ("{every: 5 steps, best: {metric: val/one/f1, mode: max}}", "best by val/one/f1"),
    "early_stop": (
        "{metric: val/one/loss, mode: min, patience: 9 steps, min_delta: 0.01}",
        "by more than 0.01 for 9 steps",
    ),
    "checkpoint": ("{every: 3 steps, keep: 4}", "every 3 steps, the last 4"),
    "probes": ("[{type: linear, task: one, input: encoder}]", "one: linear"),
    "on_batch_error": ("{action: skip, limit: 6}", "limit 6"),
    "balance": ("uncertainty", "uncertainty"),
    "diagnose": ("{gradients: 6 steps}", "every 6 steps"),
}
DATASET = {
    "source": ("{type: simulated, name: textures, samples: 60, classes: 3, size: 16, seed: 4}", "seed 4"),
    "fields": ("{image: {type: image, channels: 3}, label: {type: category, missing: [class_2]}}", "class_2"),
    "transforms": ("[{type: random_crop, field: image, size: 12, padding: 1}]", "padding 1"),
    "split": ("{val: 0.3, seed: 8}", "val 0.3, seed 8"),
    "cache": ("memory", "cache memory"),
    "on_corrupt": ("{action: skip, limit: 3%}", "limit 3%"),
    "limit": ("50", "at most 50 samples"),
}
TASK = {
    "dataset": ("b", "one: classification of label in b"),
    "datasets": ("[a, b]", "one: classification of label in a, b"),
    "target": ("label", "of label"),
    "mask": (None, "where {mask} holds"),
    "head": ("{type: mlp, hidden: [5]}", "hidden [5]"),
    "loss": ("{type: cross_entropy, label_smoothing: 0.2}", "label_smoothing 0.2"),
    "weight": ("0.4", "weight 0.4"),
    "metrics": ("[accuracy, {type: accuracy, top: 2}]", "accuracy, accuracy_top2"),
}
CASES = [
    *((f"phases.fit.{key}", *case) for key, case in PHASE.items()),
    *((f"datasets.a.{key}", *case) for key, case in DATASET.items()),
    *((f"tasks.one.{key}", *case) for key, case in TASK.items() if case[0] is not None),
    ("model.encoder.channels", "[4, 6]", "channels [4, 6]"),
    ("model.encoder.kernel", "5", "kernel 5"),
    ("seed", "3", "seed 3"),
    ("hardware", "{determinism: exact}", "determinism exact"),
    ("phases.fit.optimizer.groups", "[{match: 'encoder.*', lr: 0.007}]", "encoder.*: lr 0.007"),
    ("phases.fit.early_stop", "{metric: val/one/loss, mode: min, patience: 9 steps}", "stops early"),
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> str:
    """Return what is printed of the spec as it is."""
    return shown(tmp_path_factory.mktemp("plain"))


def shown(folder: Path, *overrides: str) -> str:
    """Return what `dcl plan` prints for the spec."""
    path = folder / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    out = io.StringIO()
    render(declare.plan(path, set=list(overrides)), Console(file=out, width=400))
    return out.getvalue()


def test_every_key_is_tried():
    """A new key of phases, datasets and tasks needs a case here."""
    assert set(PHASE) == set(Phase.model_fields)
    assert set(DATASET) == set(Dataset.model_fields)
    assert set(TASK) == set(Classification.model_fields)
    assert Cnn.model_fields.keys() >= {"channels", "kernel"}


@pytest.mark.parametrize(("path", "value", "words"), CASES, ids=[case[0] for case in CASES])
def test_a_setting_is_shown(path, value, words, plain, tmp_path):
    """What is set stands in the plan's text; without it the words are not there."""
    also = {"phases.fit.epochs": ["phases.fit.steps=null"]}.get(path, [])
    also += ["tasks.one.dataset=null"] if path == "tasks.one.datasets" else []
    text = shown(tmp_path, *also, f"{path}={value}")
    assert words in text
    assert path == "tasks.one.target" or words not in plain


def test_final_figures_say_which_phase_trained_their_task(tmp_path):
    """On the terminal, figures of a task that the last phase does not train name the phase that did."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    earlier = declare.plan(path, set=["phases.fit.tasks={one: 0, two: 1}"]).trained_earlier
    assert earlier == {"one": "warm"}
    out = io.StringIO()
    figures = {"val/one/loss": 0.25, "val/two/loss": 0.5}
    render_metrics(figures, {}, Console(file=out, width=200), trained_earlier=earlier)
    rows = {line.split()[0]: line.split()[1:] for line in out.getvalue().splitlines()[1:]}
    assert rows["one/loss"][-1] == "warm"
    assert "warm" not in rows["two/loss"]


def test_a_mask_is_shown():
    """A task says which field masks its targets."""
    folder = Path(__file__).parents[3] / "specs"
    out = io.StringIO()
    render(declare.plan(folder / "neural.yaml"), Console(file=out, width=400))
    assert "if usable is true" in out.getvalue()


@pytest.mark.parametrize("own", [False, True])
def test_metrics_that_do_not_pool_heads_say_so(own, tmp_path):
    """Scores of several heads do not compare: what ranks them is said to be a mean, the rest is not."""
    head = f"tasks.one.head={{type: linear, per_dataset: {str(own).lower()}}}"
    text = shown(
        tmp_path, "tasks.one.dataset=null", "tasks.one.datasets=[a, b]", head, "tasks.one.metrics=[f1, auroc]"
    )
    note = " (the mean over the datasets)" if own else ""
    assert f"metrics: f1, auroc{note}\n" in text
