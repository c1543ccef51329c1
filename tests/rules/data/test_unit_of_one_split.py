"""Which transforms may be applied to one split alone."""

import pytest

import declare

SPEC = """
declare: 1
datasets:
  d:
    source: {{type: sklearn, name: diabetes}}
    transforms: {transforms}
    split: {{val: 0.25}}
model:
  encoder: {{type: mlp, input: features, hidden: [4]}}
tasks:
  k: {{type: regression, dataset: d, target: target}}
phases:
  fit: {{epochs: 1, batch_size: 8, optimizer: {{type: adamw, lr: 1e-3}}}}
"""


@pytest.mark.parametrize(
    ("transforms", "codes"),
    [
        ("[{type: standardize, field: features, on: train}]", {"DAT402"}),
        ("[{type: standardize, fields: [features], on: eval}]", {"DAT402"}),
        (
            "[{type: standardize, field: features}, {type: log, field: features, offset: 9, on: train}]",
            {"DAT402"},
        ),
        ("[{type: standardize, field: features}]", set()),
        ("[{type: clip, field: features, low: 0, on: train}]", set()),
        (
            "[{type: log, field: features, offset: 1, on: train}, {type: log, field: features, offset: 1, on: eval}]",
            set(),
        ),
        ("[{type: standardize, field: target, on: train}]", {"LOS434"}),
    ],
)
def test_units_of_inputs_are_those_of_all_splits(tmp_path, transforms, codes):
    """Standardised in training alone, an input is another number in evaluations."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(transforms=transforms))
    assert {item.code for item in declare.check(path).diagnostics if item.severity == "error"} == codes
