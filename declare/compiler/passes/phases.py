"""Phases: how many steps, how many rows of each dataset, which rates, which parameters."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from declare.compiler.parameters.init_files import init_files
from declare.compiler.parameters.parameter_groups import Selection, lost_patterns, select
from declare.compiler.phases.batches import Batches, batches
from declare.compiler.phases.linear_probes import probes
from declare.compiler.phases.multiscale import phase_scales
from declare.compiler.phases.norm_rows import one_value_norms
from declare.compiler.reports import Note, Reports, Skip, catch
from declare.compiler.stages import PhasedSpec, ReadSpec, ScoredSpec
from declare.contract.component import plain
from declare.contract.duration import Duration
from declare.contract.kinds.balance import Balance
from declare.contract.kinds.sampler import Sampler
from declare.contract.kinds.schedule import Schedule
from declare.contract.problem import Problem
from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import BestPlan, EarlyStopPlan, InitPlan, PhasePlan
from declare.parsing.library_trial import refusal
from declare.parsing.poison import POISON, contains_poison
from declare.parsing.read_component import read_component
from declare.rules.spec_parts import LocatedBlock, get, phase_datasets, phase_tasks, phases


def run(stage: ScoredSpec) -> Reports[PhasedSpec]:
    """Yield patterns that match nothing, and parts of libraries that refuse their parameters."""
    plans: dict[str, PhasePlan] = {}
    yield from catch(_plan_phases(stage, plans), None)
    return PhasedSpec(**vars(stage), phases=plans)


def _plan_phases(stage: ScoredSpec, plans: dict[str, PhasePlan]) -> Reports[None]:
    """Put the plan of each phase that can be known into `plans`."""
    for phase in phases(stage):
        yield from _refused_parts(phase)
        sizes = _sizes(stage, phase)
        if sizes is None:
            yield Skip(phase.path)
            yield from lost_patterns(stage, phase.block, phase.path)
            continue
        plan = plans[phase.name] = yield from _phase_plan(stage, phase, sizes)
        yield from one_value_norms(stage, phase, plan)
        yield from init_files(stage, plan, phase.path)
        yield Note(f"phase `{phase.name}`: {plan.steps} steps of {plan.batch_size} samples")


def _phase_plan(stage: ScoredSpec, phase: LocatedBlock[Any], sizes: Mapping[str, int]) -> Reports[PhasePlan]:
    """Return the plan of a phase over datasets with so many training samples."""
    group_rows = phase.block.sampler.group_size if phase.block.sampler else 1
    rows = batches(phase.block, sizes, group_rows)
    steps = _length(phase.block, rows.steps_per_epoch)
    selection = select(stage, phase.block, phase.path, (steps, rows.steps_per_epoch))
    yield from selection.problems
    scales = yield from phase_scales(stage, phase, steps, rows.steps_per_epoch)
    phase_probes = yield from probes(stage, phase)
    plan = _plan(stage, phase, rows, steps, selection)
    return plan.model_copy(update={"scales": scales, "probes": phase_probes})


def _refused_parts(phase: LocatedBlock[Any]) -> Iterator[Problem]:
    """Yield why a library's optimizer does not work with its parameters."""
    optimizer = get(phase.block, "optimizer")
    if optimizer is None or contains_poison(optimizer):
        return
    reason = refusal(optimizer, None)
    if reason is not None:
        yield optimizer.refusal_problem(reason).with_prefix(f"{phase.path}.optimizer")


def _length(phase: Any, steps_per_epoch: int) -> int:
    """Return the optimizer steps of a phase; a part of an epoch counts as a whole step."""
    if phase.steps is not None:
        return int(phase.steps)
    steps: int = math.ceil(round(phase.epochs * steps_per_epoch, 6))
    return max(1, steps)


def _sizes(stage: ScoredSpec, phase: LocatedBlock[Any]) -> dict[str, int] | None:
    """Return the training samples of each dataset; None if something that the phase needs failed."""
    block = phase.block
    if (
        contains_poison(block)
        or (block.epochs is None) == (block.steps is None)
        or block.batch_size == "auto"
    ):
        return None
    trained = phase_tasks(stage, block) or {}
    if not trained or any(name not in stage.tasks for name in trained):
        return None
    heads = [stage.tasks[name].head for name in trained]
    if any(path not in stage.nodes for head in heads for path in stage.wiring.upstream(head)):
        return None
    names = phase_datasets(stage, block)
    if not names or any(name not in stage.facts for name in names):
        return None
    sizes = {name: stage.facts[name].splits.get("train", 0) for name in names}
    stated = [item for item in (block.batch_size, block.mix) if isinstance(item, dict)]
    legal = all(set(item) == set(sizes) for item in stated)
    return sizes if legal and all(sizes.values()) else None


def _plan(
    stage: ScoredSpec, phase: LocatedBlock[Any], rows: Batches, steps: int, selection: Selection
) -> PhasePlan:
    block, epoch = phase.block, rows.steps_per_epoch
    schedule = block.schedule or read_component("schedules", Schedule.default)
    sampler = block.sampler or read_component("samplers", Sampler.default)
    balance = block.balance or read_component("balances", Balance.default)
    warmup = schedule.warmup.steps(steps, epoch) if schedule.warmup else 0
    every = min(epoch, steps)
    plan = PhasePlan(
        name=phase.name,
        tasks=phase_tasks(stage, block) or {},
        datasets=tuple(rows.rows),
        steps=steps,
        steps_per_epoch=epoch,
        epochs=steps / epoch,
        batch_size=rows.size,
        rows=rows.rows,
        alternate=rows.alternate,
        accumulate=block.accumulate,
        mix=rows.mix,
        sampler=sampler.dump(),
        augment=tuple(item.dump() for item in block.augment),
        optimizer=block.optimizer.dump(),
        groups=tuple(selection.groups),
        schedule=schedule.dump(),
        warmup_steps=warmup,
        rates=(),
        balance=balance.dump(),
        gradients_every=_steps(block.diagnose.gradients, steps, epoch) or 0,
        regularizers=tuple(item.dump() for item in block.regularizers),
        init=tuple(_init(stage, phase)),
        freeze=tuple(selection.freeze),
        clip=None if block.clip is None else plain(block.clip),
        ema=None if block.ema is None else plain(block.ema),
        precision=block.precision or _hardware_precision(stage),
        evaluate_every=_steps(block.evaluate.every, steps, epoch) or every,
        best=None if block.evaluate.best is None else BestPlan(**plain(block.evaluate.best)),
        early_stop=_early_stop(block.early_stop, steps, epoch),
        checkpoint_every=_steps(block.checkpoint.every, steps, epoch) or every,
        keep_checkpoints=block.checkpoint.keep,
        on_batch_error=_on_batch_error(block.on_batch_error),
        trainable_parameters=_trainable(stage, phase, selection),
        memory_bytes=None,
    )
    return plan.model_copy(update={"rates": LRSchedule(plan).planned_lr()}) if warmup < steps else plan


def _hardware_precision(stage: ReadSpec) -> Any:
    hardware = stage.spec.hardware
    return "auto" if hardware is POISON or hardware.precision is POISON else hardware.precision


def _steps(duration: Duration | None, steps: int, epoch: int) -> int | None:
    return None if duration is None else max(1, duration.steps(steps, epoch))


def _early_stop(stated: Any, steps: int, epoch: int) -> EarlyStopPlan | None:
    if stated is None:
        return None
    return EarlyStopPlan(
        metric=stated.metric,
        mode=stated.mode,
        patience_steps=stated.patience.steps(steps, epoch),
        min_delta=stated.min_delta,
    )


def _on_batch_error(stated: Any) -> dict[str, Any]:
    return {"action": "error", "limit": 0} if stated == "error" else plain(stated)


def _init(stage: ReadSpec, phase: LocatedBlock[Any]) -> Iterator[InitPlan]:
    for index, init in enumerate(phase.block.init):
        source, _, reference = init.from_.partition(":")
        if source != "phase":
            base = stage.document.nearest(f"{phase.path}.init.{index}.from")[0].base
            reference = str((base / reference).absolute())
        yield InitPlan(
            source=source,
            reference=reference,
            modules=tuple(init.modules),
            strict=init.strict,
            rename=init.rename,
        )


def _trainable(stage: ScoredSpec, phase: LocatedBlock[Any], selection: Selection) -> int:
    """Return the parameters that some step of the phase trains."""
    from declare.compiler.parameters.parameter_names import names

    tasks = phase_tasks(stage, phase.block) or {}
    used: dict[str, None] = {}
    for name in tasks:
        used |= stage.wiring.upstream(stage.tasks[name].head)
    frozen = {name for item in selection.freeze if item.until_step is None for name in item.parameters}
    total = 0
    for path in used:
        node = stage.nodes[path]
        if any(name.startswith(f"{path}.") for name in frozen):
            inside = names(node)
            assert inside is not None
            total += sum(size for name, size in inside.parameters.items() if name not in frozen)
        elif node.per_dataset:
            total += sum(variant.parameters for variant in node.variants.values())
        else:
            total += node.parameters
    return total
