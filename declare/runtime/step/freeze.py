"""Freezing as a pure function of the step: which parameters and norm statistics are frozen."""

from collections.abc import Collection

from torch import nn

from declare.ir.plan import PhasePlan
from declare.nn.running_statistics import freeze_statistics


class Freezer:
    """Puts a phase's graph into the state that its `freeze` list means at a step.

    `trainable` names the parameters that the model itself wants trained; the others are never touched.
    """

    def __init__(self, phase: PhasePlan, graph: nn.Module, trainable: Collection[str]) -> None:
        self._rules = phase.freeze
        self._graph = graph
        parameters = dict(graph.named_parameters(remove_duplicate=False))
        self._parameters = parameters
        self._trainable = {id(parameters[name]) for name in trainable}
        self._changes = sorted({rule.until_step for rule in phase.freeze if rule.until_step is not None})

    @property
    def ever_trains(self) -> bool:
        """Whether some parameter is trained at some step of the phase."""
        permanent_rules = [rule for rule in self._rules if rule.until_step is None]
        frozen = {id(self._parameters[name]) for rule in permanent_rules for name in rule.parameters}
        return bool(self._trainable - frozen)

    def apply(self, step: int) -> list[str]:
        """Train everything but what is frozen at `step`; return the patterns in force."""
        self._graph.train()
        rules = [rule for rule in self._rules if rule.until_step is None or step < rule.until_step]
        frozen = {id(self._parameters[name]) for rule in rules for name in rule.parameters}
        for parameter in self._parameters.values():
            parameter.requires_grad_(id(parameter) in self._trainable and id(parameter) not in frozen)
        for rule in rules:
            for name in rule.modules:
                freeze_statistics(self._graph.get_submodule(name))
        return [rule.match for rule in rules]

    def next_change(self, step: int) -> int | None:
        """Return the first step after `step` at which something thaws."""
        return next((change for change in self._changes if change > step), None)
