"""What a phase's probes may learn and read."""

import pytest

from declare.compiler.pipeline import check

SPEC = """
declare: 1
datasets:
  lab:
    source: {{type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}}
    split: {{val: {val}, by: subject}}
model:
  encoder: {{type: series_patch, input: features, patch: 5, dim: 8, depth: 1, heads: 2}}
tasks:
  stimulus: {{type: classification, dataset: lab, target: stimulus}}
  hidden: {{type: reconstruction, dataset: lab, target: features}}
phases:
  fit: {{epochs: 1, batch_size: 10, optimizer: {{type: adamw, lr: 1e-3}}, probes: [{probe}]}}
{rest}
"""


def findings(tmp_path, probe, val=0.25, rest=""):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(probe=probe, val=val, rest=rest))
    return [(found.code, found.path) for found in check(path).diagnostics if found.severity == "error"]


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ("{task: stimulus, type: linear}", []),
        ("{task: stimulus, type: linear, input: encoder}", []),
        ("{task: stimulus, type: linear, input: encoder.output, l2: 0.1}", []),
        ("{task: hidden, type: linear}", [("PHS651", "phases.fit.probes.0.task")]),
        ("{task: stimuli, type: linear}", [("REF201", "phases.fit.probes.0.task")]),
        ("{task: stimulus, type: linear, input: encoderr}", [("REF201", "phases.fit.probes.0.input")]),
        ("{task: stimulus, type: linear, input: encoder.pool}", [("REF201", "phases.fit.probes.0.input")]),
        ("{task: stimulus, type: liner}", [("SCH106", "phases.fit.probes.0.type")]),
    ],
)
def test_probe(tmp_path, probe, expected):
    """A probe that cannot be is refused at its place; one that can is silent."""
    assert findings(tmp_path, probe) == expected


def test_nothing_to_judge_by(tmp_path):
    """A probe needs validation samples."""
    assert ("PHS651", "phases.fit.probes.0.task") in findings(
        tmp_path, "{task: stimulus, type: linear}", val=0
    )


def test_expected_figures(tmp_path):
    """A probe's figure may be expected by its name, and one that no probe gives is unknown."""
    probe = "{task: stimulus, type: linear}"
    good = 'expect: {probe/fit/stimulus/accuracy: ">= 0.1"}'
    bad = 'expect: {probe/fit/hidden/nrmse: "<= 1"}'
    assert findings(tmp_path, probe, rest=good) == []
    assert findings(tmp_path, probe, rest=bad) == [("PHS601", "expect.probe/fit/hidden/nrmse")]


def test_nothing_inside_a_phase_waits_for_a_probe(tmp_path):
    """A checkpoint cannot be picked by what is measured when its phase is over."""
    probe = (
        "{task: stimulus, type: linear}], evaluate: {best: {metric: probe/fit/stimulus/accuracy, mode: max}"
    )
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(probe=probe, val=0.25, rest="").replace("mode: max}]}", "mode: max}}}"))
    codes = [found.code for found in check(path).diagnostics if found.severity == "error"]
    assert codes == ["PHS601"]
