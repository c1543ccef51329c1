"""The model as one module: nodes by path, and for each set of tasks a flat list of calls made once."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from declare.ir.plan import ModulePlan, Plan, Wire, inputs_by_port
from declare.lowering.model.execution_plan import DatasetGroup, Program, make_program, make_reading
from declare.parsing.read_component import read_component

Batch = Mapping[str, Mapping[str, Tensor]]
Outputs = dict[str, dict[str, Tensor]]
Joined = dict[str, list[tuple[DatasetGroup, Tensor]]]


class _Parent(nn.Module):
    """Holds modules under any names, also those of torch's own attributes (`training`, `type`)."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "training":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def get_submodule(self, target: str) -> nn.Module:
        """Return the descendant at a path."""
        return dict(self.named_modules(remove_duplicate=False))[target]


class Graph(_Parent):
    """The model of a plan; its children have the paths of the nodes (`encoder`, `heads.digit`).

    Called as `graph(batch, tasks)` with a batch dataset -> field -> tensor [rows, ...] it returns task ->
    dataset -> output of the task's head. Only what the tasks need is run, and modules whose input shapes
    agree over datasets run once on their rows together. With `joined` it returns task -> list of (datasets,
    output over their rows).
    """

    def __init__(self, plan: Plan, nodes: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for path, node in nodes.items():
            _place(self, path, node)
        self._plan = plan
        self._instances = dict(nodes)
        self._programs: dict[tuple[tuple[str, ...], tuple[str, ...], bool], Program] = {}

    @property
    def modules_by_path(self) -> Mapping[str, nn.Module]:
        """The modules of the model by path; those of a node that each dataset has for itself are `PATH.DATASET`."""
        return self._instances

    @overload
    def forward(self, batch: Batch, tasks: Sequence[str], *, joined: Literal[False] = False) -> Outputs: ...
    @overload
    def forward(self, batch: Batch, tasks: Sequence[str], *, joined: Literal[True]) -> Joined: ...
    def forward(self, batch: Batch, tasks: Sequence[str], *, joined: bool = False) -> Outputs | Joined:
        """Run what `tasks` need on the rows of `batch`."""
        key = (tuple(tasks), tuple(batch), joined)
        program = self._programs.get(key)
        if program is None:
            program = self.build_program(*key)
        slots = program.run(batch)
        if joined:
            return {
                task: [(group, slots[slot]) for group, slot in groups] for task, groups in program.results
            }
        return {task: {group[0]: slots[slot] for group, slot in groups} for task, groups in program.results}

    def read(
        self, fields: Mapping[str, Tensor], dataset: str, wires: Sequence[Wire]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Return what `wires` carry for rows of one dataset, and how long samples are; nothing else is run."""
        program = make_reading(self._plan, self._instances, wires, dataset)
        slots = program.run({dataset: fields})
        values = {name: slots[groups[0][1]] for name, groups in program.results}
        return [(values[str(number)], values.get(f"{number}.lengths")) for number in range(len(wires))]

    def build_program(self, tasks: tuple[str, ...], datasets: tuple[str, ...], joined: bool) -> Program:
        """Make the calls for batches of these datasets; done before the first batch if it is known."""
        key = (tasks, datasets, joined)
        self._programs[key] = make_program(self._plan, self._instances, *key)
        return self._programs[key]


def make_graph(plan: Plan) -> Graph:
    """Return the model of a plan with fresh weights.

    The weights of each node come from the plan's seed and the node's path alone: another node changes
    nothing.
    """
    return Graph(plan, dict(_instances(plan)))


def _instances(plan: Plan) -> Iterable[tuple[str, nn.Module]]:
    for node in plan.nodes:
        if node.adapts:
            yield node.path, _build_for_datasets(plan.seed, node)
            continue
        if not node.per_dataset:
            yield node.path, _build(plan.seed, node.path, node, node.wires, node.outputs)
            continue
        for dataset, variant in node.variants.items():
            path = f"{node.path}.{dataset}"
            yield path, _build(plan.seed, path, node, variant.wires, variant.outputs)


def _build(
    seed: int, path: str, node: ModulePlan, wires: Sequence[Wire], outputs: Mapping[str, Any]
) -> nn.Module:
    shapes = inputs_by_port(wires)
    with _seed_weights(seed, path):
        if node.role == "head":
            module = read_component("heads", node.block).build(shapes, next(iter(outputs.values())))
        else:
            module = read_component("modules", node.block).build(shapes)
    assert isinstance(module, nn.Module)
    return module


def _build_for_datasets(seed: int, node: ModulePlan) -> nn.Module:
    inputs_by_dataset = {name: inputs_by_port(variant.wires) for name, variant in node.variants.items()}
    with _seed_weights(seed, node.path):
        module = read_component("modules", node.block).build_each(inputs_by_dataset)
    assert isinstance(module, nn.Module)
    return module


@contextmanager
def _seed_weights(seed: int, path: str) -> Iterator[None]:
    """Let weights be drawn from the plan's seed and the node's path alone."""
    digest = hashlib.sha256(f"{seed}/{path}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        yield


def _place(root: nn.Module, path: str, node: nn.Module) -> None:
    """Set `node` as the descendant of `root` called `path`.

    Not with `add_module`: it refuses names that torch's own modules have (`train`, `type`, `modules`).
    """
    *parents, name = path.split(".")
    for parent in parents:
        root = root._modules.setdefault(parent, _Parent())  # type: ignore[assignment]  # noqa: SLF001
    root._modules[name] = node  # noqa: SLF001
