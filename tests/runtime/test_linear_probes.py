"""Probes in a run: measured once when a phase is over, kept by its state, told and reported."""

import pytest

from declare.compiler.pipeline import check
from declare.report.collect import of_run
from declare.report.probes import across_phases
from declare.report.render import html
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run
from declare.runtime.setup.builder import PlanBuilder

SPEC = """
declare: 1
name: probed
datasets:
  lab:
    source: {type: simulated, name: stimulus, samples: 60, subjects: 6, classes: 3, channels: 3, length: 10}
    split: {val: 0.3, by: subject}
model:
  encoder: {type: series_patch, input: features, patch: 5, dim: 8, depth: 1, heads: 2}
tasks:
  stimulus: {type: classification, dataset: lab, target: stimulus}
  hidden: {type: reconstruction, dataset: lab, target: features}
phases:
  first:
    tasks: [hidden]
    epochs: 1
    batch_size: 20
    optimizer: {type: adamw, lr: 1e-3}
    probes: [{task: stimulus, type: linear}]
  second:
    tasks: [stimulus]
    epochs: 1
    batch_size: 20
    optimizer: {type: adamw, lr: 1e-2}
    probes: [{task: stimulus, type: linear}]
"""
NAMES = ["probe/first/stimulus/accuracy", "probe/second/stimulus/accuracy"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(SPEC)
    found = check(path).plan
    assert found is not None
    return found


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    """A run without interruption."""
    return train(plan, SPEC, tmp_path_factory.mktemp("runs") / "whole")


def test_figures_stand_everywhere(whole):
    """Figures of each phase are final metrics, events of that phase, and rows of metrics.csv."""
    run = Run(whole.folder)
    assert set(NAMES) <= set(whole.metrics) & set(run.final)
    told = {event["phase"]: event["metrics"] for event in run.events() if event["event"] == "probed"}
    assert {phase: next(iter(metrics)).split("/")[1] for phase, metrics in told.items()} == {
        "first": "first",
        "second": "second",
    }
    rows = [row["metric"] for row in run.metrics()]
    assert all(rows.count(name) == 1 for name in NAMES)


@pytest.mark.parametrize("phase", ["first", "second"])
def test_killed_between_phase_and_probe(plan, whole, tmp_path, monkeypatch, phase):
    """A run that dies while it probes makes the probe up when it goes on, with the very same figures."""
    probe = PlanBuilder.probe

    def dying(self, planned):
        if planned.name == phase:
            raise KeyboardInterrupt
        return probe(self, planned)

    monkeypatch.setattr(PlanBuilder, "probe", dying)
    with pytest.raises(KeyboardInterrupt):
        train(plan, SPEC, tmp_path / "run")
    monkeypatch.setattr(PlanBuilder, "probe", probe)
    assert train(plan, SPEC, tmp_path / "run", resume=True).metrics == whole.metrics
    rows = [row["metric"] for row in Run(tmp_path / "run").metrics()]
    assert all(rows.count(name) == 1 for name in NAMES)


def test_report_shows_quality_across_phases(whole):
    """The report has one row for each figure, a column for each phase, and no second copy of it."""
    report = of_run(Run(whole.folder))
    found = across_phases(report)
    assert found.phases == ("first", "second")
    assert found.rows["stimulus/accuracy"] == tuple(whole.metrics[name] for name in NAMES)
    page = html.render(report)
    assert "<h2>Probes</h2>" in page
    final = page.partition("<h2>Final metrics</h2>")[2].partition("</section>")[0]
    assert "probe/" not in final
