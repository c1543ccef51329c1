"""What modules leave over of their inputs: by closed forms, and by what the real module's gradient does not reach."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from declare.compiler.meta.shape_cache import probe
from declare.compiler.pipeline import check
from declare.contract.shapes import Shape
from declare.parsing import parser

SERIES = Shape("series", (3, 50))
IMAGE = Shape("image", (3, 30, 44))
CASES = [
    ({"type": "series_patch", "patch": 12, "dim": 8, "depth": 1, "heads": 2, "spectrum": False}, SERIES),
    ({"type": "series_patch", "patch": 10, "dim": 8, "depth": 1, "heads": 2, "spectrum": False}, SERIES),
    ({"type": "transformer", "patch": 7, "dim": 8, "depth": 1, "heads": 2}, SERIES),
    ({"type": "transformer", "patch": 7, "dim": 8, "depth": 1, "heads": 2}, IMAGE),
    ({"type": "transformer", "patch": 2, "dim": 8, "depth": 1, "heads": 2}, IMAGE),
    ({"type": "conv1d", "channels": [4, 4, 4], "kernel": 1, "norm": "none"}, SERIES),
    ({"type": "conv1d", "channels": [4, 4], "kernel": 1, "norm": "none", "downsample": "stride"}, SERIES),
    ({"type": "cnn", "channels": [4, 4, 4, 4], "kernel": 1, "norm": "none", "downsample": "mean"}, IMAGE),
    ({"type": "cnn", "channels": [4, 4, 4], "kernel": 1, "norm": "none", "downsample": "none"}, IMAGE),
]


@pytest.mark.parametrize(("block", "shape"), CASES, ids=str)
def test_what_is_left_out_is_what_no_gradient_reaches(block: dict[str, object], shape: Shape) -> None:
    """The steps or pixels at the end of an axis that the output does not depend on are those that are said."""
    torch.manual_seed(0)
    component = parser.parse("modules", block)
    inputs = {component.ports[0].name: (shape,)}
    real = component.build(inputs).double().eval()
    with torch.no_grad():
        for parameter in real.parameters():
            parameter.copy_(torch.rand_like(parameter) + 0.1)  # above 0, so that no ReLU is silent
    values = torch.rand(2, *(int(dim or 0) for dim in shape.dims), dtype=torch.double, requires_grad=True)
    output = real(values)
    parts = [
        item for item in (output.values() if isinstance(output, dict) else [output]) if item.requires_grad
    ]
    sum(item.square().sum() for item in parts).backward()
    assert values.grad is not None
    reached = values.grad.abs().sum((0, 1)) > 0
    said = {item.axis: item.unused for item in component.left_out(inputs)}
    for axis, name in enumerate(("time",) if shape.layout == "series" else ("height", "width")):
        others = tuple(index for index in range(reached.dim()) if index != axis)
        seen = reached.any(others) if others else reached
        last = int(seen.nonzero().max())
        if block.get("downsample") == "stride":
            last = len(seen) - 1  # a stride without a kernel passes places over, it leaves nothing at the end
        assert len(seen) - 1 - last == said.get(name, 0), name


def test_a_probe_tells_of_strided_layers() -> None:
    """Of a real model the largest share that a layer drops at its end counts; padding and shortcuts drop nothing."""
    found = {}
    for name in ("convnext_atto", "resnet10t"):
        component = parser.parse("modules", {"type": "timm", "name": name})
        inputs = {"input": (Shape("image", (3, 50, 64)),)}
        assert component.left_out(inputs) is None
        found[name] = probe("modules", component, inputs).left_out
    assert found["resnet10t"] == ()
    assert found["convnext_atto"][0] == pytest.approx(1 / 3)
    assert component.left_out({"input": (Shape("image", (3, 64, 96)),)}) == ()


def test_the_plan_says_what_is_left_out(tmp_path: Path) -> None:
    """A node of the plan holds it, and a hundredth or more is a finding."""
    (tmp_path / "spec.yaml").write_text(
        """declare: 1
datasets: {p: {source: {type: simulated, name: textures, samples: 40, size: 30}}}
model: {encoder: {type: cnn, channels: [4, 4, 4], input: image}}
tasks: {kind: {type: classification, dataset: p, target: label}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}}
"""
    )
    checked = check(tmp_path / "spec.yaml")
    assert checked.plan is not None
    assert [tuple(item.model_dump().values()) for item in checked.plan.node("encoder").left_out] == [
        ("height", 2, 30),
        ("width", 2, 30),
    ]
    assert "DAT358" in {item.code for item in checked.diagnostics}


@pytest.mark.parametrize(
    ("module", "lengths", "words"),
    [
        ("conv1d, channels: [4, 4, 4], kernel: 3", (5, 9, 12), "`encoder` drops up to 3 steps of samples"),
        ("conv1d, channels: [4, 4], kernel: 3", (5, 9, 12), "`encoder` drops the last step of samples"),
        ("conv1d, channels: [4, 4], kernel: 3, downsample: none", (5, 9, 12), None),
        ("transformer, dim: 4, depth: 1, heads: 1, patch: 4", (5, 9, 12), "`encoder` drops up to 3 steps of samples"),
        ("transformer, dim: 4, depth: 1, heads: 1, patch: 2", (400, 500, 501), None),
        ("transformer, dim: 4, depth: 1, heads: 1", (5, 9, 12), None),
    ],
)  # fmt: skip
def test_what_samples_of_different_lengths_lose_is_said(
    tmp_path: Path, module: str, lengths: tuple[int, ...], words: str | None
) -> None:
    """Each sample loses what remains at its own end: how much at most, if it is a hundredth on average."""
    output = "encoder" if "conv1d" in module else "encoder.pooled"
    rows = [{"x": [[0.5] * lengths[index % 3]], "y": "ab"[index % 2]} for index in range(24)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "spec.yaml").write_text(
        f"""declare: 1
datasets: {{d: {{source: {{type: jsonl, path: d.jsonl}}, fields: {{x: {{type: series}}, y: {{type: category}}}}}}}}
model: {{encoder: {{type: {module}, input: x}}}}
tasks: {{k: {{type: classification, dataset: d, target: y, head: {{type: linear, input: {output}}}}}}}
phases: {{fit: {{epochs: 1, batch_size: 8, optimizer: {{type: adamw, lr: 1e-3}}}}}}
"""
    )
    found = [item.title for item in check(tmp_path / "spec.yaml").diagnostics if item.code == "DAT358"]
    assert found == ([words] if words else [])
