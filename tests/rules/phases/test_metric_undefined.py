"""A metric that compares targets with each other needs targets that differ, as the task sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from declare.compiler.pipeline import check

SPEC = """\
declare: 1
datasets:
  table:
    source: {type: csv, path: table.csv}
    fields: {width: number, size: number, part: category}
    split: {column: part}
    transforms: [%s]
model: {encoder: {type: mlp, input: width, hidden: [4]}}
tasks: {size: {type: regression, target: size, metrics: [{type: mse}, {type: r2}]}}
phases:
  fit:
    epochs: 1
    batch_size: 4
    optimizer: {type: adamw, lr: 1e-3}
    evaluate: {best: {metric: val/size/%s, mode: %s}}
"""


@pytest.mark.parametrize(
    ("transforms", "metric", "codes"),
    [
        ("{type: clip, field: size, high: 3}", "r2", ["PHS656"]),
        ("{type: clip, field: size, low: 0}, {type: clip, field: size, high: 4.5}", "r2", ["PHS656"]),
        ("{type: clip, field: size, high: 5.5}", "r2", []),
        ("{type: clip, field: width, high: 3}", "r2", []),
        ("{type: standardize, field: size}, {type: clip, field: size, high: 3}", "r2", []),
        ("{type: standardize, field: size}, {type: clip, field: size, low: 3}", "r2", ["PHS656"]),
        ("{type: standardize, field: size}, {type: clip, field: size, high: 0.9}", "r2", ["PHS656"]),
        ("{type: clip, field: size, high: 3}", "loss", []),
    ],
)
def test_targets_that_transforms_make_equal(
    tmp_path: Path, transforms: str, metric: str, codes: list[str]
) -> None:
    """A clipped range of one value is found; statistics, other fields and losses are left alone."""
    rows = [f"{row}.5,{row % 7},train" for row in range(20)]
    rows += [f"{row}.5,{row},val" for row in (5, 6)]
    (tmp_path / "table.csv").write_text("width,size,part\n" + "\n".join(rows) + "\n", encoding="utf-8")
    path = tmp_path / "spec.yaml"
    mode = "max" if metric == "r2" else "min"
    path.write_text(SPEC % (transforms, metric, mode), encoding="utf-8")
    assert [item.code for item in check(path).diagnostics if item.severity == "error"] == codes


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize(("low", "codes"), [(50, ["PHS656"]), (0, [])])
def test_targets_of_many_values_that_transforms_make_equal(
    tmp_path: Path, learned: bool, low: int, codes: list[str]
) -> None:
    """Each value of a vector may become the same, also behind what is learned of each feature."""
    draws = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=draws.random(30), y=draws.standard_normal((30, 3)))
    chain = "{type: standardize, field: y}, " if learned else ""
    spec = f"""\
declare: 1
datasets:
  d:
    source: {{type: npz, path: d.npz}}
    fields: {{x: number, y: vector}}
    transforms: [{chain}{{type: clip, field: y, low: {low}, high: 60}}]
    split: {{val: 0.3}}
model: {{encoder: {{type: mlp, input: x, hidden: [4]}}}}
tasks: {{t: {{type: regression, target: y, metrics: [r2]}}}}
phases:
  fit: {{steps: 1, batch_size: 4, optimizer: {{type: sgd, lr: 1e-3}}, evaluate: {{best: {{metric: val/t/r2, mode: max}}}}}}
"""
    (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
    found = check(tmp_path / "spec.yaml").diagnostics
    assert [item.code for item in found if item.severity == "error"] == codes
