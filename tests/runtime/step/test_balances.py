"""Balanced runs: stopped and continued they are the run that was not stopped; what they measure is in its files."""

from types import SimpleNamespace

import pytest
import torch

from declare.nn.distributed.process_group import ProcessGroup
from declare.nn.state_tree import encode
from declare.runtime.checkpoint.saver import read_state
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run
from declare.runtime.step.forward_backward import BalancedLosses
from tests.runtime.test_real import compiled

SPEC = """
declare: 1
name: balanced
datasets:
  one:
    source: {type: simulated, name: stimulus, samples: 60, subjects: 12, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
  two:
    source: {type: simulated, name: pain, samples: 60, subjects: 9, classes: 4, channels: 3, length: 12, missing: 0.2}
    transforms: [{type: temporal_pool, field: features}]
model:
  encoder: {type: mlp, input: features, hidden: [8], dropout: 0.2}
tasks:
  stimulus: {type: classification, dataset: one, target: stimulus}
  pain: {type: classification, dataset: two, target: pain_level, loss: {type: cross_entropy, class_weights: effective}}
phases:
  fit:
    tasks: {stimulus: 1, pain: 0.5}
    steps: 12
    batch_size: 16
    accumulate: 2
    clip: {norm: 1.0}
    ema: {decay: 0.9}
    optimizer: {type: adamw, lr: 1e-2}
    evaluate: {every: 6 steps}
    checkpoint: {every: 6 steps}
    balance: BALANCE
    diagnose: {gradients: 4 steps}
hardware: {precision: fp32}
"""
BALANCES = ("fixed", "{type: uncertainty, lr: 0.1}", "{type: dynamic, every: 3 steps}", "pcgrad")


class Stopping(Listener):
    """Asks the run to stop at a step."""

    name = "stopping"

    def next_step(self, step):
        return 7 if step < 7 else None

    def on_event(self, event):
        return Request.STOP_RUN if event.name == "boundary" and event.step == 7 else None


def state(place):
    """Return every tensor of the last state, and the figures."""
    tree = read_state(Run(place).checkpoints()[0])
    rows = [row for row in Run(place).metrics() if not row["metric"].endswith("per_second")]
    return encode({name: tree[name] for name in tree if name != "window"})[0], rows


@pytest.mark.parametrize("balance", BALANCES)
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(tmp_path, balance):
    """Weights, moments, the balance's own state and all figures are equal to the bit."""
    text = SPEC.replace("BALANCE", balance)
    plan = compiled(tmp_path, text)
    assert train(plan, text, tmp_path / "whole").status == 0
    assert train(plan, text, tmp_path / "cut", listeners=[Stopping()]).status == 75
    assert train(plan, text, tmp_path / "cut", resume=True).status == 0
    (whole, rows), (cut, again) = state(tmp_path / "whole"), state(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert [row for row in rows if "gradients" in row["metric"]] == [
        row for row in again if "gradients" in row["metric"]
    ]
    assert rows[-1] == again[-1]


def test_gradients_are_in_the_events_and_the_figures(tmp_path):
    """Norms of every task and the cosine of every pair, each time that the spec asks for."""
    text = SPEC.replace("BALANCE", "fixed")
    assert train(compiled(tmp_path, text), text, tmp_path / "run").status == 0
    run = Run(tmp_path / "run")
    events = [event for event in run.events() if event["event"] == "gradients"]
    assert [event["at"] for event in events] == [3, 7, 11]
    assert set(events[0]["norms"]) == {"stimulus", "pain"}
    assert -1 <= events[0]["cosines"]["stimulus:pain"] <= 1
    names = {row["metric"] for row in run.metrics()}
    assert {"gradients/norm/pain", "gradients/cosine/stimulus:pain"} <= names


def test_a_balance_is_told_the_scale_of_gradients_and_the_losses_of_all_processes():
    """In fp16 gradients are scaled, and losses of a process are its part of the batch: both change what it measures."""

    class Halves(ProcessGroup):
        def mean(self, values):
            return values / 2

    calls = []
    balance = SimpleNamespace(finish_step=lambda terms, scale, _: calls.append((terms.tolist(), scale)))
    passes = SimpleNamespace(finish_step=lambda loss, terms, _: (loss, terms))
    for scaler, scale in ((None, 1.0), (SimpleNamespace(get_scale=lambda: 4.0), 4.0)):
        single = SimpleNamespace(scaler=scaler, strategy=SimpleNamespace(world=Halves()))
        BalancedLosses(passes, single, balance, []).finish_step(torch.ones(()), torch.tensor([2.0, 6.0]), 0)
        assert calls.pop() == ([1.0, 3.0], scale)
