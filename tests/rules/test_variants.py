"""The other branches of the rules: what each fires on besides the example of its page, and what it lets pass."""

from __future__ import annotations

import pytest

from declare.compiler import pipeline

LAB = """\
    source: {type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
    split: {val: 0.25, by: subject}
"""
SPEC = f"""\
declare: 1
datasets:
  lab:
{LAB}model:
  encoder: {{type: mlp, input: features, hidden: [8]}}
tasks:
  stimulus: {{type: classification, datasets: [lab], target: stimulus}}
phases:
  fit:
    tasks: [stimulus]
    epochs: 4
    batch_size: 10
    optimizer: {{type: adamw, lr: 1e-3}}
"""
TWO = SPEC.replace("model:", f"  ward:\n{LAB}model:").replace("[lab]", "[lab, ward]")
OTHER = "  other: {type: classification, dataset: lab, target: stimulus}\n"
TWO_TASKS = SPEC.replace("phases:", f"{OTHER}phases:")
SHARES = "hardware: {accelerator: cpu, devices: 2, strategy: fsdp}\n"
BEST = "    evaluate: {best: {metric: %s, mode: %s}}\n"
TUNE = "tune: {metric: val/stimulus/accuracy, mode: max, space: {%s}}\n"
ALIKE = """\
declare: 1
datasets:
  d:
    source: {type: simulated, name: eeg, subjects: 4, movies: 2, stamps: 4, channels: 4, rate: 50, seconds: 1}
    split: {val: 0.25, by: stamp}
model:
  encoder: {type: series_patch, input: eeg, patch: 10, dim: 8, depth: 1, heads: 2}
tasks:
  movie: {type: contrastive, head: {type: projection, dim: 8}, same: [movie, stamp], different: subject}
phases:
  fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
"""

GROUPS = (
    ALIKE.replace(", same: [movie, stamp], different: subject", "")
    .replace("phases:", "  which: {type: classification, target: movie}\nphases:")
    .replace("lr: 1e-3}}", "lr: 1e-3}, sampler: {type: pairs, same: [movie]}, augment: [{type: mixup}]}")
)

FIRES = {
    "mixed groups that a sampler names, mixed as the target of another task": (
        GROUPS,
        "PHS643",
        "phases.fit.augment.0",
    ),
    # pairs
    "positives by a field of no dataset": (
        ALIKE.replace("different: subject", "different: subjekt"),
        "REF201",
        "tasks.movie.different",
    ),
    "positives of another age": (
        ALIKE.replace("different: subject", "different: eeg"),
        "SHP542",
        "tasks.movie.different",
    ),
    "pairs of samples that agree in a field without a name": (
        ALIKE.replace("lr: 1e-3}}", "lr: 1e-3}, sampler: {type: pairs, same: ['']}}"),
        "REF201",
        "phases.fit.sampler.same.0",
    ),
    # losses
    "no losses at all": (SPEC.replace("[lab]", "[lab], loss: []"), "SCH109", "tasks.stimulus.loss"),
    "dataset and datasets": (
        SPEC.replace("datasets: [lab],", "dataset: lab, datasets: [lab],"),
        "LOS410",
        "tasks.stimulus.datasets",
    ),
    "no datasets at all": (SPEC.replace("[lab]", "[]"), "LOS410", "tasks.stimulus.datasets"),
    "no target": (SPEC.replace(", target: stimulus", ""), "LOS410", "tasks.stimulus"),
    "one task weighs nothing": (
        TWO_TASKS.replace("[stimulus]\n    ep", "{stimulus: 1, other: 0}\n    ep"),
        "LOS411",
        "tasks.other",
    ),
    "classes differ in number": (
        TWO.replace("classes: 3", "classes: 4", 1),
        "LOS409",
        "tasks.stimulus.datasets.1",
    ),
    "a metric by name in a list": (
        SPEC.replace("target: stimulus}", "target: stimulus, metrics: [{type: rmse}]}"),
        "LOS405",
        "tasks.stimulus.metrics.0",
    ),
    "a schedule that the optimizer does not read": (
        SPEC.replace("{type: adamw, lr: 1e-3}", "{type: rprop, lr: 1e-3}\n    schedule: cosine"),
        "REF203",
        "phases.fit.schedule",
    ),
    # data
    "by and few groups": (SPEC.replace("subjects: 8", "subjects: 1"), "DAT313", "datasets.lab.split.by"),
    "column beside fractions": (
        SPEC.replace("{val: 0.25, by: subject}", "{val: 0.25, column: subject}"),
        "DAT313",
        "datasets.lab.split.val",
    ),
    "everything held out": (
        SPEC.replace("val: 0.25", "val: 0.5, test: 0.5"),
        "DAT314",
        "datasets.lab.split.test",
    ),
    "early stop on test": (
        SPEC + "    early_stop: {metric: test/stimulus/f1, mode: max, patience: 2 epochs}\n",
        "DAT320",
        "phases.fit.early_stop.metric",
    ),
    "micro-batches of one": (
        SPEC.replace("hidden: [8]", "hidden: [8], norm: batch") + "    accumulate: 10\n",
        "DAT304",
        "phases.fit.batch_size",
    ),
    # phases
    "task outside of the phase": (
        TWO_TASKS + BEST % ("val/other/accuracy", "max"),
        "PHS601",
        "phases.fit.evaluate.best.metric",
    ),
    "unknown metric of a search": (
        SPEC + (TUNE % "seed: {int: [1, 3]}").replace("accuracy", "acc"),
        "PHS601",
        "tune.metric",
    ),
    "unknown expected metric": (
        SPEC + 'expect: {val/stimulus/acc: ">= 0.5"}\n',
        "PHS601",
        "expect.val/stimulus/acc",
    ),
    "unknown part of a composite": (
        SPEC + "metrics: {score: 2 * val/stimulus/acc}\n",
        "PHS601",
        "metrics.score",
    ),
    "no split in the name": (
        SPEC + BEST % ("stimulus/accuracy", "max"),
        "PHS601",
        "phases.fit.evaluate.best.metric",
    ),
    "loss maximised": (SPEC + BEST % ("val/stimulus/loss", "max"), "PHS607", "phases.fit.evaluate.best.mode"),
    "search in the wrong direction": (
        SPEC + (TUNE % "seed: {int: [1, 3]}").replace("max", "min"),
        "PHS607",
        "tune.mode",
    ),
    "thaw after the end": (
        SPEC + '    freeze: [{match: "encoder.*", until: 9 epochs}]\n',
        "PHS604",
        "phases.fit.freeze.0.until",
    ),
    "patience of nothing": (
        SPEC + "    early_stop: {metric: val/stimulus/f1, mode: max, patience: 0 steps}\n",
        "PHS605",
        "phases.fit.early_stop.patience",
    ),
    "patience below an interval": (
        SPEC + "    early_stop: {metric: val/stimulus/f1, mode: max, patience: 1 steps}\n",
        "PHS617",
        "phases.fit.early_stop.patience",
    ),
    "composite without test data": (
        SPEC + 'metrics: {score: 2 * test/stimulus/f1}\nexpect: {score: ">= 0.5"}\n',
        "PHS610",
        "expect.score",
    ),
    "no length": (SPEC.replace("    epochs: 4\n", ""), "PHS611", "phases.fit"),
    "below the least": (SPEC + 'expect: {val/stimulus/f1: "< -1"}\n', "PHS612", "expect.val/stimulus/f1"),
    "start from itself": (SPEC + '    init: [{from: "phase:fit"}]\n', "PHS613", "phases.fit.init.0.from"),
    "start from a file that is not there": (
        SPEC + '    init: [{from: "file:gone.pt"}]\n',
        "PHS613",
        "phases.fit.init.0.from",
    ),
    "start from a run that is not there": (
        SPEC + '    init: [{from: "run:gone"}]\n',
        "PHS613",
        "phases.fit.init.0.from",
    ),
    "fewer samples than datasets": (
        TWO.replace("batch_size: 10", "batch_size: 1"),
        "PHS614",
        "phases.fit.batch_size",
    ),
    "clip without a limit": (SPEC + "    clip: {}\n", "PHS615", "phases.fit.clip"),
    "a dataset without a share": (TWO + "    mix: {lab: 1.0}\n", "PHS616", "phases.fit.mix"),
    "batch sizes by another name": (
        TWO.replace("batch_size: 10", "batch_size: {lab: 5, wrd: 5}"),
        "PHS616",
        "phases.fit.batch_size.wrd",
    ),
    "no task": (SPEC.replace("[stimulus]\n", "[]\n"), "PHS618", "phases.fit.tasks"),
    "own weight of nothing": (
        SPEC.replace("target: stimulus}", "target: stimulus, weight: 0}"),
        "PHS618",
        "phases.fit.tasks",
    ),
    "a call in a composite": (
        SPEC + "metrics: {score: 'exit(val/stimulus/f1)'}\n",
        "PHS619",
        "metrics.score",
    ),
    "a composite that divides by zero": (
        SPEC + "metrics: {score: 'val/stimulus/f1 / (2 - 2)'}\n",
        "PHS619",
        "metrics.score",
    ),
    "a composite beyond all numbers": (
        SPEC + "metrics: {score: 'val/stimulus/f1 + 10 ** 999'}\n",
        "PHS619",
        "metrics.score",
    ),
    "half a composite": (SPEC + "metrics: {score: '2 * (val/stimulus/f1'}\n", "PHS619", "metrics.score"),
    "a composite of nothing": (SPEC + "metrics: {score: '1 + 1'}\n", "PHS619", "metrics.score"),
    "a word in a composite": (SPEC + "metrics: {score: 'f1 * val/stimulus/f1'}\n", "PHS619", "metrics.score"),
    # search
    "two forms": (SPEC + TUNE % "seed: {int: [1, 3], choices: [1]}", "PHS642", "tune.space.seed.choices"),
    "no form": (SPEC + TUNE % "seed: {}", "PHS642", "tune.space.seed"),
    "logarithm of nothing": (
        SPEC + TUNE % "model.encoder.dropout: {log: [0, 0.5]}",
        "PHS642",
        "tune.space.model.encoder.dropout.log",
    ),
    "a grid over a range": (
        SPEC
        + (TUNE % "phases.fit.optimizer.lr: {uniform: [0.1, 1]}").replace(
            "mode: max", "mode: max, sampler: grid"
        ),
        "PHS642",
        "tune.space.phases.fit.optimizer.lr.uniform",
    ),
    "a path with a slip": (
        SPEC + TUNE % "phases.fit.optimizer.lrr: {log: [0.1, 1]}",
        "REF201",
        "tune.space.phases.fit.optimizer.lrr",
    ),
    "a path into nothing": (
        SPEC + TUNE % "phases.fit.schedule.warmup: {choices: [5%]}",
        "REF201",
        "tune.space.phases.fit.schedule.warmup",
    ),
    "a type that is none": (
        SPEC + TUNE % "model.encoder.type: {choices: [mlp, mpl]}",
        "PHS641",
        "tune.space.model.encoder.type.choices.1",
    ),
    # idle settings and hardware
    "a dataset for nobody": (TWO.replace("[lab, ward]", "[lab]"), "REF203", "datasets.ward"),
    "a limit above the data": (
        SPEC.replace("    split: {val", "    limit: 99\n    split: {val", 1),
        "REF203",
        "datasets.lab.limit",
    ),
    "rows and shares": (
        TWO.replace("batch_size: 10", "batch_size: {lab: 5, ward: 5}") + "    mix: equal\n",
        "REF203",
        "phases.fit.mix",
    ),
    "evaluations of nothing": (
        SPEC.replace("val: 0.25", "val: 0") + "    evaluate: {every: 2 epochs}\n",
        "REF203",
        "phases.fit.evaluate.every",
    ),
    "tf32 without a GPU": (
        SPEC + "hardware: {accelerator: cpu, precision: tf32}\n",
        "REF203",
        "hardware.precision",
    ),
    "precision overridden": (
        SPEC + "    precision: fp32\nhardware: {precision: bf16}\n",
        "REF203",
        "hardware.precision",
    ),
    "fp16 of a phase on a CPU": (
        SPEC + "    precision: fp16\nhardware: {accelerator: cpu}\n",
        "HW702",
        "phases.fit.precision",
    ),
    "shares and a balance of whole gradients": (
        TWO_TASKS.replace("[stimulus]\n    ep", "[stimulus, other]\n    balance: pcgrad\n    ep") + SHARES,
        "HW708",
        "phases.fit.balance",
    ),
    "shares and measured gradients": (
        TWO_TASKS.replace(
            "[stimulus]\n    ep", "[stimulus, other]\n    diagnose: {gradients: 5 steps}\n    ep"
        )
        + SHARES,
        "HW708",
        "phases.fit.diagnose.gradients",
    ),
    "shares and a penalty": (
        SPEC + "    regularizers: [{type: l2, match: 'encoder.*', weight: 0.1}]\n" + SHARES,
        "HW708",
        "phases.fit.regularizers",
    ),
    "shares and an optimizer of matrices": (
        SPEC.replace("adamw", "muon") + SHARES,
        "HW708",
        "phases.fit.optimizer",
    ),
    "shares and the same bits": (
        SPEC + "    accumulate: 2\n" + SHARES.replace("}", ", determinism: exact}"),
        "HW708",
        "hardware.determinism",
    ),
    "shares and whole models compiled": (
        SPEC + SHARES.replace("}", ", compile: true}"),
        "HW708",
        "hardware.compile",
    ),
}

PASSES = {
    "shares in one process": SPEC.replace("adamw", "muon") + SHARES.replace("2", "1"),
    "shares": SPEC + SHARES,
    "shares and micro-batches without a dataset": TWO.replace(
        "batch_size: 10", "batch_size: 6\n    accumulate: 2"
    ).replace("hidden: [8]", "hidden: [8], per_dataset: true")
    + SHARES,
    "plain": SPEC,
    "two datasets": TWO,
    "one dataset of several in turn": TWO + "    mix: alternate\n",
    "a metric of one dataset": TWO + BEST % ("val/stimulus@ward/f1", "max"),
    "the second metric of a kind": SPEC.replace("target: stimulus}", "target: stimulus, metrics: [f1, f1]}")
    + BEST % ("val/stimulus/f1_2", "max"),
    "a composite": SPEC
    + "metrics: {score: '-val/stimulus/loss / 2 + (val/stimulus/f1 ** 2)'}\nexpect: {score: '>= -9'}\n",
    "a search over all kinds of values": SPEC
    + TUNE
    % "seed: {int: [1, 3]}, model.encoder.hidden.0: {choices: [4, 8]}, model.encoder.type: {choices: [mlp]}, phases.fit.schedule: {choices: [cosine, {type: step, every: 1 epochs}]}, datasets.lab.split.val: {uniform: [0.1, 0.3]}",
}


def check(text, folder):
    """Return the findings of a spec."""
    (folder / "spec.yaml").write_text(text)
    return pipeline.check(folder / "spec.yaml").diagnostics


@pytest.mark.parametrize("name", FIRES)
def test_variant_fires_at_its_place(name, tmp_path):
    """The finding is there, at the place of the defect, and no error of another code is."""
    text, code, path = FIRES[name]
    found = check(text, tmp_path)
    assert path in [item.path for item in found if item.code == code], [
        (item.code, item.path, item.title) for item in found
    ]
    assert {item.code for item in found if item.severity == "error"} <= {code}


@pytest.mark.parametrize("name", PASSES)
def test_legal_variant_is_silent(name, tmp_path):
    """No warning and no error."""
    assert [item.title for item in check(PASSES[name], tmp_path) if item.severity != "info"] == []


@pytest.mark.parametrize("name", FIRES)
def test_titles_are_short(name, tmp_path):
    """Titles fit a line of 80 characters, labels have 8 words at most."""
    text, code, _ = FIRES[name]
    for item in check(text, tmp_path):
        if item.code == code:
            assert len(item.title) <= 80, item.title
            assert all(len(label.text.split()) <= 8 for label in item.labels), item.labels
