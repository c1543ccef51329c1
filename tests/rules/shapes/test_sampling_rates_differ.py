"""Sampling rates of series that one module reads in several datasets."""

import pytest

import declare

SPEC = """
declare: 1
datasets:
  one: {{source: {{type: simulated, name: eeg, samples: 40, channels: 4, rate: 100, seconds: 1}}, fields: {one}, {split}}}
  two: {{source: {{type: simulated, name: eeg, samples: 40, channels: 4, rate: 250, seconds: 1}}, fields: {two}, {split}}}
model:
  encoder: {{type: conv1d, input: eeg, channels: [4]{apart}}}
tasks:
  sex: {{type: classification, datasets: [one, two], target: sex}}
phases:
  fit: {{epochs: 1, batch_size: 8, optimizer: {{type: adamw, lr: 1e-3}}}}
"""
SPLIT = "split: {val: 0.25}"
RESAMPLED = "transforms: [{type: resample, field: eeg, rate: 50}], split: {val: 0.25}"


def fields(rate):
    stated = f", rate: {rate}" if rate else ""
    return f'{{eeg: {{type: series{stated}}}, sex: {{type: category, missing: ["n/a"]}}}}'


@pytest.mark.parametrize(
    ("rates", "split", "apart", "reported"),
    [
        ((100, 250), SPLIT, "", True),
        ((100, 100), SPLIT, "", False),
        ((100, 250), RESAMPLED, "", False),
        ((100, 250), SPLIT, ", per_dataset: true", False),
    ],
)
def test_shared_modules_read_one_rate(tmp_path, rates, split, apart, reported):
    """Known rates are compared after `resample`."""
    path = tmp_path / "spec.yaml"
    one, two = map(fields, rates)
    path.write_text(SPEC.format(one=one, two=two, split=split, apart=apart))
    assert ("SHP547" in {item.code for item in declare.check(path).diagnostics}) == reported
