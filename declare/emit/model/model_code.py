"""Writes `model.py`: the modules of a plan, and the calls between them."""

import hashlib
import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from declare.contract.code import NotWrittenError, code_at
from declare.emit.model.forward import Forward
from declare.emit.model.module_code import Writer
from declare.emit.specialize.abstract_values import NotNone, Tensor
from declare.emit.specialize.finish import finish
from declare.emit.specialize.recording import Module
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit, bind_arguments, forward_unit
from declare.emit.text.definitions import Definitions
from declare.ir.plan import ModulePlan, NodeVariant, Plan, Wire, inputs_by_port
from declare.lowering.model.execution_plan import Program, make_program, make_reading
from declare.parsing.read_component import read_component

Datasets = tuple[str, ...]


class ProgramSpec(NamedTuple):
    """What a program computes."""

    tasks: tuple[str, ...]
    datasets: Datasets
    joined: bool
    wires: tuple[Wire, ...] = ()
    """What is read instead of outputs of tasks."""


class ModelCode:
    """The modules of a plan, and what the model computes for each set of datasets and tasks."""

    def __init__(
        self, plan: Plan, programs: Mapping[str, ProgramSpec], hidden_fields: Collection[str] = ()
    ) -> None:
        self.plan, self.hidden_fields = plan, hidden_fields
        self.library = Library(classes=True)
        self.definitions = Definitions(self.library, {"Model"})
        self.instances = {
            path: _build(node, wires, outputs) for path, node, wires, outputs in _all_instances(plan)
        }
        self._note_uses()
        self.programs = {
            name: make_reading(plan, self.instances, spec.wires, spec.datasets[0])
            if spec.wires
            else make_program(plan, self.instances, spec.tasks, spec.datasets, spec.joined)
            for name, spec in programs.items()
        }
        self.readings = {name: spec.wires for name, spec in programs.items() if spec.wires}
        self.units: dict[str, Unit] = {}
        self.paths: dict[int, str] = {}
        self.statements: list[str] = []
        self._specialize()
        self._write_modules()
        self.methods: dict[tuple[str, ...], str] = {}
        """Arguments and body -> name of the method that has them."""
        self.datasets = {
            name: list(dict.fromkeys(dataset for dataset, _ in program.loads))
            for name, program in self.programs.items()
        }
        """Program -> datasets whose batches it reads."""
        self.names = {name: self._method(name, program) for name, program in self.programs.items()}
        """Program -> method."""

    def _note_uses(self) -> None:
        """Note the inputs and the outputs read of each module: modules that differ in them get different classes."""
        read = outputs_read(self.plan)
        for path, node, wires, _ in _all_instances(self.plan):
            module = self.instances[path]
            if isinstance(module, Module):
                module.__dict__["_used_as"] = f"({len(wires)}: {','.join(sorted(read.get(node.path, ())))})"

    def _specialize(self) -> None:
        """Specialise what modules compute for what the programs give them."""
        keywords: dict[int, dict[str, Any]] = {}
        for program in self.programs.values():
            for function, _, _ in program.calls:
                module, values = called_module(function)
                if module is not None:
                    keywords.setdefault(id(module), {}).update(values)
        for path, _, wires, _ in _all_instances(self.plan):
            module = self.instances[path]
            unit = forward_unit(module) if isinstance(module, Module) else None
            if unit is not None:
                known = bind_arguments(unit, [_tensor(wire) for wire in wires], keywords.get(id(module), {}))
                self.units[path] = self.library.call(unit, known)
        self.library.specialize_all()
        read = outputs_read(self.plan)
        for path, node, _, outputs in _all_instances(self.plan):
            if path in self.units:
                first = {next(iter(outputs))}
                finish(self.units[path], read.get(node.path, first) if node.role != "head" else None)

    def _write_modules(self) -> None:
        writer = Writer(self.library)
        parents: set[str] = set()
        for path, node, _, _ in _all_instances(self.plan):
            expression = writer.module(self.instances[path], _camel(node.name))
            target = _target(path)
            self.paths[id(self.instances[path])] = target
            for number in range(1, path.count(".") + 1):
                parent = _target(".".join(path.split(".")[:number]))
                if parent not in parents:
                    self.statements += [f"{parent} = nn.ModuleDict()"]
                    parents.add(parent)
            self.statements += [
                f"torch.manual_seed({_seed(self.plan.seed, path)})",
                f"{target} = {expression}",
            ]
        self.definitions.know(*(name for name in writer.names.values() if name.isidentifier()))
        for text in writer.texts:
            self.definitions.add(text)

    def _method(self, name: str, program: Program) -> str:
        """Return the method that a program is, written if no other has its code."""
        parameters = {
            id(self.instances[path]): unit.remaining_parameters for path, unit in self.units.items()
        }
        forward = Forward(program, self.paths, self._entries_read(), parameters, self.hidden_fields)
        body = forward.features(self.readings[name]) if name in self.readings else forward.code()
        names = self.datasets[name] if forward.several else ["batch"]
        key = (", ".join(f"{item}: dict[str, Tensor]" for item in names), *body)
        if key not in self.methods:
            self.methods[key] = name if self.methods else "forward"
        return self.methods[key]

    def _entries_read(self) -> dict[str, set[str]]:
        """Return the outputs of each node that something reads, with "" if it gives a dict even of one."""
        read = {path.rpartition(".")[2]: outputs for path, outputs in outputs_read(self.plan).items()}
        for path, node, _, _ in _all_instances(self.plan):
            if path in self.units and not self.units[path].is_reduced and len(node.outputs) > 1:
                name = node.path.rpartition(".")[2]
                read[name] = {"", *read.get(name, ())}
        return read

    def text(self, title: str) -> str:
        """Return the file."""
        lines = ["class Model(nn.Module):", f'    """{title}"""', "", "    def __init__(self) -> None:"]
        body = ["super().__init__()", *self.statements]
        lines += [f"        {line}" for line in body]
        for (arguments, *code), name in self.methods.items():
            gives = "dict[str, Tensor]" if code[-1].startswith("return {") else "Tensor"
            lines += ["", f"    def {name}(self, {arguments}) -> {gives}:"]
            what = (
                "features [B, width]" if gives == "Tensor" else "the output of the head of each task [B, ...]"
            )
            lines += [f'        """Return {what}."""']
            lines += [f"        {line}" for line in code]
        self.definitions.add("\n".join(lines))
        self.definitions.imports |= {"import torch", "from torch import Tensor", "from torch import nn"}
        return self.definitions.text(f"The model of `{self.plan.name}`.")


def called_module(function: Any) -> tuple[Any, dict[str, Any]]:
    """Return the module that a call of a program goes to, with what is known of its keywords."""
    keywords: dict[str, Any] = {}
    if inspect.isfunction(function) and function.__qualname__.startswith("_with_lengths"):
        function = inspect.getclosurevars(function).nonlocals["function"]
        keywords["lengths"] = Tensor(1, False)
    if isinstance(function, partial) and isinstance(function.func, Module):
        keywords |= {name: NotNone() for name in function.keywords}
        function = function.func
    return (function, keywords) if isinstance(function, Module) else (None, {})


def _all_instances(plan: Plan) -> Iterator[tuple[str, ModulePlan, Sequence[Wire], Mapping[str, Any]]]:
    """Yield the modules of a plan: path in the model, node, wires and outputs."""
    for node in plan.nodes:
        for path, wires, outputs in _instances(node):
            yield path, node, wires, outputs


def _instances(node: ModulePlan) -> list[tuple[str, Sequence[Wire], Mapping[str, Any]]]:
    if node.per_dataset:
        return [(f"{node.path}.{name}", item.wires, item.outputs) for name, item in node.variants.items()]
    first: ModulePlan | NodeVariant = next(iter(node.variants.values())) if node.variants else node
    return [(node.path, first.wires, first.outputs)]


def _build(node: ModulePlan, wires: Sequence[Wire], outputs: Mapping[str, Any]) -> Any:
    """Return what a node is, made with the replacements for torch.

    Raises `NotWrittenError` if a library needs the real torch for that.
    """
    try:
        return _build_module(node, wires, outputs)
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        with code_at(f"model.{node.path}" if node.role == "module" else f"tasks.{node.name}.head"):
            raise NotWrittenError(f"the type `{node.block['type']}`") from error


def _build_module(node: ModulePlan, wires: Sequence[Wire], outputs: Mapping[str, Any]) -> Any:
    component: Any = read_component(node.kind, node.block)
    if node.adapts:
        return component.build_each(
            {name: inputs_by_port(item.wires) for name, item in node.variants.items()}
        )
    if node.role == "head":
        return component.build(inputs_by_port(wires), next(iter(outputs.values())))
    return component.build(inputs_by_port(wires))


def _tensor(wire: Wire) -> Tensor:
    is_float = (wire.shape.dtype or "float32").startswith("float") or wire.shape.layout in {"image", "video"}
    return Tensor(len(wire.shape.dims) + 1, is_float)


def outputs_read(plan: Plan) -> dict[str, set[str]]:
    """Return the outputs of each node that something reads."""
    read: dict[str, set[str]] = {}
    wires = [wire for node in plan.nodes for wire in node.wires]
    wires += [wire for node in plan.nodes for variant in node.variants.values() for wire in variant.wires]
    wires += [wire for phase in plan.phases for probe in phase.probes for wire in probe.wires]
    for wire in wires:
        if wire.source == "module":
            path = next(node.path for node in plan.nodes if wire.name in {node.path, node.name})
            read.setdefault(path, set()).add(wire.output or next(iter(plan.node(path).outputs)))
    return read


def _target(path: str) -> str:
    """Return the expression of a module in its model."""
    first, *rest = path.split(".")
    return f"self.{first}" + "".join(f'["{part}"]' for part in rest)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[._]", name))


def _seed(seed: int, path: str) -> int:
    """Return what a module's initialisation is seeded with, as in a run."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{path}".encode()).digest()[:8], "little") >> 1
