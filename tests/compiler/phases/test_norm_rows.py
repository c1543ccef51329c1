"""Batch norms that would get one value are refused exactly where training would fail on them."""

from __future__ import annotations

import numpy as np
import pytest

from declare.compiler.passes import phases as phases_pass
from declare.compiler.pipeline import check
from declare.runtime.run import train

SPEC = """
declare: 1
name: norms
datasets:
{datasets}
model:
  encoder: {model}
tasks: {{t: {{type: classification, datasets: {names}, target: y}}}}
phases: {{fit: {{{phase}, optimizer: {{type: sgd, lr: 1e-3}}}}}}
hardware: {{accelerator: cpu, precision: fp32, workers: 0, compile: false}}
tracking: csv
"""
MLP = "{type: mlp, input: x, hidden: [4], norm: batch}"
CNN = "{type: cnn, input: x, channels: [2, 2, 2]}"
ONE = {"a": 9}
TWO = {"a": 9, "b": 3}
CASES = {
    "whole batches": (ONE, MLP, "epochs: 1, batch_size: 3", None),
    "rest of one": (ONE, MLP, "epochs: 1, batch_size: 4", "end in 1"),
    "rest of one never reached": (ONE, MLP, "steps: 2, batch_size: 4", None),
    "batches of one": (ONE, MLP, "epochs: 1, batch_size: 1", "has 1"),
    "rest cut into ones": (ONE, MLP, "epochs: 1, batch_size: 6, accumulate: 3", "end in 3, cut into 3"),
    "rest cut into twos": (ONE, MLP, "epochs: 1, batch_size: 5, accumulate: 1", None),
    "one row beside others": (TWO, MLP, "steps: 2, batch_size: {a: 3, b: 1}", None),
    "one row by itself": (
        TWO,
        MLP.replace("mlp,", "mlp, per_dataset: true,"),
        "steps: 2, batch_size: {a: 3, b: 1}",
        "1 of `b`",
    ),
    "rows in turns": (
        TWO,
        MLP.replace("mlp,", "mlp, per_dataset: true,"),
        "steps: 4, batch_size: 2, mix: alternate",
        None,
    ),
    "map of one place": (ONE, CNN, "epochs: 1, batch_size: 4", "end in 1"),
    "map of four places": (ONE, CNN.replace("[2, 2, 2]", "[2, 2]"), "epochs: 1, batch_size: 4", None),
    "map of one place at a small scale": (
        ONE,
        CNN.replace("[2, 2, 2]", "[2, 2]"),
        "epochs: 1, batch_size: 4, scales: {field: x, sizes: [2, 4]}",
        "end in 1",
    ),
    "library model": (ONE, "{type: timm, name: resnet18, input: x}", "epochs: 1, batch_size: 4", "end in 1"),
    "frozen norms": (ONE, MLP, "epochs: 1, batch_size: 4, freeze: [{match: 'encoder.*'}]", None),
}


def write(folder, sizes, model, phase):
    """Write small data and the spec; return its path."""
    generator = np.random.default_rng(0)
    images = "x: {type: image, layout: CHW}" if "cnn" in model or "timm" in model else "x: {type: vector}"
    lines = []
    for name, size in sizes.items():
        side = 32 if "timm" in model else 4
        shape = (size + 3, 1, side, side) if "image" in images else (size + 3, 3)
        x = (
            generator.integers(0, 255, shape).astype(np.uint8)
            if "image" in images
            else generator.normal(size=shape)
        )
        part = np.array(["train"] * size + ["val"] * 3)
        np.savez(folder / f"{name}.npz", x=x, y=np.arange(size + 3) % 2, part=part)
        fields = f"{{{images}, y: {{type: category}}, part: {{type: category}}}}"
        lines.append(
            f"  {name}: {{source: {{type: npz, path: {name}.npz}}, fields: {fields}, split: {{column: part}}}}"
        )
    names = f"[{', '.join(sizes)}]"
    text = SPEC.format(datasets="\n".join(lines), model=model, names=names, phase=phase)
    (folder / "spec.yaml").write_text(text)
    return folder / "spec.yaml"


def test_images_count_by_their_size_in_training(tmp_path):
    """A crop of training images alone leaves one place, whatever evaluations see."""
    path = write(tmp_path, ONE, CNN.replace("[2, 2, 2]", "[2, 2]"), "epochs: 1, batch_size: 4")
    assert "DAT304" not in [item.code for item in check(path).diagnostics]
    crop = "transforms: [{type: random_crop, field: x, size: 2}], split:"
    path.write_text(path.read_text().replace("split:", crop))
    assert "DAT304" in [item.code for item in check(path).diagnostics]


@pytest.mark.parametrize("case", CASES)
def test_one_value_is_refused_where_training_fails(tmp_path, monkeypatch, case):
    """DAT304 is found where a norm gets one value in a step, and where it is not found the phase trains."""
    sizes, model, phase, words = CASES[case]
    path = write(tmp_path, sizes, model, phase)
    errors = [item for item in check(path).diagnostics if item.severity == "error"]
    assert [item.code for item in errors] == ["DAT304"] * bool(words), errors
    assert not words or words in errors[0].title
    monkeypatch.setattr(phases_pass, "one_value_norms", lambda *_: ())
    plan = check(path).plan
    outcome = train(plan, path.read_text(), tmp_path / "run")
    failed = any("more than 1 value per channel" in str(item) for item in outcome.problems)
    assert failed == bool(words), outcome.problems
