"""Frozen norm statistics belong to one image size: a phase with other sizes should not use them."""

from collections.abc import Iterator, Mapping

from declare.contract.kinds.module import Module
from declare.contract.problem import Problem
from declare.ir.plan import FreezePlan, ModulePlan, PhasePlan
from declare.language.spec import Phase
from declare.parsing.lookup import find
from declare.rules.queries.fields import fields_above, fields_of_task
from declare.rules.spec_parts import LocatedBlock, phases
from declare.rules.spec_view import View

CODE = "PHS646"
STAGE = "phases"
_NORMS = ("BatchNorm", "SyncBatchNorm", "InstanceNorm", "EvoNorm")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase that gives a frozen module images of another size than its norm statistics."""
    sizes: dict[str, int] = {}
    for phase in phases(view):
        plan = view.phases.get(phase.name)
        if plan is None:
            return
        for index, freeze in enumerate(plan.freeze):
            if freeze.until_step is None and not plan.init:
                yield from _frozen_size_problems(view, phase, (plan, freeze, index), sizes)
        sizes = _sizes_after(view, plan, sizes)


def _sizes_after(view: View, phase: PhasePlan, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes to which the norm statistics belong after a phase, by field."""
    trained = {
        name for task in phase.tasks for data in phase.datasets for name in fields_of_task(view, task, data)
    }
    kept = {name: size for name, size in sizes.items() if name not in trained}
    if phase.scales is None:
        return kept
    return {**kept, phase.scales.field: phase.scales.evaluate or phase.scales.sizes[-1]}


def _frozen_size_problems(
    view: View,
    phase: LocatedBlock[Phase],
    frozen: tuple[PhasePlan, FreezePlan, int],
    frozen_sizes: Mapping[str, int],
) -> Iterator[Problem]:
    plan, freeze, index = frozen
    for dataset in plan.datasets:
        for field, shown in _sizes(view, plan, dataset).items():
            frozen_size = frozen_sizes.get(field)
            if (frozen_size is None and len(shown) < 2) or shown == {frozen_size}:
                continue
            node = _frozen_node(view, freeze, field, dataset)
            if node is None:
                continue
            sizes, fix = ", ".join(map(str, sorted(shown))), frozen_size or min(shown)
            scales = f"`scales: {{field: {field}, sizes: [{fix}]}}`"
            yield Problem(
                CODE,
                f"`{node.name}` has norm statistics of one size, but gets `{field}` at {sizes} pixels",
                at=f"{phase.path}.freeze.{index}",
                label=f"statistics of {frozen_size} pixels are frozen" if frozen_size else "they are frozen",
                helps=(
                    f"use `{field}` at {fix} pixels in this phase: {scales}",
                    "or freeze it only for a part of the phase: `until:`",
                ),
            )
            return


def _sizes(view: View, phase: PhasePlan, dataset: str) -> dict[str, set[int]]:
    """Return the sizes (of the shorter edge) of a dataset's images in a phase."""
    sizes = {}
    for name, shape in view.shapes.get(dataset, {}).items():
        if shape.layout == "image" and None not in shape.dims:
            scales = phase.scales if phase.scales is not None and phase.scales.field == name else None
            sizes[name] = set(scales.sizes) if scales else {min(int(dim or 0) for dim in shape.dims[1:])}
    return sizes


def _frozen_node(view: View, freeze: FreezePlan, field: str, dataset: str) -> ModulePlan | None:
    """Return a frozen node that depends on a field and may have running statistics."""
    for path, node in view.nodes.items():
        frozen = any(name == path or name.startswith(f"{path}.") for name in freeze.modules)
        if (
            frozen
            and dataset in node.datasets
            and _may_keep(node)
            and field in fields_above(view, path, dataset)
        ):
            return node
    return None


def _may_keep(node: ModulePlan) -> bool:
    """Return whether a node may have norms with running statistics; library models are assumed to have them."""
    if node.layers:
        return any(layer.type.startswith(_NORMS) for layer in node.layers)
    if "norm" in node.block:
        return bool(node.block["norm"] == "batch")
    component = find("modules", str(node.block["type"])) if node.role == "module" else None
    return component is not None and issubclass(component, Module) and component.has_weights
