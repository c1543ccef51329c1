"""The phases of a plan on the terminal: a line for every setting that changes what is trained."""

from collections.abc import Iterator

from declare.cli.printing.components import component, parameters, short
from declare.ir.ema_decay import shares
from declare.ir.plan import FreezePlan, InitPlan, PhasePlan, Plan
from declare.report.number_format import count, size
from declare.report.phrases import scales_text
from declare.report.render.terminal import sparkline


def phase_lines(plan: Plan) -> Iterator[str]:
    """Yield a description of every phase, one setting per line."""
    total = sum(node.total_parameters for node in plan.nodes)
    for number, phase in enumerate(plan.phases, 1):
        length = f"{phase.steps:,} steps = {phase.epochs:g} epochs of {phase.steps_per_epoch:,} steps"
        yield f"  {number}. {phase.name}: {length}"
        for name, text in _phase(phase, plan, total):
            if text:
                yield f"    {name + ':':<15}{text}"


def _phase(phase: PhasePlan, plan: Plan, total: int) -> Iterator[tuple[str, str]]:
    if len(plan.tasks) > 1:
        yield "tasks", ", ".join(f"{name} x {short(weight)}" for name, weight in phase.tasks.items())
    yield "batch", _batch(phase)
    yield "order", _order(phase)
    yield "augment", "; ".join(component("augments", block) for block in phase.augment)
    yield "scales", scales_text(phase.scales)
    yield "optimizer", _optimizer(phase)
    yield "learning rate", _rates(phase)
    yield "clip", _clip(phase)
    yield "average", average_text(phase)
    yield "balance", "" if phase.balance == {"type": "fixed"} else component("balances", phase.balance)
    yield "regularizers", "; ".join(component("regularizers", block) for block in phase.regularizers)
    yield "precision", "" if phase.precision == "auto" else phase.precision
    yield "trainable", f"{count(phase.trainable_parameters)} of {count(total)} parameters"
    yield "frozen", ", ".join(f"{item.match} ({_freeze_end(item)})" for item in phase.freeze)
    yield "starts from", "; ".join(_init(item) for item in phase.init)
    yield "evaluates", _evaluates(phase)
    yield "checkpoints", f"every {phase.checkpoint_every:,} steps, the last {phase.keep_checkpoints} kept"
    yield (
        "probes",
        "; ".join(f"{probe.task}: {component('probes', probe.block, {'task'})}" for probe in phase.probes),
    )
    yield "gradients", f"measured every {phase.gradients_every:,} steps" if phase.gradients_every else ""
    yield "bad batches", "" if phase.on_batch_error["action"] == "error" else short(phase.on_batch_error)
    yield "memory", "" if plan.costs else _memory(phase, plan)


def _order(phase: PhasePlan) -> str:
    """Return how samples are ordered and datasets mixed, if that is not as usual."""
    parts = [] if phase.sampler == {"type": "random"} else [component("samplers", phase.sampler)]
    if len(phase.rows) > 1 and phase.mix.get("type") != "proportional":
        parts.append(f"mix {component('mixes', phase.mix)}")
    return "; ".join(parts)


def _clip(phase: PhasePlan) -> str:
    limits = {"norm": "global norm", "value": "each value"}
    clip = phase.clip or {}
    return ", ".join(
        f"{limits[key]} at most {short(value)}" for key, value in clip.items() if value is not None
    )


def average_text(phase: PhasePlan) -> str:
    """Return how weights are averaged, and the effective window at the end of the phase."""
    if phase.ema is None:
        return ""
    decay, warmup = phase.ema["decay"], phase.ema.get("warmup", True)
    weights = shares(phase.steps, decay, warmup=warmup)
    reached = f" ({1 - weights.last:.4g} reached)" if 1 - weights.last < decay else ""
    text = f"ema, decay {short(decay)}{reached}, {'with' if warmup else 'without'} warm-up; "
    text += "at the end of the phase it is "
    text += f"{_percent(weights.last)} the weights of the last step, {_percent(weights.first)} those before the first"
    if weights.half is None or weights.half == 1:  # of one step: its share is there already
        return text
    return text + f", half of it those of the last {weights.half:,} steps"


def _percent(share: float) -> str:
    return "less than 0.01%" if 0 < share < 1e-4 else f"{100 * share:.3g}%"


def _init(item: InitPlan) -> str:
    text = f"{item.source} {item.reference} ({', '.join(item.modules)})"
    if item.rename:
        text += f", renamed {short(item.rename)}"
    return text if item.strict else f"{text}, missing weights left as they are"


def _freeze_end(freeze: FreezePlan) -> str:
    return "the whole phase" if freeze.until_step is None else f"until step {freeze.until_step:,}"


def _batch(phase: PhasePlan) -> str:
    parts = [f"{phase.batch_size:,} samples"]
    if len(phase.rows) > 1:
        how = "in turn" if phase.alternate else "together"
        parts.append(f"{how}: {', '.join(f'{name} {rows:,}' for name, rows in phase.rows.items())}")
    if phase.accumulate > 1:
        parts.append(f"in {phase.accumulate} micro-batches")
    return ", ".join(parts)


def _optimizer(phase: PhasePlan) -> str:
    optimizer_parameters = parameters("optimizers", phase.optimizer)
    text = ", ".join(
        f"{key} {short(value)}" for key, value in optimizer_parameters.items() if key not in {"groups", "lr"}
    )
    text = f"{phase.optimizer['type']}, lr {short(phase.optimizer['lr'])}" + (f", {text}" if text else "")
    for group in phase.groups:
        decay = "" if group.weight_decay is None else f"weight_decay {short(group.weight_decay)}, "
        text += f"; {group.match}: lr {short(group.lr)}, {decay}{len(group.parameters)} tensors"
    return text


def _rates(phase: PhasePlan) -> str:
    rates = [rate for _, rate in phase.rates]
    if not rates:
        return ""
    warmup = f", {phase.warmup_steps:,} steps of warm-up" if phase.warmup_steps else ""
    curve = sparkline(rates, 32) if max(rates) > min(rates) else "flat"
    ends = (
        f"{rates[0]:.3g}, highest {max(rates):.3g}, last {rates[-1]:.3g}"
        if curve != "flat"
        else f"{rates[0]:.3g}"
    )
    return f"{curve}  {component('schedules', phase.schedule, {'warmup'})}: {ends}{warmup}"


def _evaluates(phase: PhasePlan) -> str:
    text = f"every {phase.evaluate_every:,} steps"
    if phase.best:
        text += f"; best by {phase.best.metric} ({phase.best.mode})"
    if phase.early_stop:
        stop = phase.early_stop
        text += f"; stops early when {stop.metric} ({stop.mode}) has not improved "
        text += f"by more than {short(stop.min_delta)} " if stop.min_delta else ""
        text += f"for {stop.patience_steps:,} steps"
    return text


def _memory(phase: PhasePlan, plan: Plan) -> str:
    """Return the estimate with its arithmetic."""
    from declare.compiler.phases.memory import of_plan

    memory = of_plan(plan, phase)
    if memory is None:
        return "not known before the run"
    parts = " + ".join(f"{name} {size(value)}" for name, value in memory._asdict().items() if value)
    return f"about {size(memory.total)} = {parts}"
