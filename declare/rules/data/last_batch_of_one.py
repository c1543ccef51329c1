"""Batch normalisation of one value a channel cannot train on a batch of one sample."""

from __future__ import annotations

import math
from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import ModulePlan, PhasePlan
from declare.ir.sample_lengths import component_of
from declare.rules.course import train_sizes
from declare.rules.parts import phases
from declare.rules.sample_lengths import shortest
from declare.rules.view import View

CODE = "DAT304"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield each phase that gives such a norm a batch, or a micro-batch, of one sample."""
    for phase in phases(view):
        plan, sizes = view.phases.get(phase.name), train_sizes(view, phase.block)
        single = _single(plan, sizes) if plan is not None and sizes else ""
        node = next((node for node in view.nodes.values() if normalises_vectors(view, node)), None)
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
                "or choose a `norm` that does without the batch (`layer`, `group`)",
            ),
        )


def _single(plan: PhasePlan, sizes: dict[str, int]) -> str:
    """Say which batch of a phase holds one sample, or return nothing."""
    if plan.batch_size // plan.accumulate <= 1:
        return f"each batch of phase `{plan.name}` holds one sample, too few for batch norm"
    total = sum(sizes.values())
    last = total % plan.batch_size
    pieces = max(1, min(plan.accumulate, last))
    if len(sizes) == 1 and last // pieces == 1 and plan.steps >= math.ceil(total / plan.batch_size):
        cut = f", cut into {pieces}," if pieces > 1 else ""
        return f"{total} samples in batches of {plan.batch_size}{cut} end in one, too few for batch norm"
    return ""


def normalises_vectors(view: View, node: ModulePlan) -> bool:
    """Return whether a node has batch norms that see one value of a sample, of the shortest where lengths differ."""
    if node.layers:
        norms = [layer for layer in node.layers if layer.type.startswith(("BatchNorm", "SyncBatchNorm"))]
        return any(layer.shape is not None and not set(layer.shape[1:]) - {1} for layer in norms)
    component = component_of(node)
    return component is not None and any(
        component.batch_norm_values(shortest(view, node, dataset)) == 1 for dataset in node.datasets
    )
