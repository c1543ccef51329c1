"""Batches of texts: as long as their longest, shared by processes, the same after a stop."""

from __future__ import annotations

import pytest
import torch

from declare.compiler.pipeline import check
from declare.lowering.data.loader import evaluation_batches, make_loader
from declare.lowering.data.tables import Tables

SPEC = """
declare: 1
datasets:
  corpus: {source: {type: simulated, name: corpus, samples: 90, length: 12}}
model:
  decoder: {type: transformer, input: text, dim: 8, depth: 1, heads: 2, causal: true}
tasks:
  next: {type: causal_lm, dataset: corpus, target: text}
phases:
  fit: {epochs: 3, batch_size: 16, sampler: length_buckets, optimizer: {type: adamw, lr: 1e-3}}
"""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feed")
    (folder / "spec.yaml").write_text(SPEC)
    found = check(folder / "spec.yaml").plan
    assert found is not None
    return found


@pytest.fixture(scope="module")
def tables(plan):
    return Tables.fit(plan)


def batches(plan, tables, start=0, stop=15, **share):
    feed = make_loader(plan, plan.phases[0], tables, CPU, **share)
    return [batch["corpus"]["text"] for batch in feed.batches(start, stop)]


def test_a_batch_is_as_long_as_its_longest_text(plan, tables):
    """The last column of every batch holds a token; batches differ in length and hold whole numbers."""
    found = batches(plan, tables)
    assert all((tokens[:, -1] >= 0).any() for tokens in found)
    assert len({tokens.shape[1] for tokens in found}) > 3
    assert {tokens.dtype for tokens in found} == {torch.int64}


def test_an_epoch_holds_every_text_once(plan, tables):
    """The batches of an epoch are the training split; each epoch has another order."""
    steps = plan.phases[0].steps_per_epoch
    whole = tables.table("corpus", "train").array("text")
    wanted = sorted(tuple(row[row >= 0].tolist()) for row in whole)

    def epoch(number):
        found = batches(plan, tables, number * steps, (number + 1) * steps)
        return [tuple(row[row >= 0].tolist()) for tokens in found for row in tokens]

    assert sorted(epoch(0)) == sorted(epoch(1)) == wanted
    assert epoch(0) != epoch(1)


def test_processes_share_each_batch(plan, tables):
    """The rows of two processes together are those of one, in order; a single row goes to both."""
    for whole, first, second in zip(
        batches(plan, tables),
        batches(plan, tables, rank=0, world=2),
        batches(plan, tables, rank=1, world=2),
        strict=True,
    ):
        if len(whole) == 1:
            assert torch.equal(first, whole)
            assert torch.equal(second, whole)
            continue
        rows = [row[row >= 0].tolist() for part in (first, second) for row in part]
        assert rows == [row[row >= 0].tolist() for row in whole]


def test_batches_depend_on_the_step_alone(plan, tables):
    """A feed that starts in the middle gives what it would have given."""
    whole, rest = batches(plan, tables), batches(plan, tables, start=7)
    assert all(torch.equal(one, other) for one, other in zip(whole[7:], rest, strict=True))


def test_evaluations_are_cut_too(plan, tables):
    """A split in order, each batch as long as its longest text."""
    found = list(evaluation_batches(tables, "corpus", "val", 4, CPU))
    assert sum(len(batch["text"]) for batch in found) == plan.datasets["corpus"].splits["val"]
    assert all((batch["text"][:, -1] >= 0).any() for batch in found)
