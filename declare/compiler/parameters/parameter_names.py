"""Names of a node's parameters: read off the real module once, then kept in the user's cache folder.

Only patterns (`freeze`, `groups`, `regularizers`) and files of weights need them, so only specs that have some may
import torch here, and only the first time.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from declare.compiler.meta.meta_run import inputs_from_plain, shape_from_plain
from declare.compiler.meta.shape_cache import cached_answer, plain_inputs, question_key, trial_problem
from declare.contract.kinds.module import Head, Inputs, Module, Node
from declare.contract.problem import ProblemError
from declare.data.read import cache
from declare.ir.plan import ModulePlan, Wire, inputs_by_port
from declare.nn.tensor_facts import TensorFacts, dtype_of
from declare.parsing.read_component import read_component
from declare.system import worker_process
from declare.system.out_of_memory import is_shortage
from declare.system.worker_process import CallError

if TYPE_CHECKING:
    from torch import nn

    from declare.contract.shapes import Shape

_FORMAT = 2
WiresByDataset = dict[str, tuple[Wire, ...]]
"""What a module that adapts to datasets reads in each; empty for others."""


@dataclass(frozen=True)
class Names:
    """Elements of each parameter by name, the state of each module with running statistics, and all of the state."""

    parameters: dict[str, int]
    statistics: dict[str, tuple[str, ...]]
    state: dict[str, TensorFacts] = field(default_factory=dict)

    def with_prefix(self, path: str) -> Names:
        """Return the names below `path`."""
        parameters = {f"{path}.{name}": size for name, size in self.parameters.items()}
        statistics = {
            _join(path, name): tuple(f"{path}.{item}" for item in state)
            for name, state in self.statistics.items()
        }
        return Names(parameters, statistics, {f"{path}.{name}": item for name, item in self.state.items()})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if name else path


def names(node: ModulePlan) -> Names | None:
    """Return the names of a node's parameters in the model's state; None if it cannot be built here.

    Raises `ProblemError` (SHP514) if a module that is not ours takes more time or memory than it may.
    """
    parameters: dict[str, int] = {}
    statistics: dict[str, tuple[str, ...]] = {}
    state: dict[str, TensorFacts] = {}
    for path, wires, outputs in _instances(node):
        inside = _cached_names(node, wires, next(iter(outputs.values())))
        if inside is None:
            return None
        full_names = inside.with_prefix(path)
        parameters |= full_names.parameters
        statistics |= full_names.statistics
        state |= full_names.state
    return Names(parameters, statistics, state)


def paths_of_instances(node: ModulePlan) -> list[str]:
    """Return the paths of a node's instances in the model: one, or one for each dataset."""
    return [path for path, _, _ in _instances(node)]


def _instances(node: ModulePlan) -> Iterator[tuple[str, tuple[Wire, ...], dict[str, Shape]]]:
    if not node.per_dataset:
        yield node.path, node.wires, node.outputs
    for name, variant in node.variants.items() if node.per_dataset else ():
        yield f"{node.path}.{name}", variant.wires, variant.outputs


def _cached_names(node: ModulePlan, wires: tuple[Wire, ...], output: Shape) -> Names | None:
    component = read_component(node.kind, node.block)
    by_dataset = {name: variant.wires for name, variant in node.variants.items()} if node.adapts else {}
    path = cache.folder("names") / f"{_key(node.kind, component, wires, output, by_dataset)}.json"
    try:
        known = cached_answer(path, lambda: _ask(component, wires, output, by_dataset))
    except CallError as error:
        raise ProblemError(trial_problem(component, error, f"model.{node.name}")) from None
    if known is None:
        return None
    statistics = {name: tuple(state) for name, state in known["statistics"].items()}
    state = {name: TensorFacts(tuple(shape), dtype) for name, (shape, dtype) in known["state"].items()}
    return Names(known["parameters"], statistics, state)


def _key(
    kind: str, component: Node, wires: tuple[Wire, ...], output: Shape, by_dataset: WiresByDataset
) -> str:
    shapes: list[Any] = [(wire.port, list(wire.shape)) for wire in wires]
    shapes += [
        (name, wire.port, list(wire.shape)) for name, variant in by_dataset.items() for wire in variant
    ]
    return question_key(kind, component, [_FORMAT, shapes, list(output)])


def _ask(
    component: Node, wires: tuple[Wire, ...], output: Shape, by_dataset: WiresByDataset
) -> dict[str, Any] | None:
    """Return the names of a module as plain values; a third-party one is built in a separate process.

    Raises `CallError` if that process ended.
    """
    inputs = inputs_by_port(wires)
    inputs_by_dataset = {name: inputs_by_port(variant) for name, variant in by_dataset.items()}
    if not component.third_party:
        return read_names(component, inputs, output, inputs_by_dataset)
    question = {
        "kind": type(component).kind(),
        "block": component.dump() | {"pretrained": False},
        "inputs": plain_inputs(inputs),
        "output": list(output),
        "variants": {name: plain_inputs(variant) for name, variant in inputs_by_dataset.items()},
    }
    try:
        answer: dict[str, Any] | None = worker_process.call(
            "declare.compiler.parameters.parameter_names:answer_plain", question
        )
    except CallError as error:
        if error.is_lasting:
            return None
        raise
    return answer


def answer_plain(
    kind: str,
    block: dict[str, Any],
    inputs: dict[str, list[list[Any]]],
    output: list[Any],
    variants: dict[str, dict[str, list[list[Any]]]],
) -> dict[str, Any] | None:
    """Return what `read_names` gives for plain values; for a worker process."""
    component = read_component(kind, block)
    assert isinstance(component, Module | Head)
    by_dataset = {name: inputs_from_plain(variant) for name, variant in variants.items()}
    return read_names(component, inputs_from_plain(inputs), shape_from_plain(output), by_dataset)


def read_names(
    component: Node, inputs: Inputs, output: Shape, by_dataset: Mapping[str, Inputs]
) -> dict[str, Any] | None:
    """Build the module on the meta device, or for real if it cannot be built there; None if neither works."""
    import torch

    for device in ("meta", "cpu"):
        try:
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), torch.device(device):
                warnings.simplefilter("ignore")
                return _read_off(_build(component, inputs, output, by_dataset))
        except Exception as error:  # whatever a library raises, the probe has reported it
            if is_shortage(error):
                raise
    return None


def _build(component: Node, inputs: Inputs, output: Shape, by_dataset: Mapping[str, Inputs]) -> nn.Module:
    if isinstance(component, Head):
        return component.build(inputs, output)
    assert isinstance(component, Module)
    plain = component.model_copy(update={"pretrained": False})
    return plain.build_each(by_dataset) if by_dataset else plain.build(inputs)


def _read_off(module: nn.Module) -> dict[str, Any]:
    statistics = {}
    for name, part in module.named_modules():
        tensors = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
        if any(key == "running_mean" for key, _ in tensors):
            statistics[name] = [_join(name, key) for key, _ in tensors]
    return {
        "parameters": {name: item.numel() for name, item in module.named_parameters()},
        "statistics": statistics,
        "state": {
            name: [list(item.shape), dtype_of(str(item.dtype))]
            for name, item in module.state_dict().items()
            if hasattr(item, "shape")
        },
    }
