"""Recordings of different neurons, the whole way: train, stop, resume, evaluate, predict, report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from declare.__main__ import main
from declare.compiler.pipeline import check
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

SPEC = """
declare: 1
name: neural
datasets:
  monday:
    source: {type: simulated, name: spikes, samples: 90, neurons: 3, frames: 2, size: 6, behaviour: 2, seed: 1}
    split: {val: 0.2}
  tuesday:
    source: {type: simulated, name: spikes, samples: 70, neurons: 4, frames: 2, size: 6, behaviour: 2, seed: 2}
    split: {val: 0.2}
model:
  core: {type: conv3d, input: stimulus, channels: [3, 3], kernel: [2, 3, 3]}
  state: {type: predictive_coding, input: [core, behaviour]}
tasks:
  response:
    type: counts
    datasets: [monday, tuesday]
    target: spikes
    mask: usable
    head: {type: gaussian_readout, input: state, per_dataset: true}
    loss: poisson_nll
    metrics: [bits_per_spike, correlation]
  surprise: {type: auxiliary, input: state.prediction_error, weight: 0.1}
phases:
  core:
    epochs: 3
    batch_size: 32
    sampler: {type: curriculum, score: contrast, start: 0.8, end: 0.0, over: 50%}
    regularizers:
      - {type: l2, match: "core.*.weight", weight: 1e-4}
      - {type: l1, match: "heads.response.*", weight: 1e-5}
      - {type: group_lasso, match: "core.*.weight", weight: 1e-5}
      - {type: smoothness, match: "core.stages.0.0.weight", weight: 1e-4}
    optimizer: {type: adamw, lr: 3e-3, groups: [{match: "heads.*", lr: 6e-3}]}
    ema: {decay: 0.9}
    evaluate: {every: 1 epochs, best: {metric: val/response/bits_per_spike, mode: max}}
    checkpoint: {every: 3 steps}
  modulator:
    epochs: 1
    batch_size: 32
    init: [{from: "phase:core"}]
    freeze: [{match: "core.*"}]
    optimizer: {type: adamw, lr: 1e-3}
tracking: csv
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of two phases."""
    folder = tmp_path_factory.mktemp("neural")
    (folder / "spec.yaml").write_text(SPEC)
    assert main(["train", str(folder / "spec.yaml"), "--run-dir", str(folder / "run"), "--quiet"]) == 0
    return folder / "run"


def test_the_core_stands_still_while_the_modulator_trains(run: Path) -> None:
    """The second phase starts from the first one's weights and changes all but the core."""
    from declare.runtime.checkpoint.safetensors_io import read_tensors

    before, after = (read_tensors(Run(run).weights_path(which)) for which in ("core", "modulator"))
    same = {name for name in before if before[name].equal(after[name])}
    assert {name for name in before if name.startswith("core.")} <= same
    assert not [name for name in same if name.startswith("heads.")]
    assert "state.predict.weight" not in same


def test_reports_print_the_share_of_the_oracle(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal says what the true rates reach and what share of it the model does; JSON has the number."""
    assert main(["report", str(run)]) == 0
    line = next(
        row
        for row in capsys.readouterr().out.splitlines()
        if "val/response/bits_per_spike" in row and "oracle" in row
    )
    assert "reached" in line
    assert main(["report", str(run), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["oracle"]["val/response/bits_per_spike"] > 0.1
    assert not [name for name in report["oracle"] if name.endswith("loss")]


def test_a_recording_is_evaluated_and_predicted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evaluation gives the run's own figures; predictions are a rate for each neuron of the recording."""
    assert main(["evaluate", str(run), "--split", "val", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    final = json.loads((run / "metrics.json").read_text())
    assert found == pytest.approx(final)
    assert {"val/response/bits_per_spike", "val/response@tuesday/correlation", "val/surprise/loss"} <= set(
        final
    )
    for name, width in (("monday", 3), ("tuesday", 4)):
        assert main(["predict", str(run), "--dataset", name, "--split", "val", "--format", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert len(rows[0]["response"]["rate"]) == width
        assert min(rows[0]["response"]["rate"]) >= 0


class Stop(Listener):
    """Stops the run at a step."""

    def on_event(self, event: object) -> Request | None:
        """Ask to stop at the first evaluation."""
        return Request.STOP_RUN if getattr(event, "name", "") == "evaluated" else None


def test_a_stopped_run_goes_on_as_if_nothing_had_been(run: Path, tmp_path: Path) -> None:
    """Sampled places and the curriculum are the same after a stop: the final figures are equal to the bit."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    plan = check(tmp_path / "spec.yaml").plan
    assert plan is not None
    assert train(plan, SPEC, tmp_path / "run", listeners=[Stop()]).status == 75
    outcome = train(plan, SPEC, tmp_path / "run", resume=True)
    assert outcome.status == 0
    assert outcome.metrics == json.loads((run / "metrics.json").read_text())
