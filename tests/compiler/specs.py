"""Small specs over simulated data that compiler tests change by replacing text."""

from __future__ import annotations

from pathlib import Path

from declare.compiler.pipeline import CheckedSpec, check

LAB = "{type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}"
ONE = f"""\
declare: 1
name: one
datasets:
  lab:
    source: {LAB}
    transforms: [{{type: temporal_pool, field: features}}]
    split: {{val: 0.25, by: subject}}
model:
  encoder: {{type: mlp, input: features, hidden: [8]}}
tasks:
  stimulus: {{type: classification, dataset: lab, target: stimulus}}
phases:
  fit: {{epochs: 2, batch_size: 10, optimizer: {{type: adamw, lr: 1e-3}}}}
"""
TWO = ONE.replace(
    "model:",
    f"""\
  field:
    source: {LAB.replace("samples: 40", "samples: 80, seed: 1")}
    transforms: [{{type: temporal_pool, field: features}}]
    split: {{val: 0.25, by: subject}}
model:""",
).replace("dataset: lab", "datasets: [lab, field]")


def run(folder: Path, text: str, *changes: tuple[str, str], sets: tuple[str, ...] = ()) -> CheckedSpec:
    """Check a spec with parts of its text replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "spec.yaml"
    path.write_text(text)
    return check(path, sets)


def codes(checked: CheckedSpec) -> dict[str, str]:
    """Return the codes of all findings by path."""
    return {found.path: found.code for found in checked.diagnostics}
