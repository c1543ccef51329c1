"""A module of the user's own that is said to leave padding out is tried before training."""

from __future__ import annotations

import hashlib
import json
import os

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


NOTED = """
import os


class Noted(Mean):
    def __init__(self):
        super().__init__()
        with open("PIDS", "a") as file:
            file.write(f"{os.getpid()}\\n")


class Ends(Mean):
    def forward(self, x, lengths=None):
        if x.device.type == "cpu":
            os._exit(3)
        return super().forward(x, lengths)
"""


def _checked(folder, name):
    """Check a spec whose module `name` is of a file of the user's own, and that freezes a part of it."""
    code = NET + NOTED.replace("PIDS", str(folder / "pids"))
    (folder / "net.py").write_text(code)
    rows = [{"x": [[1.0] * (2 + n % 5)] * 2, "y": "ab"[n % 2]} for n in range(16)]
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = SPEC.replace("NAME", name).replace("PADDING", "masked").replace("LAYOUT", "vector")
    text = text.replace("  last: {type: rnn, input: net, dim: 4}\n", "").replace("HEAD", "net")
    text = text.replace("batch_size: 4,", "batch_size: 4, freeze: [{match: net.layer.bias}],")
    (folder / "spec.yaml").write_text(text)
    trust = f"{folder / 'net.py'}@sha256:{hashlib.sha256(code.encode()).hexdigest()}"
    return [
        item for item in check(folder / "spec.yaml", (), (trust,)).diagnostics if item.severity == "error"
    ]


def test_code_that_is_not_ours_never_runs_in_the_process_that_checks(tmp_path):
    """A user's module is built for its shapes, its padding and its names in a worker, and only where that is new."""
    assert _checked(tmp_path, "Noted") == []
    pids = (tmp_path / "pids").read_text().split()
    assert pids
    assert str(os.getpid()) not in pids
    assert _checked(tmp_path, "Noted") == []
    assert (tmp_path / "pids").read_text().split() == pids


def test_a_module_that_ends_its_process_is_a_finding(tmp_path):
    """What ends the worker that tries its padding is SHP514, with the cause."""
    (found,) = _checked(tmp_path, "Ends")
    assert (found.code, found.notes) == ("SHP514", ("its process ended with exit code 3",))
