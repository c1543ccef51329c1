"""Inputs in the single precision that models compute in: what it merges is refused, with the way out."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.specs import codes, run

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {x: {type: vector}, y: {type: number}, s: {type: category}}
    transforms: []
    split: {column: s}
model: {enc: {type: mlp, input: x, hidden: [4]}}
tasks: {k: {type: regression, dataset: d, target: y, metrics: [mae]}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
"""
R = np.random.default_rng(4)
PLAIN = R.normal(size=(60, 2))
SPLIT = np.array(["train"] * 40 + ["val"] * 20)
TIMES = np.stack([R.normal(size=60), 1.7e9 + np.arange(60)], 1)
STANDARDIZE = ("transforms: []", "transforms: [{type: standardize, field: x}]")
LOG = ("transforms: []", "transforms: [{type: log, field: x}, {type: standardize, field: x}]")


@pytest.fixture
def check(tmp_path):
    """Return a function that writes inputs and checks a spec over them."""

    def checked(x, *changes, y=PLAIN[:, 0]):
        np.savez(tmp_path / "d.npz", x=x, y=y, s=SPLIT)
        return run(tmp_path, SPEC, *changes)

    return checked


def findings(checked):
    """Return the codes of this matter."""
    return [item.code for item in checked.diagnostics if item.code in {"DAT305", "DAT307", "DAT316"}]


@pytest.mark.parametrize("scale", [1e-40, 1e-300])
def test_numbers_too_small_for_single_precision_are_refused(check, scale):
    """They would be nothing, or nearly so; standardized they are numbers as others are."""
    assert findings(check(PLAIN * scale)) == ["DAT305"]
    assert findings(check(PLAIN * scale, STANDARDIZE)) == []


def test_times_that_merge_are_refused(check):
    """The finding names how many are left, the feature and the transform that keeps them apart."""
    checked = check(TIMES)
    (found,) = [item for item in checked.diagnostics if item.code == "DAT305"]
    assert found.title == "40 different values of input `x` are 1 in single precision"
    assert "feature 1, counted from 0" in found.notes
    assert "standardize" in found.helps[0]
    assert findings(check(TIMES, STANDARDIZE)) == []


def test_what_only_rounds_is_no_finding(check):
    """Ordinary numbers, heavy tails and whole numbers pass, as they are and standardized."""
    heavy = np.exp(R.normal(size=(60, 2)) * 3)
    for values in (PLAIN, heavy, heavy.astype("float32"), R.integers(0, 10**6, (60, 2))):
        assert findings(check(values)) == findings(check(values, STANDARDIZE)) == []


def test_an_offset_of_recordings_only_rounds(check):
    """Microvolts beside an offset, and kelvin, lose a ten-thousandth of their deviation at most."""
    many = R.normal(size=(60, 2000))
    assert findings(check(4000 + 20 * many)) == findings(check(300 + 10 * many)) == []
    assert findings(check(1e7 + 20 * many)) == ["DAT305"]


def test_one_large_value_hides_the_others(check):
    """Beside it all others are one number once they are standardized; their logarithms are not."""
    values = np.stack([R.normal(size=60) ** 2, np.r_[1e13, np.arange(1, 60)]], 1)
    assert findings(check(values)) == []
    assert findings(check(values, STANDARDIZE)) == ["DAT307"]
    assert findings(check(values, LOG)) == []


def test_numbers_beyond_single_precision_are_called_so(check):
    """They are finite in double precision, in which `standardize` makes plain numbers of them; targets are refused."""
    (found,) = [item for item in check(PLAIN * 1e300).diagnostics if item.code == "DAT305"]
    assert "infinite in single precision" in found.title
    assert "single precision to 3.4e+38" in found.notes[0]
    assert findings(check(PLAIN * 1e300, STANDARDIZE)) == []
    (found,) = [item for item in check(PLAIN, y=PLAIN[:, 0] * 1e300).diagnostics if item.code == "DAT316"]
    assert "beyond 3.4e+38" in found.title


@pytest.mark.parametrize("low", [-1e308, 1e308])
def test_a_number_beyond_single_precision_is_refused_whatever_the_others_are(check, low):
    """Its deviation is beyond all numbers, or 0."""
    values = np.where(np.arange(60) % 2, 1e308, low)
    assert findings(
        check(values, ("x: {type: vector}", "x: {type: number}"), ("type: mlp", "type: tabular"))
    ) == ["DAT305"]


def test_targets_are_not_inputs(check):
    """A target of any offset is learned in standard units, and kept in double precision in the plan."""
    checked = check(PLAIN, y=1.7e9 + np.arange(60))
    assert findings(checked) == []
    assert checked.plan.datasets["d"].fields["y"].double
    assert not checked.plan.datasets["d"].fields["x"].double
    assert not check(PLAIN).plan.datasets["d"].fields["y"].double


@pytest.mark.parametrize("task", ["regression", "ordinal"])
def test_a_mistake_elsewhere_in_the_dataset_is_one_finding(check, task):
    """Nothing is read for what cannot be planned."""
    checked = check(
        TIMES,
        ("split: {column: s}", "split: {column: s}\n    cache: never"),
        ("type: regression", f"type: {task}"),
    )
    assert "SCH105" in codes(checked).values()
    assert findings(checked) == []
