"""Traced against measured costs: `python -m tests.runtime.profiling.measuring [SPEC ...]` prints the tables of docs/costs.md.

Without a spec all of `specs/` are measured, and models of timm.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import declare
from declare.compiler.phases.memory import of_plan
from declare.ir.phase_costs import PhaseCosts
from declare.ir.plan import Plan
from declare.runtime.profiling.fake_run import fake_run, without_values
from declare.runtime.profiling.step_costs import phase_costs
from declare.runtime.setup.builder import PlanBuilder
from tests.emit.programs import ROOT, place

CPU = torch.device("cpu")
IMAGES = """\
declare: 1
datasets:
  textures:
    source: {type: simulated, name: textures, samples: 40, classes: 3, size: 224}
    split: {val: 0.2}
model: {encoder: {type: timm, name: %s, input: image, pretrained: false}}
tasks: {kind: {type: classification, target: label}}
phases: {fit: {steps: 4, batch_size: %d, optimizer: {type: adamw, lr: 1e-3}}}
"""
MODELS = (
    *("resnet18", "resnet50", "vit_tiny_patch16_224", "vit_small_patch16_224", "mobilenetv3_large_100"),
    *("efficientnet_b0", "convnext_tiny", "swin_tiny_patch4_window7_224", "regnety_004", "densenet121"),
)


def measured_and_traced(plan: Plan, phase: str) -> tuple[PhaseCosts, PhaseCosts]:
    """Return the costs of real steps on real data, and those of steps without data and memory."""
    measured = phase_costs(plan, PlanBuilder(plan, None, CPU), plan.phase(phase))
    traced_plan = without_values(plan)
    with fake_run(traced_plan, CPU) as builder:
        return measured, phase_costs(traced_plan, builder, traced_plan.phase(phase))


def rows(name: str, plan: Plan) -> Iterator[str]:
    """Yield a row of the table for each phase, in MB."""
    for phase in plan.phases:
        measured, traced = measured_and_traced(plan, phase.name)
        formulas = of_plan(plan, phase)
        sizes = (
            measured.step and measured.step.total,
            measured.evaluation and measured.evaluation.total,
            traced.peak_bytes,
            formulas and formulas.total,
        )
        cells = ["-" if size is None else f"{size / 1e6:.4g}" for size in sizes]
        cells.insert(3, f"{(measured.peak_bytes or 0) / (traced.peak_bytes or 1):.2f}")
        yield f"| {name}, {phase.name} | {' | '.join(cells)} |"


def main(specs: list[str]) -> None:
    """Print a row for each phase."""
    with TemporaryDirectory() as folder:
        names = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
        paths = [Path(spec) for spec in specs] or [place(name, Path(folder)) for name in names]
        for path in paths:
            for row in rows(path.stem, declare.plan(path)):
                sys.stdout.write(f"{row}\n")
        for model in () if specs else MODELS:
            spec = Path(folder) / f"{model}.yaml"
            spec.write_text(IMAGES % (model, 8))
            for row in rows(model, declare.plan(spec)):
                sys.stdout.write(f"{row}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
