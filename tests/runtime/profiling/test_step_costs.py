"""A step traced without data and memory takes what a real one takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import declare
from declare.ir.phase_costs import PhaseCosts
from declare.ir.plan import Plan
from declare.runtime.profiling.fake_run import fake_run, without_values
from declare.runtime.profiling.step_costs import phase_costs
from declare.runtime.setup.builder import PlanBuilder
from tests.emit.programs import ROOT, place

CPU = torch.device("cpu")
TOLERANCE = 0.1
IMAGES = """\
declare: 1
datasets:
  textures:
    source: {type: simulated, name: textures, samples: 20, classes: 3, size: 224}
    split: {val: 0.2}
model: {encoder: {type: timm, name: %s, input: image, pretrained: false}}
tasks: {kind: {type: classification, target: label}}
phases: {fit: {steps: 4, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}%s}}
"""
MODELS = (
    *("resnet18", "resnet50", "vit_tiny_patch16_224", "vit_small_patch16_224", "mobilenetv3_large_100"),
    *("efficientnet_b0", "convnext_tiny", "swin_tiny_patch4_window7_224", "regnety_004", "densenet121"),
)


def both(plan: Plan, phase: str) -> tuple[PhaseCosts, PhaseCosts]:
    """Return the costs of real steps on real data, and those of traced ones."""
    real = phase_costs(plan, PlanBuilder(plan, None, CPU), plan.phase(phase))
    traced_plan = without_values(plan)
    with fake_run(traced_plan, CPU) as builder:
        return real, phase_costs(traced_plan, builder, traced_plan.phase(phase))


def assert_close(plan: Plan) -> None:
    """Compare all phases."""
    for phase in plan.phases:
        real, traced = both(plan, phase.name)
        assert real.peak_bytes is not None
        assert traced.peak_bytes == pytest.approx(real.peak_bytes, rel=TOLERANCE), phase.name


def test_digits(tmp_path: Path) -> None:
    """Images of one size: step and evaluation, memory and FLOPs agree."""
    plan = declare.plan(place("digits", tmp_path))
    real, traced = both(plan, "fit")
    assert real.step is not None
    assert traced.step is not None
    assert real.evaluation is not None
    assert traced.evaluation is not None
    assert traced.step.total == pytest.approx(real.step.total, rel=0.01)
    assert traced.evaluation.total == pytest.approx(real.evaluation.total, rel=0.01)
    assert (traced.forward_flops, traced.backward_flops) == (real.forward_flops, real.backward_flops)
    encoder = traced.modules[0]
    assert encoder.path == "encoder"
    assert encoder.gradient_bytes == 4 * encoder.parameters
    assert encoder.optimizer_bytes >= 8 * encoder.parameters


@pytest.mark.parametrize(
    "settings",
    [
        ("accumulate=2", "ema={decay: 0.9}", "clip={norm: 1.0}"),
        ("precision=bf16", "on_batch_error={action: skip, limit: 3}"),
        ('freeze=[{match: "encoder.*"}]',),
    ],
)
def test_settings_of_a_phase(settings: tuple[str, ...], tmp_path: Path) -> None:
    """Micro-batches, averages, clipping, half precision, frozen modules."""
    assert_close(declare.plan(place("digits", tmp_path), set=[f"phases.fit.{item}" for item in settings]))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "specs").glob("*.yaml")))
def test_specs(name: str, tmp_path: Path) -> None:
    """Every phase of every spec, as it is."""
    assert_close(declare.plan(place(name, tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_models_of_timm(model: str, tmp_path: Path) -> None:
    """A step of a large model."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(IMAGES % (model, ""))
    assert_close(declare.plan(spec))
