"""The plan of a rehearsal: short, with every stage of the whole plan, on samples of every class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from declare.compiler.pipeline import check
from declare.data.store.split_arrays import Pool
from declare.ir.plan import Plan
from declare.rehearsal.short_plan import MIN_SAMPLES, shorten

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: d.csv}
    fields: {x: {type: number}, kind: {type: category}, rare: {type: labels, separator: "|"}}
    split: {val: 0.2, test: 0.1}
model:
  first: {type: concat, input: x}
  body: {type: mlp, hidden: [4], input: first}
tasks:
  kind: {type: classification, dataset: d, target: kind, head: {type: linear, input: body}}
  rare: {type: multilabel, dataset: d, target: rare, head: {type: linear, input: body}}
phases:
  long:
    epochs: 30
    batch_size: 20
    optimizer: {type: adamw, lr: 1e-3}
    schedule: {type: step, every: 10 epochs, warmup: 10%}
    freeze: [{match: "body.*", until: 50%}, {match: "heads.kind.*", until: 75%}]
    sampler: {type: curriculum, score: x, start: 4, end: 16, over: 300 steps}
    evaluate: {every: 5 epochs}
    early_stop: {metric: val/kind/accuracy, mode: max, patience: 20 epochs}
  brief: {steps: 1, batch_size: 20, optimizer: {type: adamw, lr: 1e-3}}
hardware: {accelerator: cpu, devices: 4, determinism: fast, precision: fp32}
expect: {val/kind/accuracy: ">= 0.99"}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of a long run, of which two classes and a label are rare."""
    rows = [
        f"{i % 17},{'abcde'[i % 3] if i % 400 else 'dz'[i // 400 % 2]},{'u' if i % 2 else ''}{'|v' if i % 500 == 1 else ''}"
        for i in range(4000)
    ]
    (tmp_path / "d.csv").write_text("x,kind,rare\n" + "\n".join(rows) + "\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    checked = check(tmp_path / "spec.yaml")
    assert checked.plan is not None, [item.title for item in checked.diagnostics]
    return checked.plan


def test_each_stage_is_passed_in_order(plan: Plan) -> None:
    """Warm-up, then what is unfrozen when: in a few steps, and after as many updates as there are stages."""
    long, brief = plan.phases
    short = shorten(plan).phases[0]
    assert 4 <= short.steps <= 10 < long.steps
    until = [item.until_step for item in short.freeze]
    assert 0 < short.warmup_steps < until[0] < until[1] < short.steps
    assert 0 < short.evaluate_every < short.steps
    assert short.early_stop is not None
    assert short.early_stop.patience_steps >= short.steps
    assert shorten(plan).phases[1].steps == brief.steps == 1


def test_what_is_not_about_length_stays(plan: Plan) -> None:
    """Batches, optimizers, models and tasks are those of the run; four processes' micro-batches are made by one."""
    short = shorten(plan)
    for before, after in zip(plan.phases, short.phases, strict=True):
        assert (after.batch_size, after.rows, after.optimizer) == (
            before.batch_size,
            before.rows,
            before.optimizer,
        )
        assert after.accumulate == 4 * before.accumulate
    assert (short.nodes, short.tasks) == (plan.nodes, plan.tasks)
    assert short.hardware.processes == 1
    assert not short.expect


def test_durations_of_components_shrink_too(plan: Plan) -> None:
    """A schedule that would lower the rate after ten epochs does so within the few steps."""
    short = shorten(plan).phases[0]
    rates = [lr for _, lr in short.rates]
    assert min(rates) < 0.5 * max(rates)
    assert len(rates) == short.steps


def test_few_samples_with_each_class(plan: Plan) -> None:
    """Rare classes and labels are among the samples of each split, as far as the split has them; in order."""
    short = shorten(plan)
    whole, few = Pool(plan.datasets["d"]), Pool(short.datasets["d"])
    for split, rows in few.rows_by_split.items():
        all_rows = whole.rows_by_split[split]
        assert MIN_SAMPLES <= len(rows) == short.datasets["d"].splits[split] < len(all_rows)
        assert set(rows) <= set(all_rows)
        assert list(rows) == sorted(rows, key=list(all_rows).index)
        for name in ("kind", "rare"):
            seen, present = few.encoded_values(name, rows), whole.encoded_values(name, all_rows)
            for value in np.unique(present[~np.isnan(present)]):
                assert np.array_equal((seen == value).any(0), (present == value).any(0))


def test_a_short_plan_survives_its_file(plan: Plan) -> None:
    """Written and read it is the same plan: a rehearsal resumes its run."""
    short = shorten(plan)
    assert Plan.model_validate_json(short.model_dump_json()).sha256 == short.sha256
    assert shorten(plan).sha256 == short.sha256
