"""Every process has a shard of each parameter, of its gradient and of the optimizer state (torch's FSDP2)."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from declare.nn.distributed.dtensor import is_sharded
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.step.interfaces import Objective
from declare.runtime.step.strategies.all_reduce import average_gradients
from declare.runtime.step.strategies.strategy import Strategy

_CASTING = frozenset(
    kind.forward
    for kind in (
        nn.Linear,
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
        nn.MultiheadAttention,
    )
)
"""Forward passes that autocast runs in half precision, parameters and all."""
_LARGER = 16
"""How many times larger than what stays whole in it a unit that is gathered in half precision must be."""


class Fsdp(Strategy):
    """Calls the objective on a graph that `shard` has cut; gradients are averaged on their way into the shares."""

    forward_is_collective = True

    def __init__(self, objective: Objective, world: ProcessGroup) -> None:
        super().__init__(objective, world)
        self._graph: Any = objective.graph  # type: ignore[attr-defined]

    def set_gradient_sync(self, enabled: bool) -> None:
        """Let gradients travel in the next backward pass, or not."""
        self._graph.set_requires_gradient_sync(enabled)

    def reduce_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Average the gradients of what every process holds as a whole."""
        average_gradients([item for item in parameters if not is_sharded(item)], self.world)


def shard(
    graph: nn.Module,
    nodes: Mapping[str, nn.Module],
    device: torch.device,
    skip: Collection[str],
    half: torch.dtype | None = None,
) -> None:
    """Cut the parameters of a graph, its nodes, and the repeated blocks in them; once, before all else is made.

    What is not being computed with is held in shares only, after a forward pass too. Numbers without an axis stay
    whole in every process. Nodes named in `skip` leave parts of themselves out at random, not the same in every
    process: they are gathered at once, and all of their parameters get gradients.

    With `half`, the type that all training computes in, units are gathered in it if autocast would make copies
    in it of nearly all of their parameters; what else they have (norms) stays whole in every process.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    unsharded = {item for item in graph.parameters() if item.dim() == 0}
    fsdp_units = units(graph, nodes, skip)
    narrow = _narrow(fsdp_units, _cast(graph)) if half is not None else {}
    rounding = MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32, cast_forward_inputs=False)
    unsharded |= {item for uncast in narrow.values() for item in uncast}
    for name in skip:
        nodes[name].register_forward_hook(_depend_on_all_parameters)
    for unit in fsdp_units:
        unit.register_forward_hook(_without_views)
        policy = rounding if unit in narrow else MixedPrecisionPolicy()
        fully_shard(unit, mesh=mesh, reshard_after_forward=True, ignored_params=unsharded, mp_policy=policy)
    register_fsdp_forward_method(graph, "read")


def _cast(graph: nn.Module) -> set[nn.Parameter]:
    """Return the parameters that autocast makes copies of wherever they are used.

    Layers whose forward pass is not torch's own may do anything with theirs.
    """
    by_casting: dict[bool, set[nn.Parameter]] = {True: set(), False: set()}
    for module in graph.modules():
        by_casting[type(module).forward in _CASTING] |= set(module.parameters(recurse=False))
    return by_casting[True] - by_casting[False]


def _narrow(
    units: Sequence[nn.Module], cast: Collection[nn.Parameter]
) -> dict[nn.Module, list[nn.Parameter]]:
    """Return the units that can be gathered in half precision, and their parameters that must not be rounded."""
    uncast_by_unit, owned = {}, set()
    for unit in units:
        parameters = [item for item in unit.parameters() if item not in owned and item.dim()]
        owned |= set(parameters)
        uncast = [item for item in parameters if item not in cast]
        small = _LARGER * sum(item.numel() for item in uncast)
        if small <= sum(item.numel() for item in parameters) > 0:
            uncast_by_unit[unit] = uncast
    return uncast_by_unit


def _without_views(_module: nn.Module, _inputs: Any, output: Any) -> Any:
    """Copy outputs that are views: an operation in place on one would rid FSDP of its hook for the backward pass."""
    return tree_map(_own_memory, output)


def _own_memory(item: Any) -> Any:
    return item.clone() if isinstance(item, Tensor) and item.requires_grad and item._is_view() else item  # noqa: SLF001


def _depend_on_all_parameters(module: nn.Module, _inputs: Any, output: Any) -> Any:
    """Let an output depend on every parameter of a module, if only by nothing."""
    parameters = [item for item in module.parameters() if item.requires_grad]
    if not parameters or not torch.is_grad_enabled():
        return output
    nothing = torch.stack([item.sum(dtype=torch.float32) for item in parameters]).sum() * 0

    def reaching(item: Any) -> Any:
        return item + nothing if isinstance(item, Tensor) and item.is_floating_point() else item

    return tree_map(reaching, output)


def units(graph: nn.Module, nodes: Mapping[str, nn.Module], skip: Collection[str]) -> list[nn.Module]:
    """Return the units that are gathered separately, inner modules first: repeated blocks, their nodes, the graph."""
    return [*_units(graph, nodes, skip), graph]


def _units(graph: nn.Module, nodes: Mapping[str, nn.Module], skip: Collection[str]) -> Iterator[nn.Module]:
    """Yield repeated blocks, then the nodes that contain them.

    Not what shares parameters with other modules: they must be gathered together.
    """
    uses = Counter(id(item) for item in _parameters(graph))
    for name, node in nodes.items():
        inner = [] if name in skip else [*_blocks(node)]
        for module in [*reversed(inner), node]:
            uses_inside = Counter(id(item) for item in _parameters(module))
            if uses_inside and all(uses[key] == count for key, count in uses_inside.items()):
                yield module


def _blocks(node: nn.Module) -> Iterator[nn.Module]:
    """Yield the blocks that a module repeats, such as the layers of a transformer."""
    for row in node.modules():
        if isinstance(row, nn.ModuleList | nn.Sequential):
            kinds = Counter(type(item) for item in row)
            yield from (item for item in row if kinds[type(item)] > 1 and _is_block(item))


def _is_block(module: nn.Module) -> bool:
    containers = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
    return not isinstance(module, containers) and next(module.children(), None) is not None


def _parameters(module: nn.Module) -> Iterator[nn.Parameter]:
    return (item for _, item in module.named_parameters(remove_duplicate=False))
