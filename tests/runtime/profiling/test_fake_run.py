"""Batches without data have the shapes of real ones with the longest samples."""

from __future__ import annotations

import json
from pathlib import Path

import torch

import declare
from declare.runtime.profiling.fake_run import fake_fields
from declare.runtime.setup.builder import PlanBuilder

CPU = torch.device("cpu")
SPEC = """\
declare: 1
datasets:
  rows:
    source: {type: jsonl, path: rows.jsonl}
    fields: {wave: {type: series, rate: 10}, kind: {type: category}, words: {type: text, tokenizer: byte, max_length: 64}}
    transforms: [{type: resample, field: wave, rate: 20}]
    split: {val: 0.25}
model:
  encoder: {type: conv1d, input: wave, channels: [4]}
  reader: {type: transformer, input: words, dim: 8, depth: 1, heads: 2}
  joint: {type: concat, input: [encoder, reader.pooled]}
tasks: {kind: {type: classification, target: kind, head: {type: linear, input: joint}}}
phases: {fit: {steps: 2, batch_size: 30, optimizer: {type: adamw, lr: 1e-3}}}
"""


def test_samples_that_differ_in_length(tmp_path: Path) -> None:
    """Series are as long as the longest after all transforms, texts not as long as they may be."""
    lines = [
        {
            "wave": [[0.1 * step for step in range(10 + index % 5)]] * 2,
            "kind": index % 2,
            "words": "a b " * (index % 4 + 1),
        }
        for index in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "spec.yaml").write_text(SPEC)
    plan = declare.plan(tmp_path / "spec.yaml")
    (real,) = next(iter(PlanBuilder(plan, None, CPU).loader(plan.phases[0]).batches(0, 1))).values()
    fake = fake_fields(plan, "rows", 30, CPU)
    assert {name: (item.shape, item.dtype) for name, item in fake.items()} == {
        name: (item.shape, item.dtype) for name, item in real.items()
    }
