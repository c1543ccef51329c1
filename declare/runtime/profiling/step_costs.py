"""What a step and an evaluation of a phase take: both are made, with a ledger of tensors and FLOPs."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from declare.ir.phase_costs import MemoryCosts, ModuleCosts, PhaseCosts
from declare.ir.plan import PhasePlan, Plan
from declare.lowering.model.graph import Graph
from declare.runtime.machine.precision import Precision, make_precision
from declare.runtime.profiling.live_memory import OUTSIDE, LiveMemory, Peak
from declare.runtime.setup.phase import PhaseSetup, assemble, trainable
from declare.runtime.step.interfaces import RunBuilder, close_batches

_LOOK_AHEAD = 512
"""Steps among which the one with the largest images is looked for."""
_SPLITS = ("val", "test")


class _PlannedPrecision:
    """Stands for `AutoSettings`: measures nothing; `auto` is fp32."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def resolve_precision(self, phase: PhasePlan, *_: Any) -> Precision:
        """Return the precision that a phase states; a scaler of gradients reads values and holds one number."""
        return replace(make_precision(planned_precision(phase), self._device), scaler=None)


def planned_precision(phase: PhasePlan) -> str:
    """Return the precision in which costs are counted: `auto` may choose fp32, which needs most."""
    return "fp32" if phase.precision == "auto" else phase.precision


def phase_costs(plan: Plan, builder: RunBuilder, phase: PhasePlan) -> PhaseCosts:
    """Make steps of a phase until the optimizer has its state, then an evaluation; return what they take.

    With everything trained that the phase ever trains, and the largest images that it shows.
    """
    memory = LiveMemory()
    for path, module in _modules(builder.graph).items():
        memory.add("weights", [*module.parameters(), *module.buffers()], path)
    settings: Any = _PlannedPrecision(builder.device)
    setup = assemble(
        plan,
        builder,
        phase,
        trainable_names=trainable(builder.graph),
        auto=(settings, lambda *_: None),
        at_step=phase.steps - 1,
    )
    if setup.config.ema is not None:
        state = setup.config.ema.state_dict()
        memory.add("average", [*state["weights"].values(), *state["statistics"].values()])
    builder.graph.train()
    setup.step.timer.timer = memory.during
    with memory, memory.modules(_modules(builder.graph)):
        peak, flops = _step(setup, memory, phase)
        evaluation = _evaluation(plan, builder, setup, memory, phase)
    return PhaseCosts(
        phase=phase.name,
        method="traced",
        precision=planned_precision(phase),
        processes=builder.world.size,
        rows=-(-phase.batch_size // (phase.accumulate * builder.world.size)),
        step=_memory_costs(peak),
        evaluation=evaluation and _memory_costs(evaluation),
        forward_flops=_sum(flops, "forward"),
        backward_flops=_sum(flops, "backward"),
        modules=tuple(_module_costs(setup, peak, flops)),
    )


def _modules(graph: nn.Module) -> Mapping[str, nn.Module]:
    assert isinstance(graph, Graph)
    return graph.modules_by_path


def _step(
    setup: PhaseSetup, memory: LiveMemory, phase: PhasePlan
) -> tuple[Peak, Mapping[tuple[str, str], int]]:
    """Return the peak and the FLOPs of a step in which the optimizer has its state already."""
    turns = len(phase.datasets) if phase.alternate else 1
    start = _largest_step(setup, phase)
    peaks, flops = [], []
    for number in (start, *range(start, start + turns)):
        memory.flops.clear()
        memory.watch()
        batches = setup.loader.batches(number, number + 1)
        with close_batches(batches), memory.during("batch"):
            batch = next(batches)
        memory.add("batch", [item for fields in batch.values() for item in fields.values()])
        setup.train_step(min(number, phase.steps - 1), batch)
        del batch
        memory.forget_graph()
        _add_state(setup, memory)
        peaks.append(memory.peak)
        flops.append(dict(memory.flops))
    largest = max(range(1, len(peaks)), key=lambda index: peaks[index].size)
    return peaks[largest], flops[largest]


def _largest_step(setup: PhaseSetup, phase: PhasePlan) -> int:
    """Return a step at which the images are largest."""
    scales = setup.config.objective.scales
    if scales is None:
        return 0
    steps = (*range(min(phase.steps, _LOOK_AHEAD)), phase.steps - 1)
    return max(steps, key=lambda step: max(scales.sizes(step)))


def _add_state(setup: PhaseSetup, memory: LiveMemory) -> None:
    """Count gradients and the optimizer's state as such, by the module whose parameters they belong to."""
    optimizer = setup.config.optimizer
    modules = _modules(setup.config.graph)
    path_of = {id(item): path for path, module in modules.items() for item in module.parameters()}
    for parameter in (item for group in optimizer.param_groups for item in group["params"]):
        path = path_of.get(id(parameter), OUTSIDE)
        if parameter.grad is not None:
            memory.add("gradients", [parameter.grad], path)
        values = optimizer.state.get(parameter, {}).values()
        memory.add("optimizer", [item for item in values if isinstance(item, Tensor)], path)


def _evaluation(
    plan: Plan, builder: RunBuilder, setup: PhaseSetup, memory: LiveMemory, phase: PhasePlan
) -> Peak | None:
    """Return the peak of an evaluation; None if there is nothing to evaluate on."""
    splits = {split for item in plan.datasets.values() for split, count in item.splits.items() if count}
    split = next((name for name in _SPLITS if name in splits), None)
    if split is None:
        return None
    ema = setup.config.ema
    memory.watch()
    with memory.during("evaluation"), nullcontext() if ema is None else ema.average_parameters():
        builder.evaluate(split, tuple(phase.tasks))
    return memory.peak


def _memory_costs(peak: Peak) -> MemoryCosts:
    known = {name: peak.of_part(name) for name in ("weights", "gradients", "optimizer", "average", "batch")}
    activations = peak.of_part("forward") + peak.of_part("evaluation")
    rest = peak.size - sum(known.values()) - activations
    return MemoryCosts(total=peak.size, activations=activations, workspace=rest, **known)


def _sum(flops: Mapping[tuple[str, str], int], part: str) -> int:
    return sum(count for (name, _), count in flops.items() if name == part)


def _module_costs(setup: PhaseSetup, peak: Peak, flops: Mapping[tuple[str, str], int]) -> list[ModuleCosts]:
    modules = _modules(setup.config.graph)
    costs = []
    for path in (*modules, OUTSIDE):
        parameters = list(modules[path].parameters()) if path else []
        costs.append(
            ModuleCosts(
                path=path,
                parameters=sum(item.numel() for item in parameters),
                trained_parameters=sum(item.numel() for item in parameters if item.requires_grad),
                forward_flops=flops.get(("forward", path), 0),
                backward_flops=flops.get(("backward", path), 0),
                weight_bytes=peak.sizes.get(("weights", path), 0),
                gradient_bytes=sum(item.grad.nbytes for item in parameters if item.grad is not None),
                optimizer_bytes=peak.sizes.get(("optimizer", path), 0),
                activation_bytes=peak.sizes.get(("forward", path), 0),
            )
        )
    return costs
