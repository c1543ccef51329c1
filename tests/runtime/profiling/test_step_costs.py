"""A step traced without data and memory takes what a real one takes."""

from __future__ import annotations

from pathlib import Path

import pytest

import declare
from declare.ir.plan import Plan
from tests.emit.programs import SETS, place
from tests.runtime.profiling.measuring import IMAGES, measured_and_traced

TOLERANCE = 0.1


def assert_close(plan: Plan) -> None:
    """Compare all phases."""
    for phase in plan.phases:
        real, traced = measured_and_traced(plan, phase.name)
        assert real.peak_bytes is not None
        assert traced.peak_bytes == pytest.approx(real.peak_bytes, rel=TOLERANCE), phase.name


def test_digits(tmp_path: Path) -> None:
    """Images of one size: step and evaluation, memory and FLOPs agree."""
    plan = declare.plan(place("digits", tmp_path))
    real, traced = measured_and_traced(plan, "fit")
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
        ("optimizer={type: nadam, lr: 1e-3}", "precision=fp16"),
        ("optimizer={type: adopt, lr: 1e-3}",),
        ('freeze=[{match: "encoder.*"}]',),
    ],
)
def test_settings_of_a_phase(settings: tuple[str, ...], tmp_path: Path) -> None:
    """Micro-batches, averages, clipping, half precision, updates that read numbers, frozen modules."""
    assert_close(declare.plan(place("digits", tmp_path), set=[f"phases.fit.{item}" for item in settings]))


@pytest.mark.parametrize("name", ["neural", "seq2seq", "text_classifier"])
def test_specs(name: str, tmp_path: Path) -> None:
    """Several datasets and tasks, masks, texts; `python -m tests.runtime.profiling.measuring` measures all."""
    assert_close(declare.plan(place(name, tmp_path), set=list(SETS[name])))


@pytest.mark.parametrize("model", ["regnety_004", "vit_tiny_patch16_224"])
def test_models_of_libraries(model: str, tmp_path: Path) -> None:
    """Of grouped convolutions and of attention."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(IMAGES % (model, 2))
    assert_close(declare.plan(spec))
