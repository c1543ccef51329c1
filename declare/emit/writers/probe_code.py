"""Writes what is learned from features of the frozen model into `losses.py`."""

from typing import Any

from declare.contract.code import NotWrittenError
from declare.emit.model.module_code import Writer
from declare.emit.specialize.abstract_values import NotNone, Tensor, Value
from declare.emit.specialize.finish import finish
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import bind_arguments, method_unit
from declare.emit.writers.task_code import TaskCode, camel
from declare.ir.plan import Plan, ProbePlan
from declare.parsing.read_component import read_component

_FUNCTION = '''def probe_{word}(model: Model) -> dict[str, float]:
    """Fit a probe for `{task}` to features of the frozen model; return its metrics on validation data."""
    model.eval()
    batches = {{split: [*data.{dataset}_batches(split, 256)] for split in ("train", "val")}}
    with torch.no_grad():
        features = {{
            split: torch.cat([model.{features}(batch) for batch in items])
            for split, items in batches.items()
        }}
    target = torch.cat([{target} for batch in batches["train"]])

    def loss(output: Tensor) -> Tensor:
        total, weight = {loss}
        return total / (weight.clamp_min(1e-12) if isinstance(weight, Tensor) else weight or 1){share}

    probe = {probe}()
    probe.fit(features["train"], loss)
    scores = {scores}()
    with torch.no_grad():
        outputs = probe(features["val"])
    for output, batch in zip(outputs.split(256), batches["val"], strict=True):
        scores.update(output, batch)
    model.train()
    return {{name: value for name, value in scores.results().items() if name != "loss"}}'''


def probes_by_word(plan: Plan) -> dict[str, ProbePlan]:
    """Return the probes that differ in more than their name and phase, by what their functions are called after."""
    probes: dict[str, ProbePlan] = {}
    for probe in (probe for phase in plan.phases for probe in phase.probes):
        alike = [item for item in probes.values() if item.task == probe.task]
        if all(not _is_same(item, probe) for item in alike):
            probes[f"{probe.task}_{len(alike) + 1}" if alike else probe.task] = probe
    return probes


def probe_word(plan: Plan, probe: ProbePlan) -> str:
    """Return what the function of a probe is called after."""
    return next(word for word, item in probes_by_word(plan).items() if _is_same(item, probe))


def _is_same(one: ProbePlan, other: ProbePlan) -> bool:
    return (one.task, one.block, one.wires) == (other.task, other.block, other.wires)


def write_probe(probe: ProbePlan, task: TaskCode, word: str, features: str) -> None:
    """Write the class of a probe, and the function that fits it and returns its metrics.

    `word` is what both are called after, `features` the method of the model that gives a probe its inputs.
    """
    if len(task.task.datasets) > 1 or len(task.losses) > 1 or task.view is not None:
        raise NotWrittenError(
            f"a probe for `{probe.task}`, which has several datasets or losses, or hides inputs"
        )
    name = f"{camel(word)}Probe"
    _write_class(probe, task, name)
    call, share = task.definitions.call, task.task.losses[0].weight
    loss = call(task.forwards[0], "output", "target")
    task.definitions.imports |= {"import data", "from model import Model"}
    task.definitions.add(
        _FUNCTION.format(
            task=probe.task,
            word=word,
            features=features,
            dataset=task.task.datasets[0],
            target=call(task.target, "batch"),
            loss=loss,
            share="" if share == 1 else f" * {share}",
            probe=name,
            scores=f"{camel(probe.task)}Scores",
        )
    )


def _write_class(probe: ProbePlan, task: TaskCode, name: str) -> None:
    """Write the class of a probe."""
    width = sum(wire.shape.dims[-1 if wire.shape.layout == "sequence" else 0] or 0 for wire in probe.wires)
    shape = tuple(dim or 0 for dim in task.task.target.output.dims)
    module: Any = read_component("probes", probe.block).build(width, shape)
    library = Library(classes=True)
    known: dict[str, list[Value]] = {"forward": [Tensor(2, True)], "fit": [Tensor(2, True), NotNone()]}
    for method, arguments in known.items():
        unit = method_unit(module, method)
        library.call(unit, bind_arguments(unit, arguments, {}))
    library.specialize_all()
    for unit in library.units.values():
        finish(unit)
    writer = Writer(library, pinned={"fit"})
    writer.module(module, name)
    task.definitions.know(name)
    for text in writer.texts:
        task.definitions.add(text)
