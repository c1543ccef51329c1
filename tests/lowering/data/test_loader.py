"""Batches are a pure function of the step."""

from pathlib import Path

import numpy as np
import pytest
import torch

from declare.compiler import pipeline
from declare.lowering.data.columns import sample_keys
from declare.lowering.data.loader import make_loader
from declare.lowering.data.tables import Tables

SPEC = """
declare: 1
name: feed
seed: 3
datasets:
  one:
    source: {{type: simulated, name: stimulus, samples: 50, subjects: 10, classes: 3, channels: 3, length: 6}}
    transforms: [{{type: temporal_pool, field: features}}, {{type: standardize, field: features}}]
    split: {{val: 0.2, by: subject}}
{more}
model:
  encoder: {{type: mlp, hidden: [4], input: features}}
tasks:
  stimulus: {{type: classification, datasets: [{names}], target: stimulus}}
phases:
  fit: {{epochs: 3, batch_size: 12, {mix}optimizer: {{type: sgd, lr: 0.1}}}}
"""
TWO = """
  two:
    source: {type: simulated, name: stimulus, samples: 30, subjects: 6, classes: 3, channels: 3, length: 9, seed: 1}
    transforms: [{type: temporal_pool, field: features}, {type: standardize, field: features}]
    split: {val: 0.2, by: subject}
"""


@pytest.fixture
def made(tmp_path):
    def make(mix=""):
        path = Path(tmp_path / "spec.yaml")
        names = "one, two" if mix else "one"
        path.write_text(SPEC.format(more=TWO if mix else "", names=names, mix=mix))
        checked = pipeline.check(path)
        assert checked.plan, [found.title for found in checked.diagnostics]
        return checked.plan, Tables.fit(checked.plan)

    return make


def feed(made, **ranks):
    plan, tables = made
    return make_loader(plan, plan.phases[0], tables, torch.device("cpu"), **ranks)


def same(left, right):
    return (
        all(torch.equal(left[name][field], right[name][field]) for name in left for field in left[name])
        and left.keys() == right.keys()
    )


def test_an_epoch_holds_every_sample_once(made):
    """The batches of an epoch are the training split, the last one holding what is left."""
    plan_and_tables = made()
    phase = plan_and_tables[0].phases[0]
    batches = list(feed(plan_and_tables).batches(0, phase.steps_per_epoch))
    sizes = [len(batch["one"]["stimulus"]) for batch in batches]
    whole = plan_and_tables[1].table("one", "train").array("features")
    assert sizes == [12, 12, 12, len(whole) - 36]
    joined = torch.cat([batch["one"]["features"] for batch in batches])
    assert sorted(joined.tolist()) == sorted(whole.tolist())


@pytest.mark.parametrize("mix", ["", "mix: equal, ", "mix: alternate, ", "mix: {one: 0.75, two: 0.25}, "])
def test_a_feed_may_start_at_any_step(made, mix):
    """Batches from step 5 on are those that a feed from the start gives."""
    plan_and_tables = made(mix)
    steps = plan_and_tables[0].phases[0].steps
    whole = list(feed(plan_and_tables).batches(0, steps))
    late = list(feed(plan_and_tables).batches(5, steps))
    assert len(late) == steps - 5
    assert all(same(left, right) for left, right in zip(whole[5:], late, strict=True))


def test_ranks_divide_the_global_batch(made):
    """The shares of two ranks, one after the other, are the batch of one."""
    plan_and_tables = made("mix: equal, ")
    whole = next(feed(plan_and_tables).batches(2, 3))
    parts = [next(feed(plan_and_tables, rank=rank, world=2).batches(2, 3)) for rank in range(2)]
    joined = {
        name: {field: torch.cat([part[name][field] for part in parts]) for field in whole[name]}
        for name in whole
    }
    assert same(whole, joined)


def test_epochs_are_in_other_orders(made):
    """The second epoch is another permutation."""
    plan_and_tables = made()
    per_epoch = plan_and_tables[0].phases[0].steps_per_epoch
    first, second = (next(feed(plan_and_tables).batches(step, step + 1)) for step in (0, per_epoch))
    assert not same(first, second)


def test_statistics_are_of_the_training_split(made):
    """Standardised training features have zero mean and unit variance; validation features need not."""
    _, tables = made()
    train = tables.table("one", "train").array("features")
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-4)
    assert np.abs(tables.table("one", "val").array("features").mean(axis=0)).max() > 1e-3


def test_sample_keys_differ_by_seed_epoch_and_row():
    """Keys of a thousand rows, two epochs and two seeds are all different."""
    rows = np.arange(1000)
    keys = np.concatenate([sample_keys((seed, epoch), rows) for seed in (0, 1) for epoch in (0, 1)])
    assert len(np.unique(keys)) == len(keys)


@pytest.mark.parametrize("samples", [50, 51, 52, 53])
@pytest.mark.parametrize("mix", ["", "mix: equal, "])
def test_what_belongs_together_stands_in_one_batch(tmp_path, samples, mix):
    """Of an odd number of samples too, no batch is empty and none parts a pair, from one epoch into the next."""
    sampler = "sampler: {type: pairs, same: [stimulus]}, "
    text = SPEC.format(more=TWO if mix else "", names="one, two" if mix else "one", mix=mix + sampler)
    text = text.replace("samples: 50", f"samples: {samples}").replace("batch_size: 12", "batch_size: 8")
    (tmp_path / "spec.yaml").write_text(text)
    plan = pipeline.check(tmp_path / "spec.yaml").plan
    found = list(feed((plan, Tables.fit(plan))).batches(0, plan.phases[0].steps))
    assert len(found) == plan.phases[0].steps
    for batch in found:
        for fields in batch.values():
            pairs = fields["stimulus"].reshape(-1, 2)
            assert len(pairs) > 0
            assert (pairs[:, 0] == pairs[:, 1]).all()
