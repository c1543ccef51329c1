"""A metric that compares targets with each other needs targets that differ, as the task sees them."""

from __future__ import annotations

from pathlib import Path

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
