"""A run without data and without memory: the graph of a plan as fake tensors, with batches of the right shapes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from declare.contract.lengths import lengths_name
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import DatasetPlan, FieldPlan, PhasePlan, Plan
from declare.lowering.data.columns import used_fields
from declare.lowering.evaluation.evaluator import Evaluator
from declare.lowering.model.graph import Graph, make_graph
from declare.lowering.training.objective import Objective
from declare.nn.distributed.process_group import SINGLE_PROCESS
from declare.parsing.read_component import read_component
from declare.runtime.setup.builder import PlanBuilder
from declare.runtime.step.interfaces import Batch

_DTYPES = {"int64": torch.int64, "bool": torch.bool, "uint8": torch.uint8, "float32": torch.float32}
_MAX_BATCHES = 2
"""Evaluation batches: what a second one finds in memory, later ones find too."""


@contextmanager
def fake_run(plan: Plan, device: torch.device) -> Iterator["FakeBuilder"]:
    """Give the builder of a run of `without_values(plan)`; while inside, tensors have shapes and no values."""
    graph = _build_without_memory(plan)
    with FakeTensorMode(allow_non_fake_inputs=True), _WithoutValues():
        _make_fake(graph, device)
        yield FakeBuilder(plan, graph, device)


class _WithoutValues(TorchDispatchMode):
    """Answers what depends on values: a number is 2, every element is chosen, every class is there.

    Optimizers read their numbers of steps: with 0 or 1 some divide by zero.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = _ANSWERS.get(func)
        return func(*args, **(kwargs or {})) if answer is None else answer(*args, **(kwargs or {}))


def _number(tensor: Tensor) -> float | int | bool:
    if tensor.dtype == torch.bool:
        return False
    return 2.0 if tensor.is_floating_point() else 1


def _bincount(values: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    return torch.empty(
        minlength, dtype=torch.int64 if weights is None else weights.dtype, device=values.device
    )


def _nonzero(values: Tensor) -> Tensor:
    return torch.empty(values.numel(), values.dim(), dtype=torch.int64, device=values.device)


def _masked_select(values: Tensor, mask: Tensor) -> Tensor:
    shape = torch.broadcast_shapes(values.shape, mask.shape)
    return torch.empty(shape.numel(), dtype=values.dtype, device=values.device)


def _index(values: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    places: list[Tensor | None] = []
    for item in indices:
        if item is not None and item.dtype in {torch.bool, torch.uint8}:
            size = item.numel()
            places += [torch.empty(size, dtype=torch.int64, device=values.device)] * item.dim()
        else:
            places.append(item)
    result: Tensor = _aten.index.Tensor(values, places)
    return result


def _unique(values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor, Tensor]:
    places = torch.empty(values.shape, dtype=torch.int64, device=values.device)
    counts = torch.empty(values.numel(), dtype=torch.int64, device=values.device)
    return torch.empty_like(values).flatten(), places, counts


_aten = torch.ops.aten
_ANSWERS: dict[Any, Any] = {
    _aten._local_scalar_dense.default: _number,  # noqa: SLF001
    _aten.bincount.default: _bincount,
    _aten.nonzero.default: _nonzero,
    _aten.masked_select.default: _masked_select,
    _aten.index.Tensor: _index,
    _aten._unique2.default: _unique,  # noqa: SLF001
}


class FakeBuilder(PlanBuilder):
    """Builds the parts of a run of fake tensors, over no data."""

    def __init__(self, plan: Plan, graph: Graph, device: torch.device) -> None:
        self._plan, self.graph, self.device = plan, graph, device
        self.world = SINGLE_PROCESS
        self._evaluator = Evaluator(plan, graph, None, device, batches=self._evaluation_batches)

    def loader(self, phase: PhasePlan) -> "_FakeLoader":
        """Return batches of zeros."""
        return _FakeLoader(self._plan, phase, self.device)

    def objective(self, phase: PhasePlan) -> Objective:
        """Return the losses of a phase."""
        return Objective(self._plan, phase, self.graph, self.world)

    def evaluate(self, split: str, tasks: Sequence[str]) -> dict[str, float]:
        """Evaluate some batches; the values mean nothing."""
        return self._evaluator.run(split, tasks)

    def _evaluation_batches(
        self, dataset: str, split: str, size: int, numbers: range | None
    ) -> Iterator[Mapping[str, Tensor]]:
        samples = self._plan.datasets[dataset].splits[split]
        for start in list(range(0, samples, size))[:_MAX_BATCHES]:
            yield fake_fields(self._plan, dataset, min(size, samples - start), self.device)


class _FakeLoader:
    def __init__(self, plan: Plan, phase: PhasePlan, device: torch.device) -> None:
        self._plan, self._phase, self._device = plan, phase, device

    def batches(self, start_step: int, stop_step: int) -> Iterator[Batch]:
        for step in range(start_step, stop_step):
            names = self._phase.datasets
            turn = (names[step % len(names)],) if self._phase.alternate else names
            yield {name: fake_fields(self._plan, name, self._rows(name), self._device) for name in turn}

    def _rows(self, dataset: str) -> int:
        """Return the rows of a batch; a dataset alone has no more than an epoch."""
        rows = self._phase.rows[dataset]
        samples = self._plan.datasets[dataset].splits["train"]
        return min(rows, samples) if len(self._phase.datasets) == 1 else rows

    def describe_samples(self, step: int) -> Sequence[str]:
        return ()


def fake_fields(plan: Plan, dataset: str, rows: int, device: torch.device) -> dict[str, Tensor]:
    """Return a batch [rows, ...] of what the plan reads of a dataset, samples as long as the longest."""
    data = plan.datasets[dataset]
    lengths = {name: _longest(data, name) for name in data.fields}
    longest = max(filter(None, lengths.values()), default=None)
    fields = {}
    for name in used_fields(plan, dataset):
        field = data.fields[name]
        dims = [_size(field, axis, lengths[name] or longest) for axis in range(len(field.shape.dims))]
        dtype = torch.float64 if field.double else _DTYPES[field.shape.dtype]
        fields[name] = torch.zeros(rows, *dims, dtype=dtype, device=device)
        if field.has_lengths and field.shape.layout != "tokens":
            fields[lengths_name(name)] = torch.ones(rows, dtype=torch.int64, device=device)
    return fields


def _longest(data: DatasetPlan, name: str) -> int | None:
    """Return the length of the longest sample of a field after all transforms, if that is known."""
    facts = data.fields[name].facts
    tokens, lengths = facts.extra.get("tokens"), facts.extra.get("lengths")
    if tokens or not lengths:
        return tokens and int(tokens["longest"])
    shape: Shape | Problem = facts.shape
    assert isinstance(shape, Shape)
    axis = shape.time_axis or 0
    shape = shape._replace(dims=(*shape.dims[:axis], int(max(lengths)), *shape.dims[axis + 1 :]))
    for block in data.transforms:
        if name in (block["field"], *(block["fields"] or ())) and isinstance(shape, Shape):
            shape = read_component("transforms", block).infer(shape)
    return shape.dims[axis] if isinstance(shape, Shape) else None


def _size(field: FieldPlan, axis: int, longest: int | None) -> int:
    """Return the size of an axis in a batch; `longest` is the length of the longest sample.

    Batches of texts are no longer than that; a stated length of other samples is padded to.
    """
    dim = field.shape.dims[axis]
    if (
        axis != field.shape.time_axis
        or longest is None
        or (dim is not None and field.shape.layout != "tokens")
    ):
        size = dim
    else:
        size = longest if dim is None else min(dim, longest)
    if size is None:
        raise NotImplementedError(f"axis {axis} of {field.shape} varies")
    return size


def without_values(plan: Plan) -> Plan:
    """Return a plan that does the same without reading values: weights are not loaded, bad batches not looked for.

    It is that of one process, with its rows of each batch.
    """
    nodes = [
        node.model_copy(update={"block": node.block | {"pretrained": False}})
        if "pretrained" in node.block
        else node
        for node in plan.nodes
    ]
    processes = plan.hardware.processes or 1
    phases = []
    for phase in plan.phases:
        rows = {name: -(-count // processes) for name, count in phase.rows.items()}
        changes = {"rows": rows, "batch_size": sum(rows.values()), "on_batch_error": {"action": "error"}}
        phases.append(phase.model_copy(update=changes))
    return plan.model_copy(update={"nodes": tuple(nodes), "phases": tuple(phases)})


def _build_without_memory(plan: Plan) -> Graph:
    """Return the graph on the meta device; on the processor if a module reads values as it is built."""
    try:
        with torch.device("meta"):
            return make_graph(plan)
    except (NotImplementedError, RuntimeError):
        return make_graph(plan)


def _make_fake(graph: nn.Module, device: torch.device) -> None:
    """Put fake tensors in the place of a graph's parameters and buffers; what modules share stays shared."""
    fakes: dict[Tensor, Tensor] = {}

    def fake(tensor: Tensor) -> Tensor:
        if tensor not in fakes:
            value = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
            is_parameter = isinstance(tensor, nn.Parameter)
            fakes[tensor] = nn.Parameter(value, tensor.requires_grad) if is_parameter else value
        return fakes[tensor]

    for module in graph.modules():
        holders: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)  # noqa: SLF001
        for tensors in holders:
            tensors |= {name: fake(tensor) for name, tensor in tensors.items() if tensor is not None}
