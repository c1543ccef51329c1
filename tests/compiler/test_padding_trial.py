"""A module of the user's own that is said to leave padding out is tried before training."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from declare.compiler.pipeline import check

NET = """
import torch
from torch import nn


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(2, 4, 1)

    def forward(self, x, lengths=None):
        steps = torch.arange(x.shape[2])
        real = steps < (torch.full((len(x),), x.shape[2]) if lengths is None else lengths)[:, None]
        return (self.layer(x) * real[:, None]).sum(2) / real.sum(1, keepdim=True)


class Plain(Mean):
    def forward(self, x, lengths=None):
        return self.layer(x).mean(2)


class Zeros(Plain):
    def __init__(self):
        super().__init__()
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)


class Normed(Mean):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x, lengths=None):
        return super().forward(self.norm(x), lengths)


class Deaf(Mean):
    def forward(self, x):
        return super().forward(x)


class Step(Mean):
    def forward(self, x):
        return self.layer(x)


class Wide(Step):
    def __init__(self):
        super().__init__()
        self.layer = nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv1d(4, 4, 3, padding=1))


class Half(Mean):
    def forward(self, x, lengths=None):
        return self.layer(x)[:, :, ::2]
"""
SPEC = """
declare: 1
name: tried
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    fields: {x: {type: series}, y: {type: category}}
    split: {val: 0.25}
model:
  net: {type: python, file: net.py, name: NAME, input: x, padding: PADDING, outputs: {output: LAYOUT}}
  last: {type: rnn, input: net, dim: 4}
tasks: {y: {type: classification, dataset: d, target: y, head: {type: linear, input: HEAD.output}}}
phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}
"""


@pytest.mark.parametrize(
    ("name", "padding", "layout", "words"),
    [
        ("Mean", "masked", "vector", None),
        ("Plain", "masked", "vector", "depends on longer ones"),
        ("Zeros", "masked", "vector", "depends on longer ones"),
        ("Normed", "masked", "vector", "running statistics of a norm"),
        ("Deaf", "masked", "vector", "takes no `lengths`"),
        ("Half", "masked", "series", "another number of steps"),
        ("Step", "stepwise", "series", None),
        ("Wide", "stepwise", "series", "depends on longer ones"),
    ],
)
def test_what_is_said_of_padding_is_tried(tmp_path, name, padding, layout, words):
    """Alone it gives what it gives in a batch, and padding enters no statistic: else SHP536, before training."""
    (tmp_path / "net.py").write_text(NET)
    generator = np.random.default_rng(0)
    rows = [
        {"x": generator.normal(size=(2, 2 + number % 5)).tolist(), "y": "ab"[number % 2]}
        for number in range(16)
    ]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = SPEC.replace("NAME", name).replace("PADDING", padding).replace("LAYOUT", layout)
    if layout == "vector":
        text = text.replace("  last: {type: rnn, input: net, dim: 4}\n", "")
    (tmp_path / "spec.yaml").write_text(text.replace("HEAD", "net" if layout == "vector" else "last"))
    trust = f"{tmp_path / 'net.py'}@sha256:{hashlib.sha256(NET.encode()).hexdigest()}"
    found = [
        item for item in check(tmp_path / "spec.yaml", (), (trust,)).diagnostics if item.severity == "error"
    ]
    assert [item.code for item in found] == ["SHP536"] * bool(words), found
    assert not words or words in found[0].title
