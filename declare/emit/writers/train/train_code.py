"""Writes `train.py`: the phases of a plan as plain loops, evaluation, and going on after a stop."""

import re

from declare.contract.code import NotWrittenError, code_at
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit
from declare.emit.text.definitions import Definitions
from declare.emit.writers.probe_code import probe_word
from declare.emit.writers.train import train_blocks
from declare.emit.writers.train.evaluate_code import evaluate_function
from declare.emit.writers.train.optimizer_code import (
    freeze_function,
    init_lines,
    multiplier_units,
    optimizer_lines,
    rate_function,
)
from declare.emit.writers.train.step_code import StepCode
from declare.emit.writers.train.train_context import TrainContext, indent
from declare.ir.ema_decay import has_new_statistics
from declare.ir.plan import BestPlan, EarlyStopPlan, PhasePlan, Plan

_TITLE = """Trains the model of `{name}`.

    python train.py --run-dir RUN
    torchrun --nproc-per-node 2 train.py --run-dir RUN

Called again it continues where it was stopped.
"""


def train_code(context: TrainContext) -> str:
    """Return the file; raises `NotWrittenError`."""
    definitions = Definitions(Library(), {"model", "folder", "state"})
    blocks = [*_blocks(context), evaluate_function(context)]
    units = multiplier_units(definitions, context.plan.phases)
    phases = []
    for phase in context.plan.phases:
        phases += _phase(context, definitions, phase, units[phase.name])
    blocks += [*context.definitions, *phases]
    if context.draws:
        definitions.constants.append("MASK = (1 << 64) - 1")
    for text in [*blocks, _main(context), 'if __name__ == "__main__":\n    main()']:
        definitions.blocks.append(definitions.resolved_markers(text))
    definitions.imports |= context.imports
    return definitions.text(_TITLE.format(name=context.plan.name))


def _blocks(context: TrainContext) -> list[str]:
    """Return the parts that other programs have too."""
    phases, blocks = context.plan.phases, [train_blocks.STATE, train_blocks.GROUP]
    if context.norms:
        blocks.append(train_blocks.NORMS)
        context.imports |= {
            "from functools import partial",
            "from torch.distributed.nn.functional import all_reduce",
        }
    if context.draws:
        blocks.append(train_blocks.MIX)
    if any(phase.scales and phase.scales.mode == "joint" for phase in phases):
        context.imports |= {"from contextlib import contextmanager", "from collections.abc import Iterator"}
        blocks.append(train_blocks.STATISTICS)
    warmups = {bool(phase.ema["warmup"]) for phase in phases if phase.ema}
    if len(warmups) > 1:
        raise NotWrittenError("`ema` with and without `warmup`")
    if warmups:
        blocks.append(_average(context, warmup=warmups.pop()))
    return blocks


def _average(context: TrainContext, *, warmup: bool) -> str:
    """Return the class of averages; without a warm-up, new statistics of norms decay apart."""
    rising = "min(self.decay, (1 + number) / (10 + number))"
    if warmup or not _new_statistics(context):
        return train_blocks.AVERAGE.replace("DECAY", rising if warmup else "self.decay")
    lines = train_blocks.AVERAGE.replace("decay: float)", "decay: float, new_statistics: bool)")
    lines = lines.replace(train_blocks.AVERAGE_UPDATE, train_blocks.AVERAGE_UPDATE_APART)
    kept = "self.decay = decay\n"
    return lines.replace(kept, f"{kept}{train_blocks.AVERAGE_APART}")


def _new_statistics(context: TrainContext) -> list[str]:
    """Return the phases with an average without warm-up, and statistics of norms that it does not begin with."""
    phases = enumerate(context.plan.phases)
    return [
        phase.name
        for index, phase in phases
        if context.norms and phase.ema and not phase.ema["warmup"] and has_new_statistics(context.plan, index)
    ]


def _phase(
    context: TrainContext, definitions: Definitions, phase: PhasePlan, multiplier: Unit | None
) -> list[str]:
    """Return the definitions of a phase."""
    if phase.alternate or phase.precision == "fp16":
        what = "datasets in turn (`alternate`)" if phase.alternate else "the precision fp16"
        with code_at(f"phases.{phase.name}"):
            raise NotWrittenError(f"{what} of the phase `{phase.name}`")
    code = context.phases[phase.name]
    function, rate = rate_function(definitions, phase, multiplier)
    freezing = freeze_function(context, phase)
    tasks = " and ".join(f"`{name}`" for name in code.names)
    lines = [f"def train_{phase.name}(model: Model, folder: Path, rank: int, world: int) -> None:"]
    lines += [
        f'    """Train {tasks}: {phase.steps} steps of {phase.batch_size} samples, {phase.epochs:g} epochs."""'
    ]
    lines += indent([*_start(context, phase), f'while state["step"] < {phase.steps}:'])
    if freezing:
        lines += [f'        freeze_{phase.name}(model, state["step"])']
    step = StepCode(context, phase, code).lines(rate)
    lines += indent([*step, *_boundary(context, phase)], 2)
    return [*filter(None, [function, freezing]), "\n".join([*lines, *indent(_end(phase))])]


def _start(context: TrainContext, phase: PhasePlan) -> list[str]:
    """Return the lines before the first step."""
    lines = [f'weights = folder / "{phase.name}.safetensors"', "if weights.exists():"]
    lines += ["    model.load_state_dict(load_file(weights))", "    return"]
    lines += [*init_lines(context, phase), *optimizer_lines(context, phase)]
    if phase.ema is not None:
        new = _new_statistics(context)
        more = f", new_statistics={phase.name in new}" if new else ""
        lines += [f"average = Average(model, {phase.ema['decay']}{more})"]
    lines += [f'state = load_state(folder, "{phase.name}", model, optimizer)']
    if phase.scales is not None and phase.scales.mode == "joint":
        others = tuple(size for size in sorted(phase.scales.sizes) if size != phase.scales.evaluate)
        lines += [f'statistics = NormStatistics(model, {others}, state.pop("statistics", None))']
    if phase.ema is not None:
        lines += ['average.load(state.pop("average", None))']
    return [*lines, "model.train()"]


def _end(phase: PhasePlan) -> list[str]:
    """Return the lines after the last step."""
    lines = []
    if phase.freeze:
        lines += ["for item in model.parameters():", "    item.requires_grad_(True)"]
    if phase.best is not None:
        lines += [f'model.load_state_dict(load_file(folder / "{phase.name}.best.safetensors"))']
    elif phase.ema is not None:
        lines += ["average.swap()"]
    return [*lines, "if rank == 0:", "    save_file(model.state_dict(), weights)"]


def _boundary(context: TrainContext, phase: PhasePlan) -> list[str]:
    """Return the lines that evaluate, keep the best weights and save the state, if that is due."""
    at_end = f'state["step"] == {phase.steps}'
    due = f'state["step"] % {phase.evaluate_every} == 0 or {at_end}' if phase.evaluate_every else at_end
    swap = ["average.swap()"] if phase.ema is not None else []
    size, kept = "", "state"
    if phase.scales is not None:
        size = f", {phase.scales.evaluate or 'size'}"
    if phase.scales is not None and phase.scales.mode == "joint":
        kept = 'state | {"statistics": statistics.sets}'
    elif phase.ema is not None:
        kept = 'state | {"average": average.shadow}'
    shown = phase.best.metric if phase.best else f"val/{next(iter(phase.tasks))}/loss"
    lines = [*swap, f'metrics = evaluate(model, "val"{size})']
    lines += [f"print(f\"{phase.name} {{state['step']}}: {shown} {{metrics['{shown}']:.4g}}\")"]
    if phase.best is not None:
        lines += _keep_best(context, phase.name, phase.best)
    lines += swap
    if phase.early_stop is not None:
        lines += _note_improvement(context, phase.early_stop)
    lines += ["if rank == 0:", f"    save_state(folder, {kept}, model, optimizer)"]
    if phase.early_stop is not None:
        since = 'state["step"] - state.get("since", state["step"])'
        lines += [f"if {since} >= {phase.early_stop.patience_steps}:", "    break"]
    return [f"if {due}:", *indent(lines)]


def _worst(context: TrainContext, rule: BestPlan) -> tuple[str, str]:
    """Return the sign of what is better, and the code of the worst value."""
    context.imports.add("import math")
    return (">", "-math.inf") if rule.mode == "max" else ("<", "math.inf")


def _keep_best(context: TrainContext, phase: str, best: BestPlan) -> list[str]:
    sign, worst = _worst(context, best)
    lines = [f'if metrics["{best.metric}"] {sign} state.get("best", {worst}):']
    lines += [f'    state["best"] = metrics["{best.metric}"]', "    if rank == 0:"]
    return [*lines, f'        save_file(model.state_dict(), folder / "{phase}.best.safetensors")']


def _note_improvement(context: TrainContext, stop: EarlyStopPlan) -> list[str]:
    sign, worst = _worst(context, stop)
    margin = f" {'+' if stop.mode == 'max' else '-'} {stop.min_delta}" if stop.min_delta else ""
    return [
        f'if metrics["{stop.metric}"] {sign} state.get("to_beat", {worst}){margin}:',
        f'    state["to_beat"], state["since"] = metrics["{stop.metric}"], state["step"]',
    ]


def _main(context: TrainContext) -> str:
    plan = context.plan
    probes = any(phase.probes for phase in plan.phases)
    lines = ["def main() -> None:", '    """Train all phases, evaluate, write weights and metrics."""']
    body = ["parser = argparse.ArgumentParser(description=__doc__)"]
    body += ['parser.add_argument("--run-dir", type=Path, required=True)']
    body += ["folder = parser.parse_args().run_dir", "folder.mkdir(parents=True, exist_ok=True)"]
    body += ["rank, world = start_processes()", "model = Model()"]
    body += ["if world > 1:", "    share_statistics(model)"] if context.norms else []
    body += ["probed = {}"] if probes else []
    for phase in plan.phases:
        body += [f"train_{phase.name}(model, folder, rank, world)"]
        for probe in phase.probes:
            body += [f"for name, value in losses.probe_{probe_word(plan, probe)}(model).items():"]
            body += [f'    probed[f"probe/{phase.name}/{probe.name}/{{name}}"] = value']
    evaluations = [*_final_evaluations(plan), *(["probed"] if probes else [])]
    body += [f"metrics = {' | '.join(evaluations) or '{}'}"]
    body += [line for name, text in plan.composites.items() for line in _composite(name, text)]
    body += ["if rank == 0:", '    save_file(model.state_dict(), folder / "weights.safetensors")']
    context.imports.add("import math")
    body += ["    shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}"]
    body += ['    (folder / "metrics.json").write_text(json.dumps(shown, indent=1))']
    return "\n".join([*lines, *indent(body)])


def _final_evaluations(plan: Plan) -> list[str]:
    last = plan.phases[-1].scales
    size = "" if last is None else f", {last.evaluate or last.sizes[-1]}"
    splits = [
        name for name in ("val", "test") if any(item.splits.get(name) for item in plan.datasets.values())
    ]
    return [f'evaluate(model, "{split}"{size})' for split in splits]


def _composite(name: str, text: str) -> list[str]:
    """Return the code of a composite of metrics: NaN if it divides by zero, or takes a root of what is below."""
    code = re.sub(_METRIC, lambda match: f'metrics["{match[0]}"]', text)
    if not re.search(r"/|\*\*", re.sub(_METRIC, "", text)):
        return [f'metrics["{name}"] = {code}']
    lines = ["try:", f'    metrics["{name}"] = float({code})']
    return [*lines, "except (ArithmeticError, TypeError):", f'    metrics["{name}"] = math.nan']


_METRIC = r"[A-Za-z_]\w*(?:/[\w@]+)+"


def draws_in_training(model: str) -> bool:
    """Return whether the code of a model draws random numbers in training; that of a library may."""
    drawing = r"Dropout\w*\((?!0\.0\))|dropout_p=(?!0\.0)|rand\w*_like|torch\.rand|bernoulli"
    return bool(re.search(rf"{drawing}|{LIBRARIES}", model.partition("class Model")[0]))


def has_batch_norms(model: str) -> bool:
    """Return whether the code of a model has batch norms; that of a library may."""
    return bool(re.search(rf"BatchNorm|{LIBRARIES}", model))


LIBRARIES = r"timm\.|torchvision\.|transformers\."
"""Names of libraries of models in code."""
