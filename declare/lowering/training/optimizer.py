"""The optimizer of a phase: parameters in groups by the names of the model's state."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from declare.ir.plan import OptimizerGroup, PhasePlan, Plan
from declare.nn.distributed.dtensor import split_by_sharding
from declare.parsing.read_component import read_component

Group = dict[str, Any]


def make_optimizer(plan: Plan, phase: PhasePlan, graph: nn.Module) -> torch.optim.Optimizer:  # noqa: ARG001 - the contract's signature
    """Return a fresh optimizer over the graph's parameters, those that are frozen now included.

    A parameter belongs to the first of the plan's groups that names it, the rest to the spec's own rates.
    Parameters of one axis (norms, biases) are not decayed, unless the optimizer has `decay_norm_and_bias`
    or their group states a weight decay.
    """
    component = read_component("optimizers", phase.optimizer)
    parameters = dict(graph.named_parameters())
    numbers = {item: number for number, item in enumerate(parameters.values())}
    groups = [group for rule in phase.groups for group in _take(rule, parameters)]
    groups += _without_empty({"params": list(parameters.values()), "lr": float(component.lr)})
    decay, spare = component.base_decay, not component.decays_norm_and_bias
    ready = [part for group in groups for part in _split_by_decay(group, decay, spare=spare)]
    return component.build([homogeneous for group in ready for homogeneous in _split_sharded(group, numbers)])


def _split_sharded(group: Group, numbers: dict[nn.Parameter, int]) -> list[Group]:
    """Return a group in two if processes hold some of its parameters in shares and others whole.

    Each states in `numbers` which of the model's parameters it has: other processes may part them differently.
    """
    return [
        group | {"params": part, "numbers": [numbers[item] for item in part]}  # type: ignore[index]
        for part in split_by_sharding(group["params"])
    ]


def _take(rule: OptimizerGroup, parameters: dict[str, nn.Parameter]) -> Iterable[Group]:
    """Take a group's parameters out of `parameters`; a tied parameter goes by the first of its names."""
    members = [parameters.pop(name) for name in rule.parameters if name in parameters]
    return _without_empty({"params": members, "lr": rule.lr, "weight_decay": rule.weight_decay})


def _without_empty(group: Group) -> Iterable[Group]:
    """Return the group, nothing if it is empty."""
    return [group] if group["params"] else []


def _split_by_decay(group: Group, decay: float, *, spare: bool) -> list[Group]:
    """Return a group with its weight decay, in two if some of its parameters are spared."""
    if group.get("weight_decay") is not None:
        return [group]
    if not (decay and spare):
        return [group | {"weight_decay": decay}]
    decayed = [item for item in group["params"] if item.dim() > 1]
    undecayed = [item for item in group["params"] if item.dim() <= 1]
    parts = [
        group | {"params": decayed, "weight_decay": decay},
        group | {"params": undecayed, "weight_decay": 0.0},
    ]
    return [part for part in parts if part["params"]]
