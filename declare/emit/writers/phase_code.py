"""Writes the loss of each phase into `losses.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from declare.contract.code import NotWrittenError, code_at, text_literal
from declare.emit.specialize.abstract_values import NotNone, Tensor
from declare.emit.specialize.units import Unit, bind_arguments, function_unit, method_unit
from declare.emit.text.definitions import Definitions
from declare.emit.writers.task_code import TaskCode
from declare.ir.plan import PhasePlan, Plan
from declare.parsing.read_component import read_component

Lanes = Sequence[tuple[str, Sequence[tuple[str, ...]]]]
"""Of each task: the groups of datasets that its head gives an output for."""

_MEAN = '''def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total'''


class PhaseCode:
    """The loss of a phase as a function of outputs and batches."""

    def __init__(
        self, plan: Plan, phase: PhasePlan, tasks: Mapping[str, TaskCode], definitions: Definitions
    ) -> None:
        self.plan, self.phase, self.tasks, self.definitions = plan, phase, tasks, definitions
        self.names = [name for name, weight in phase.tasks.items() if weight > 0]
        self.datasets = tuple(name for name in plan.datasets if name in phase.datasets)
        self.masking = [
            name for name in self.names if self.task(name, self.datasets_of(name)[0]).view is not None
        ]
        self.plain = [name for name in self.names if name not in self.masking]
        if self.masking and phase.accumulate > 1:
            raise NotWrittenError(
                f"`accumulate` beside a task that hides inputs, in the phase `{phase.name}`"
            )
        hidden = [
            (item, plan.tasks[name].target_field) for name in self.masking for item in self.datasets_of(name)
        ]
        if len({*hidden}) < len(hidden):
            raise NotWrittenError(f"several tasks of the phase `{phase.name}` that hide the same field")
        self.consistency = phase.scales.consistency if phase.scales is not None else None
        if self.consistency is not None:
            self.comparison = self._comparison()
        self.penalties = [self._penalty(dict(block)) for block in phase.regularizers]
        for attribute, word in (("augment", "augments"), ("gradients_every", "`gradients`")):
            if getattr(phase, attribute):
                raise NotWrittenError(f"{word} of the phase `{phase.name}`")
        if phase.scales is not None and (
            phase.scales.mode == "random" or phase.accumulate > 1 or self.masking
        ):
            raise NotWrittenError(
                f"`scales` of the phase `{phase.name}` in random order, with `accumulate` or hidden inputs"
            )
        if len(self.names) > 1 and not read_component("balances", phase.balance).is_plain_sum:
            with code_at(f"phases.{phase.name}.balance"):
                raise NotWrittenError(f"the balance `{phase.balance['type']}` of the phase `{phase.name}`")

    def _comparison(self) -> Unit:
        from declare.nn.losses.consistency import COMPARISONS

        assert self.consistency is not None
        unit = function_unit(COMPARISONS[self.consistency["type"]])
        assert unit is not None
        unit = self.definitions.library.call(
            unit, bind_arguments(unit, [Tensor(None, True), Tensor(None, True)], {})
        )
        return self.definitions.name(unit, f"{self.consistency['type']}_distance")

    @property
    def program_names(self) -> list[str]:
        """Names of the programs that its steps run."""
        word = f"forward_{self.phase.name}"
        return [*([word] if self.plain else []), *(f"{word}_{task}" for task in self.masking)]

    @property
    def arguments(self) -> list[str]:
        """Names of the batches."""
        return ["batch"] if len(self.datasets) == 1 else list(self.datasets)

    def argument(self, dataset: str) -> str:
        """Return the name of the batch of a dataset."""
        return "batch" if len(self.datasets) == 1 else dataset

    def datasets_of(self, task: str) -> list[str]:
        """Return the datasets of the phase that a task learns from."""
        return [name for name in self.datasets if name in self.plan.tasks[task].datasets]

    def task(self, name: str, dataset: str) -> TaskCode:
        """Return the code of a task in a dataset."""
        return self.tasks.get(f"{name}_{dataset}") or self.tasks[name]

    def _penalty(self, block: dict[str, Any]) -> tuple[str, str, float]:
        component = read_component("regularizers", block)
        unit = method_unit(component.build(), "forward")
        unit = self.definitions.library.call(unit, bind_arguments(unit, [NotNone()], {}))
        self.definitions.name(unit, f"{block['type']}_penalty")
        return unit.marker, str(component.match), float(block["weight"])

    def write(self, lanes: Lanes) -> None:
        """Write the loss and the weights that it is divided by."""
        by_task = dict(lanes)
        arguments = [f"{name}: dict[str, Tensor]" for name in self.arguments]
        shares = [
            self.phase.tasks[name] * loss.weight
            for name in self.names
            for loss in self.plan.tasks[name].losses
        ]
        shares += [weight for *_, weight in self.penalties]
        if self.consistency is not None:
            shares.append(float(self.consistency["weight"]))
        sums = [item for name in self.names for item in self._sums(name, by_task[name])]
        parameters = ["model: nn.Module"] if self.penalties else []
        if self.consistency is not None:
            parameters.append("teacher: dict[str, Tensor]")
        head = ", ".join(
            ["outputs: dict[str, Tensor]", *arguments, *parameters, "totals: Tensor | None = None"]
        )
        lines = [f"def {self.phase.name}_loss({head}) -> Tensor:"]
        lines += [
            f'    """Return the loss of a batch of `{self.phase.name}`; `totals` are those of a larger one."""'
        ]
        if len(shares) == 1:
            lines += self._single(by_task[self.names[0]], sums[0], shares[0])
        else:
            lines += self._several(sums, shares)
        self.definitions.add("\n".join(lines))
        self._totals(arguments)

    def _several(self, sums: list[str], shares: list[float]) -> list[str]:
        self._mean()
        lines = []
        if self.consistency is not None:
            lines += ["    rows = float(len(next(iter(batch.values()))))"]
        if self.penalties:
            rows = " + ".join(f"len(next(iter({name}.values())))" for name in self.arguments)
            self.definitions.imports |= {"from fnmatch import fnmatchcase", "from torch import nn"}
            lines += [f"    rows = float({rows})", "    named = dict(model.named_parameters())"]
        lines += [f"    sums = [{', '.join([*sums, *self._penalty_sums(), *self._consistency_sums()])}]"]
        lines += [
            "    if totals is None:",
            "        values = [mean(total, weight) for total, weight in sums]",
            "    else:",
        ]
        lines += [
            "        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]"
        ]
        return [*lines, f"    return (torch.stack(values) * torch.tensor({shares})).sum()"]

    def _consistency_sums(self) -> list[str]:
        """Return the code of how far outputs are from those at the largest size."""
        if self.consistency is None:
            return []
        compared = [
            self.definitions.call(self.comparison, f'outputs["{name}"]', f'teacher["{name}"]')
            for name in self.names
        ]
        return [f"(torch.stack([{', '.join(compared)}]).sum() if teacher else torch.zeros(()), rows)"]

    def _penalty_sums(self) -> list[str]:
        return [
            f"({marker}([item for name, item in named.items() if fnmatchcase(name, {text_literal(match)})])"
            " * rows, rows)"
            for marker, match, _ in self.penalties
        ]

    def _single(self, groups: Sequence[tuple[str, ...]], sums: str, share: float) -> list[str]:
        factor = "" if share == 1 else f" * {share}"
        task = self.task(self.names[0], groups[0][0])
        if len(groups) == 1 and task.means[0] is not None:
            output, target = self._pair(self.names[0], groups, 0)
            alone = self.definitions.call(task.means[0], output, target)
            lines = ["    if totals is None:", f"        return {alone}{factor}", f"    total, _ = {sums}"]
            return [*lines, f"    return total / totals[0].clamp_min(1e-12){factor}"]
        self._mean()
        lines = [
            f"    total, weight = {sums}",
            "    if totals is None:",
            f"        return mean(total, weight){factor}",
        ]
        return [*lines, f"    return total / totals[0].clamp_min(1e-12){factor}"]

    def _mean(self) -> None:
        if "mean" not in self.definitions.names.values():
            self.definitions.names["mean"] = "mean"
            self.definitions.add(_MEAN)

    def _pair(self, name: str, groups: Sequence[tuple[str, ...]], number: int) -> tuple[str, str]:
        """Return the code of an output and its target."""
        output = f'outputs["{name}"]' if len(groups) == 1 else f'outputs["{name}"][{number}]'
        targets = [self._target(name, dataset) for dataset in groups[number]]
        return output, targets[0] if len(targets) == 1 else f"torch.cat([{', '.join(targets)}])"

    def _target(self, name: str, dataset: str) -> str:
        return self.definitions.call(self.task(name, dataset).target, self.argument(dataset))

    def _sums(self, name: str, groups: Sequence[tuple[str, ...]]) -> list[str]:
        """Return the code of (sum, weight) of each loss of a task."""
        done = []
        for number in range(len(self.plan.tasks[name].losses)):
            parts = []
            for at, group in enumerate(groups):
                parts.append(
                    self.definitions.call(
                        self.task(name, group[0]).forwards[number], *self._pair(name, groups, at)
                    )
                )
            done.append(parts[0] if len(parts) == 1 else f"add({', '.join(parts)})")
            if len(parts) > 1:
                self._add()
        return done

    def _add(self) -> None:
        if "add" not in self.definitions.names.values():
            self.definitions.names["add"] = "add"
            self.definitions.add(
                "def add(*pairs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:\n"
                '    """Return the sum of (sum, weight) of several parts."""\n'
                "    return torch.stack([total for total, _ in pairs]).sum(), sum(weight for _, weight in pairs)"
            )

    def _totals(self, arguments: list[str]) -> None:
        counts = []
        for name in self.names:
            for number in range(len(self.plan.tasks[name].losses)):
                parts = [
                    self.definitions.call(
                        self.task(name, dataset).counts[number], self._target(name, dataset)
                    )
                    for dataset in self.datasets_of(name)
                ]
                counts.append(" + ".join(parts))
        if self.penalties:
            rows = " + ".join(f"len(next(iter({name}.values())))" for name in self.arguments)
            counts += [rows] * len(self.penalties)
        if self.consistency is not None:
            counts.append("len(next(iter(batch.values())))")
        lines = [f"def {self.phase.name}_totals({', '.join(arguments)}) -> Tensor:"]
        lines += [
            '    """Return what the losses of a batch are divided by: the weights of its valid targets."""'
        ]
        lines += [f"    return torch.tensor([{', '.join(f'float({item})' for item in counts)}])"]
        self.definitions.add("\n".join(lines))
