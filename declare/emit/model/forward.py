"""Writes what a model computes for the rows of some datasets: a program's calls as straight lines."""

import builtins
import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from declare.contract.code import NotWrittenError
from declare.emit.specialize.recording import Module
from declare.ir.plan import Wire
from declare.lowering.model.execution_plan import Program

TAKEN = frozenset(["batch", "functional", "nn", "np", "self", "torch", *dir(builtins)])
"""Names that code of models reads: no variable may hide them."""


class Forward:
    """The lines of one program. `paths` maps modules to the attribute of the model that holds them."""

    def __init__(
        self,
        program: Program,
        paths: Mapping[int, str],
        used: Mapping[str, set[str]],
        parameters: Mapping[int, list[str]],
        hidden_fields: Collection[str] = (),
    ) -> None:
        self.program, self.paths, self.used, self.parameters = program, paths, used, parameters
        self.hidden_fields = hidden_fields
        """Fields that some task hides parts of: their pixels are numbers from 0 to 1 then."""
        self.hidden: set[str] = set()
        """Expressions of their values."""
        self.names: dict[int, str] = {}
        """Slot of the program -> expression of its value."""
        self.lines: list[str] = []
        datasets = {dataset for dataset, _ in program.loads}
        self.variables: set[str] = {*datasets, *TAKEN}
        self.several = len(datasets) > 1

    def _variable(self, word: str) -> str:
        """Return a name that no other variable has."""
        name, number = word, 1
        while name in self.variables:
            number += 1
            name = f"{word}_{number}"
        self.variables.add(name)
        return name

    def code(self) -> list[str]:
        """Return the lines of the body."""
        for slot, (dataset, field) in enumerate(self.program.loads):
            self.names[slot] = f'{dataset}["{field}"]' if self.several else f'batch["{field}"]'
            self.hidden |= {self.names[slot]} if field in self.hidden_fields else set()
        for function, sources, place in self._live():
            self._call(function, [self.names[source] for source in sources], place)
        results = [
            f'"{task}": {self.names[lanes[0][1]]}'
            if len(lanes) == 1
            else f'"{task}": [{", ".join(self.names[slot] for _, slot in lanes)}]'
            for task, lanes in self.program.results
        ]
        return [*self.lines, f"return {{{', '.join(results)}}}"]

    def features(self, wires: Sequence[Wire]) -> list[str]:
        """Return the lines of a body that gives what wires carry, a vector for each sample."""
        lines = self.code()[:-1]
        values = dict(self.program.results)
        parts = []
        for number, wire in enumerate(wires):
            if f"{number}.lengths" in values:
                raise NotWrittenError("probes of series that differ in length")
            value = self.names[values[str(number)][0][1]]
            rank = len(wire.shape.dims) + 1
            if rank > 2:
                value += ".mean(1)" if wire.shape.layout == "sequence" else ".flatten(2).mean(2)"
            parts.append(f"{value}.float().reshape(len({value}), -1)")
        return [
            *lines,
            f"return {parts[0]}" if len(parts) == 1 else f"return torch.cat([{', '.join(parts)}], 1)",
        ]

    def _live(self) -> list[tuple[Any, tuple[int, ...], int]]:
        """Return the calls whose results something reads, without lengths for modules that do not look at them."""
        read = {slot for _, lanes in self.program.results for _, slot in lanes}
        live = []
        for call in reversed(self.program.calls):
            if call[2] in read:
                live.append(self._without_idle_lengths(*call))
                read |= {*live[-1][1]}
        return live[::-1]

    def _without_idle_lengths(
        self, function: Any, sources: tuple[int, ...], place: int
    ) -> tuple[Any, tuple[int, ...], int]:
        """Return a call, without the lengths if the module does not look at them."""
        if label(function) == "_with_lengths":
            inner = variables(function)["function"]
            if not self._takes_lengths(inner):
                return inner, sources[:-1], place
        return function, sources, place

    def _takes_lengths(self, function: Any) -> bool:
        module = function.func if isinstance(function, partial) else function
        return "lengths" in self.parameters.get(id(module), ["lengths"])

    def _call(self, function: Any, sources: list[str], place: int) -> None:
        """Write one call."""
        keywords = ""
        if label(function) == "_with_lengths":
            function, keywords = variables(function)["function"], f", lengths={sources.pop()}"
        dataset = function.keywords.get("dataset") if isinstance(function, partial) else None
        module = function.func if isinstance(function, partial) else function
        if isinstance(module, Module):
            path = self.paths[id(module)]
            if dataset and "dataset" in self.parameters.get(id(module), ["dataset"]):
                keywords += f', dataset="{dataset}"'
            self._assign(place, self._variable(_short(path)), f"{path}({', '.join(sources)}{keywords})")
        else:
            getattr(self, f"_of{label(function)}")(function, sources, place)

    def _of_pick(self, function: Any, sources: list[str], place: int) -> None:
        word = sources[0] if sources[0] in self.used else sources[0].rstrip("0123456789").rstrip("_")
        used = self.used.get(word, set())
        self.names[place] = sources[0] if len(used) <= 1 else f'{sources[0]}["{variables(function)["name"]}"]'

    def _of_item(self, function: Any, sources: list[str], place: int) -> None:
        self.names[place] = f"{sources[0]}[{variables(function)['index']}]"

    def _of_unit(self, function: Any, sources: list[str], place: int) -> None:
        scaled = f"{sources[0]}.to(torch.float32).mul_(1 / 255)"
        if sources[0] in self.hidden:
            scaled = f"{sources[0]} if {sources[0]}.is_floating_point() else {scaled}"
        self._assign(place, self._variable("pixels"), scaled)

    def _of_single(self, function: Any, sources: list[str], place: int) -> None:
        self.names[place] = f"{sources[0]}.float()"

    def _of_join(self, function: Any, sources: list[str], place: int) -> None:
        self._assign(place, self._variable("rows"), f"torch.cat([{', '.join(sources)}])")

    def _of_split_rows(self, function: Any, sources: list[str], place: int) -> None:
        sizes = ", ".join(f"len({source})" for source in sources[1:])
        self._assign(place, self._variable("parts"), f"{sources[0]}.split([{sizes}])")

    def _of_count(self, function: Any, sources: list[str], place: int) -> None:
        self._assign(place, self._variable("lengths"), f"({sources[0]} >= 0).sum(1).clamp_min(1)")

    def _of_length_map(self, function: Any, sources: list[str], place: int) -> None:
        raise NotWrittenError("lengths that a module changes")

    def _assign(self, place: int, name: str, expression: str) -> None:
        """Write an assignment."""
        self.names[place] = name
        self.lines.append(f"{name} = {expression}")


def label(function: Any) -> str:
    """Return which of the functions of programs one is."""
    return function.__qualname__.partition(".")[0] if inspect.isfunction(function) else ""


def variables(function: Any) -> Mapping[str, Any]:
    """Return what a function of a program was made with."""
    return inspect.getclosurevars(function).nonlocals


def _short(path: str) -> str:
    """Return a name for the output of a module."""
    return "_".join(re.findall(r"\w+", path.removeprefix("self.").removeprefix("heads")))
