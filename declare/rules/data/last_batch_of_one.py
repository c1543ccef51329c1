"""Batch normalisation of vectors cannot train on a batch of one sample."""

from __future__ import annotations

import math
from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import ModulePlan, PhasePlan
from declare.rules.course import train_sizes
from declare.rules.parts import given, phases
from declare.rules.view import View

CODE = "DAT304"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield each phase that gives such a norm a batch, or a micro-batch, of one sample."""
    for phase in phases(view):
        plan, sizes = view.phases.get(phase.name), train_sizes(view, phase.block)
        single = _single(plan, sizes) if plan is not None and sizes else ""
        node = next((node for node in view.nodes.values() if normalises_vectors(node)), None)
        if not single or node is None or plan is None:
            continue
        name = next(iter(sizes or {}))
        yield Problem(
            CODE,
            single,
            at=f"{phase.path}.batch_size",
            label="one sample has no variance",
            also={
                f"datasets.{name}.source": f"{(sizes or {})[name]} training samples",
                f"model.{node.name}" if node.role == "module" else "tasks": "normalises over the batch",
            },
            helps=(
                f"set `batch_size: {plan.batch_size + 1}`, or another that leaves more than one sample",
                "normalise without the batch: `norm: layer`",
            ),
        )


def _single(plan: PhasePlan, sizes: dict[str, int]) -> str:
    """Say which batch of a phase holds one sample, or return nothing."""
    if plan.batch_size // plan.accumulate <= 1:
        return f"each batch of phase `{plan.name}` holds one sample, too few for batch norm"
    total = sum(sizes.values())
    last = total % plan.batch_size
    if len(sizes) == 1 and last == 1 and plan.steps >= math.ceil(total / plan.batch_size):
        return f"{total} samples in batches of {plan.batch_size} end in one, too few for batch norm"
    return ""


def normalises_vectors(node: ModulePlan) -> bool:
    """Return whether a node has batch norms whose statistics come from the batch axis alone."""
    if node.layers:
        norms = [layer for layer in node.layers if layer.type.startswith(("BatchNorm", "SyncBatchNorm"))]
        return any(layer.shape is not None and not set(layer.shape[1:]) - {1} for layer in norms)
    return bool(given(node.block, "type") == "mlp" and given(node.block, "norm") == "batch")
