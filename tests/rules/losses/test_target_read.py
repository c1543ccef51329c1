"""Whether a model that reads its target is a mistake."""

import numpy as np
import pytest

import declare

SPEC = """
declare: 1
datasets:
  d:
    source: {{type: sklearn, name: iris}}
    split: {{val: 0.25}}
model:
  {model}
tasks:
  k: {task}
phases:
  fit: {{epochs: 1, batch_size: 8, optimizer: {{type: adamw, lr: 1e-3}}}}
"""
SEGMENTATION = """
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {image: {type: image}, mask: {type: mask}}
    split: {val: 0.25}
model:
  encoder: {type: cnn, channels: [4, 4], input: image}
  decoder: {type: upsample, channels: [4], input: {input: encoder.map, like: mask}}
tasks:
  k: {type: segmentation, dataset: d, target: mask, head: {type: segmentation, input: decoder}}
phases:
  fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}
"""
ROW = "row: {type: tabular, input: [features, label], width: 4}"
PLAIN = "encoder: {type: mlp, input: features, hidden: [4]}"


@pytest.mark.parametrize(
    ("model", "task", "reads"),
    [
        (ROW, "{type: classification, dataset: d, target: label}", True),
        (ROW, "{type: regression, dataset: d, target: features}", True),
        (PLAIN, "{type: classification, dataset: d, target: label}", False),
        (PLAIN, "{type: regression, dataset: d, target: features}", False),
        (PLAIN, "{type: reconstruction, dataset: d, target: features}", False),
    ],
)
def test_a_target_among_the_inputs(tmp_path, model, task, reads):
    """Beside other fields it is the answer; alone it is an autoencoder's, and hidden it may be read."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(model=model, task=task))
    codes = {item.code for item in declare.check(path).diagnostics}
    assert ("LOS442" in codes) == reads
    assert not codes - {"LOS442"}


def test_the_size_of_a_target_is_no_answer(tmp_path):
    """A decoder may take its size from the mask."""
    path = tmp_path / "spec.yaml"
    path.write_text(SEGMENTATION)
    np.savez(
        tmp_path / "d.npz",
        image=np.zeros((8, 8, 8), np.uint8),
        mask=np.eye(8, dtype=np.uint8)[None].repeat(8, 0),
    )
    assert not {item.code for item in declare.check(path).diagnostics} & {"LOS442"}


def test_another_field_of_the_same_column_is_the_answer(tmp_path):
    """Whatever it is called."""
    path = tmp_path / "spec.yaml"
    fields = (
        "fields: {features: {type: vector}, label: {type: category}, copy: {type: category, column: label}}\n"
    )
    text = SPEC.replace("    split:", f"    {fields.replace('{', '{{').replace('}', '}}')}    split:")
    model = ROW.replace("label", "copy")
    path.write_text(text.format(model=model, task="{type: classification, dataset: d, target: label}"))
    assert "LOS442" in {item.code for item in declare.check(path).diagnostics}
