"""A model that is gathered in half precision while it trains, gathered in its own precision to be judged."""

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from typing import Any

from torch import nn

from declare.lowering.model.graph import Graph
from declare.nn.distributed.dtensor import full_tensor, is_sharded
from declare.runtime.step.strategies.fsdp import units

Places = list[tuple[dict[str, Any], str]]
"""Where a parameter is: the parameters of a layer, and its name there."""


class FullPrecisionCopy:
    """A second set of modules over the tensors of a graph that will be cut: for evaluations, without gradients.

    FSDP gathers in one type, whatever it is for. Here each unit asks for the whole of its shares when it is called,
    and lets go of it afterwards.
    """

    def __init__(self, graph: Graph, skip: Collection[str]) -> None:
        tensors = [*graph.parameters(), *graph.buffers()]
        self.graph = deepcopy(graph, {id(item): item for item in tensors})
        self._units = units(self.graph, self.graph.modules_by_path, skip)

    def follow(self, graph: Graph) -> Graph:
        """Return the modules as they compute with what `graph` holds, now that it is cut and in its place."""
        for ours, theirs in zip(self.graph.modules(), graph.modules(), strict=True):
            ours._parameters, ours._buffers = {**theirs._parameters}, theirs._buffers  # noqa: SLF001
        owned: set[nn.Module] = set()
        for unit in self._units:
            modules = [module for module in unit.modules() if module not in owned]
            owned |= set(modules)
            shares = _sharded_parameters(modules)
            for name in ("forward", "read") if unit is self.graph else ("forward",):
                setattr(unit, name, _with_full_parameters(getattr(unit, name), shares))
        return self.graph


def _sharded_parameters(modules: Sequence[nn.Module]) -> list[tuple[nn.Parameter, Places]]:
    """Return the sharded parameters of the modules themselves, each with its places."""
    sharded: dict[int, tuple[nn.Parameter, Places]] = {}
    for module in modules:
        for name, item in module._parameters.items():  # noqa: SLF001
            if item is not None and is_sharded(item):
                sharded.setdefault(id(item), (item, []))[1].append((module._parameters, name))  # noqa: SLF001
    return list(sharded.values())


def _with_full_parameters(
    function: Callable[..., Any], shares: list[tuple[nn.Parameter, Places]]
) -> Callable[..., Any]:
    """Return a function inside which parameters are whole; all processes must call it."""

    def replace(places: Places, value: nn.Parameter) -> None:
        for parameters, name in places:
            parameters[name] = value

    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            for item, places in shares:
                replace(places, nn.Parameter(full_tensor(item), requires_grad=False))
            return function(*arguments, **keywords)
        finally:
            for item, places in shares:
                replace(places, item)

    return call
