"""Writes the optimizer of a phase, its learning rate, and what is frozen."""

from collections.abc import Sequence

from declare.contract.code import NotWrittenError, code_at, text_literal
from declare.emit.specialize.abstract_values import UNKNOWN, Const
from declare.emit.specialize.units import Unit, bind_arguments, method_unit
from declare.emit.text.definitions import Definitions
from declare.emit.writers.train.train_context import TrainContext, indent, selects
from declare.ir.plan import PhasePlan
from declare.parsing.read_component import read_component


def optimizer_lines(context: TrainContext, phase: PhasePlan) -> list[str]:
    """Return the lines that make the optimizer: groups by name and learning rate, in two if decay spares some."""
    component = read_component("optimizers", phase.optimizer)
    decay, spares = component.base_decay, bool(component.base_decay and not component.decays_norm_and_bias)
    if not phase.groups:
        groups = _split("parameters", {"weight_decay": decay}, spares=spares)
        return [
            "parameters = [*model.parameters()]",
            f"optimizer = {_optimizer_code(context, phase, f'[{groups}]')}",
        ]
    context.imports.add("from fnmatch import fnmatchcase")
    lines = ["named = dict(model.named_parameters())", "groups = []"]
    for group in phase.groups:
        chosen = selects(group.match, group.parameters)
        lines += [f"group = [named.pop(name) for name in [*named] if {chosen}]"]
        stated = decay if group.weight_decay is None else group.weight_decay
        rates = {"initial_lr": group.lr, "lr": group.lr, "weight_decay": stated}
        lines += [f"groups += [{_split('group', rates, spares=spares and group.weight_decay is None)}]"]
    rates = {"initial_lr": float(component.lr), "lr": float(component.lr), "weight_decay": decay}
    lines += ["rest = [*named.values()]", f"groups += [{_split('rest', rates, spares=spares)}]"]
    code = _optimizer_code(context, phase, '[group for group in groups if group["params"]]')
    return [*lines, f"optimizer = {code}"]


def _optimizer_code(context: TrainContext, phase: PhasePlan, groups: str) -> str:
    """Return the expression that makes the optimizer of groups."""
    with code_at(f"phases.{phase.name}.optimizer"):
        code = read_component("optimizers", phase.optimizer).code(groups)
    context.imports |= {*code.imports}
    context.definitions |= dict.fromkeys(code.definitions)
    return code.expression


def _split(items: str, rates: dict[str, float], *, spares: bool) -> str:
    """Return the code of a group, or of two if parameters of one axis are not decayed."""
    if not spares:
        return _group(items, rates)
    spared = rates | {"weight_decay": 0.0}
    matrices, others = (f"[item for item in {items} if item.dim() {sign} 1]" for sign in (">", "<="))
    return f"{_group(matrices, rates)}, {_group(others, spared)}"


def _group(items: str, rates: dict[str, float]) -> str:
    return (
        "{"
        + ", ".join([f'"params": {items}', *(f'"{name}": {value}' for name, value in rates.items())])
        + "}"
    )


def multiplier_units(definitions: Definitions, phases: Sequence[PhasePlan]) -> dict[str, Unit | None]:
    """Return what gives the learning rate's factor in each phase, specialised together; None if it is constant.

    Raises `NotWrittenError` for a schedule that follows a metric.
    """
    units = {phase.name: _multiplier_unit(definitions, phase) for phase in phases}
    definitions.library.specialize_all()
    return units


def _multiplier_unit(definitions: Definitions, phase: PhasePlan) -> Unit | None:
    schedule = read_component("schedules", phase.schedule)
    if schedule.plateau_rule() is not None:
        with code_at(f"phases.{phase.name}.schedule"):
            raise NotWrittenError(f"the schedule `{schedule.type_name()}`")
    total, warmup = phase.steps - phase.warmup_steps, phase.warmup_steps
    if not warmup and {schedule.multiplier(step, total) for step in range(min(total, 100))} == {1.0}:
        return None
    unit = method_unit(schedule, "multiplier")
    unit.key += f" of {phase.name}"
    unit = definitions.library.call(unit, bind_arguments(unit, [UNKNOWN, Const(total)], {}))
    return definitions.name(unit, f"{phase.name}_multiplier")


def rate_function(definitions: Definitions, phase: PhasePlan, unit: Unit | None) -> tuple[str, str]:
    """Return the function of the learning rate's factor, and its name; both empty if it is constant."""
    if unit is None:
        return "", ""
    warmup = phase.warmup_steps
    lines = [f"def {phase.name}_rate(step: int) -> float:"]
    lines += [f'    """Return the factor of the learning rate at a step of `{phase.name}`."""']
    if warmup:
        first = definitions.call(unit, "0")
        lines += [f"    if step < {warmup}:", f"        return (step + 1) / {warmup + 1} * {first}"]
    lines += [f"    return {definitions.call(unit, f'step - {warmup}' if warmup else 'step')}"]
    return "\n".join(lines), f"{phase.name}_rate"


def init_lines(context: TrainContext, phase: PhasePlan) -> list[str]:
    """Return the lines that load weights of another phase than the one before, whose weights the model has."""
    lines = []
    before = context.plan.phases[context.plan.phases.index(phase) - 1].name
    for entry in phase.init:
        if entry.source != "phase" or entry.rename:
            with code_at(f"phases.{phase.name}.init"):
                raise NotWrittenError(f"`init` from a {entry.source} in the phase `{phase.name}`")
        if entry.reference != before:
            context.imports.add("from fnmatch import fnmatchcase")
            lines += [f'loaded = load_file(folder / "{entry.reference}.safetensors")']
            tests = " or ".join(
                f"fnmatchcase(name, {text_literal(item)}) or name.startswith({text_literal(f'{item}.')})"
                for item in entry.modules
            )
            chosen = f"{{name: item for name, item in loaded.items() if {tests}}}"
            lines += [f"model.load_state_dict({chosen}, strict=False)"]
    return lines


def freeze_function(context: TrainContext, phase: PhasePlan) -> str:
    """Return the function that freezes parameters; empty if nothing is frozen."""
    if not phase.freeze:
        return ""
    context.imports.add("from fnmatch import fnmatchcase")
    # What one rule keeps frozen, another that ends earlier does not free.
    rules = sorted(phase.freeze, key=lambda rule: rule.until_step or phase.steps + 1)
    shown = [
        f"`{rule.match}`" + (f" until step {rule.until_step}" if rule.until_step else "") for rule in rules
    ]
    lines = [f"def freeze_{phase.name}(model: Model, step: int) -> None:"]
    lines += [f'    """Freeze {", ".join(shown)}."""', "    model.train()"]
    for rule in rules:
        free = "False" if rule.until_step is None else f"step >= {rule.until_step}"
        lines += ["    for name, item in model.named_parameters():"]
        lines += indent(
            [f"if {selects(rule.match, rule.parameters)}:", f"    item.requires_grad_({free})"], 2
        )
        if rule.modules:
            lines += [
                f"    for name in {list(rule.modules)}:",
                f"        model.get_submodule(name).train({free})",
            ]
    return "\n".join(lines)
