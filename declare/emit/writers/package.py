"""Writes the program of a plan: a folder of files that need torch and the libraries of the model and the data."""

import re
from collections.abc import Collection, Mapping
from types import SimpleNamespace

from declare.contract.code import NotWrittenError, code_at
from declare.emit.model.model_code import ModelCode, ProgramSpec
from declare.emit.specialize.unit_library import Library
from declare.emit.text.definitions import Definitions
from declare.emit.writers.data_code import DataCode, splits_json
from declare.emit.writers.identifiers import refuse_names
from declare.emit.writers.phase_code import PhaseCode
from declare.emit.writers.predict_code import predict_code
from declare.emit.writers.probe_code import probes_by_word, write_probe
from declare.emit.writers.readme_code import readme, requirements
from declare.emit.writers.task_code import TaskCode
from declare.emit.writers.train.train_code import LIBRARIES, draws_in_training, has_batch_norms, train_code
from declare.emit.writers.train.train_context import TrainContext
from declare.ir.plan import Plan
from declare.lowering.evaluation.evaluator import Evaluator


def write_package(plan: Plan, folder: str) -> dict[str, str]:
    """Return the files of a plan's program in `folder` by name.

    Needs the stand-ins for torch; raises `NotWrittenError`.
    """
    refuse_names(plan)
    if plan.hardware.determinism == "exact":
        with code_at("hardware.determinism"):
            raise NotWrittenError("`determinism: exact`")
    tasks, losses = _tasks(plan)
    phases = {}
    for phase in plan.phases:
        with code_at(f"phases.{phase.name}"):
            phases[phase.name] = PhaseCode(plan, phase, tasks, losses)
    losses.library.specialize_all()
    masking = {task.name for task in tasks.values() if task.view is not None}
    hidden = {field for name in masking if (field := plan.tasks[name].target_field)}
    model = ModelCode(plan, _programs(plan, phases, masking), hidden)
    _write_losses(plan, tasks, phases, model)
    data = DataCode(plan, {name: evaluation_size(plan, name) for name in plan.datasets}, folder)
    code = model.text(f"The model of `{plan.name}`.")
    _refuse_precision(plan, code)
    draws, norms = draws_in_training(code), has_batch_norms(code)
    files = {"model.py": code, "data.py": data.text()}
    files["train.py"] = train_code(
        TrainContext(plan, phases, model.names, model.datasets, draws=draws, norms=norms)
    )
    files["predict.py"] = predict_code(plan, tasks, model.names, losses)
    files["losses.py"] = losses.text(f"Losses and metrics of `{plan.name}`.")
    files = {name: text for name, text in files.items() if text}
    files |= {"splits.json": splits_json(data.splits), **data.files, "requirements.txt": requirements(files)}
    names = [*files, "spec.yaml", "plan.json"]
    return files | {"README.md": readme(plan, names, _notes(plan, files))}


def _write_losses(
    plan: Plan, tasks: Mapping[str, TaskCode], phases: Mapping[str, PhaseCode], model: ModelCode
) -> None:
    """Write what `losses.py` holds: of phases, tasks, tasks with a head for each dataset, and probes."""
    for task in tasks.values():
        task.name_functions()
    for phase in phases.values():
        programs = [model.programs[name] for name in phase.program_names]
        phase.write(
            [(task, [group for group, _ in lanes]) for item in programs for task, lanes in item.results]
        )
    for task in tasks.values():
        with code_at(f"tasks.{task.name}"):
            task.write()
    for name, item in plan.tasks.items():
        if plan.has_own_heads(name):
            with code_at(f"tasks.{name}.losses"):
                tasks[f"{name}_{item.datasets[0]}"].write_combined()
    for word, probe in probes_by_word(plan).items():
        with code_at(f"tasks.{probe.task}"):
            if plan.has_own_heads(probe.task):
                raise NotWrittenError(f"a probe of `{probe.task}`, which has a head for each dataset")
            write_probe(probe, tasks[probe.task], word, model.names[f"features_{word}"])


def _refuse_precision(plan: Plan, model: str) -> None:
    """Raise `NotWrittenError` for what torch's kernels of 16 bits compute wrongly on a CPU."""
    if any(phase.precision == "bf16" for phase in plan.phases) and re.search(
        rf"Conv\d|LSTM|{LIBRARIES}", model
    ):
        raise NotWrittenError("convolutions and recurrent layers in bf16 on a CPU")


def _notes(plan: Plan, files: Mapping[str, str]) -> list[str]:
    """Return what differs from the spec's own run, beyond speed and checks."""
    notes = []
    if any(phase.precision == "auto" for phase in plan.phases):
        notes.append(
            "If the spec leaves the precision to the machine (`auto`), this computes in single precision."
        )
    if "predict.py" not in files:
        notes.append("No task predicts something of a sample, so there is no `predict.py`.")
    return notes


def _tasks(plan: Plan) -> tuple[dict[str, TaskCode], Definitions]:
    definitions = Definitions(Library())
    tasks = {}
    for name, task in plan.tasks.items():
        words = {f"{name}_{dataset}": task.target_of(dataset) for dataset in task.datasets}
        for word, target in (words if plan.has_own_heads(name) else {name: task.target}).items():
            with code_at(f"tasks.{name}"):
                tasks[word] = TaskCode(plan, name, definitions, target, word)
    return tasks, definitions


def _programs(
    plan: Plan, phases: Mapping[str, PhaseCode], masking: Collection[str]
) -> dict[str, ProgramSpec]:
    """Return what the model computes: for each phase, for evaluations of each dataset, and for probes.

    A task that hides inputs (`masking`) has a program for itself.
    """
    programs: dict[str, ProgramSpec] = {}
    for name, phase in phases.items():
        groups = {
            f"forward_{name}": phase.plain,
            **{f"forward_{name}_{task}": [task] for task in phase.masking},
        }
        programs |= {
            key: ProgramSpec(tuple(tasks), phase.datasets, True) for key, tasks in groups.items() if tasks
        }
    for dataset in plan.datasets:
        names = [name for name, task in plan.tasks.items() if dataset in task.datasets]
        groups = {f"{dataset}_outputs": [name for name in names if name not in masking]}
        groups |= {f"{dataset}_{name}_outputs": [name] for name in names if name in masking}
        programs |= {
            key: ProgramSpec(tuple(tasks), (dataset,), False) for key, tasks in groups.items() if tasks
        }
    for word, probe in probes_by_word(plan).items():
        programs[f"features_{word}"] = ProgramSpec(
            (), plan.tasks[probe.task].datasets[:1], False, probe.wires
        )
    return programs


def evaluation_size(plan: Plan, dataset: str) -> int:
    """Return the samples of a batch in evaluations."""
    return Evaluator._batch_size(SimpleNamespace(_plan=plan), dataset)  # type: ignore[arg-type]  # noqa: SLF001
