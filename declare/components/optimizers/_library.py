"""Optimizers of torch and timm by name; a table holds their parameters."""

import inspect
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

from pydantic import Field as Param
from pydantic import create_model

from declare.components.optimizers._update import Decaying
from declare.contract.code import Code
from declare.contract.component import Component, Refusal, not_finite
from declare.contract.kinds.optimizer import Optimizer
from declare.contract.problem import Problem, ProblemError
from declare.contract.torch_types import TorchOptimizer
from declare.system.library_table import LibraryTable
from declare.system.parameter_ranges import Range, is_within, measured_from, outcome, with_bounds

TABLE = LibraryTable(
    Path(__file__).with_name("tables") / "optimizers.json", f"{__package__}._introspect", ("torch", "timm")
)
_WHOLE = frozenset(
    {"adafactor", "adamp", "adamuon", "cadamp", "cmars", "csgdp", "kron", "kronc", "kronw", "mars", "muon"}
    | {"nadamuon", "nmuon", "novograd", "novogradc", "novogradw", "sgdp"}
)
"""Rules with operations that torch lacks, or rounds differently, for sharded parameters (DTensor)."""
_PACKAGES = {"timm.optim.kron": "opt_einsum"}
"""What modules need: without it `einsum` multiplies all factors out at once, 275 GB for a matrix of 512 by 512."""
_WORDS: dict[str, Any] = {"float": float, "int": int, "bool": bool, "str": str}

_TRIED_RATE = 1e-3
_OWN_RATES = frozenset({"rprop"})
"""Rules that adapt a rate for each weight whatever the schedule."""


class _FromLibrary(Optimizer):
    """An optimizer of torch or timm with its own parameters."""

    record: ClassVar[dict[str, Any]]
    home: ClassVar[tuple[str, str]]
    """Module and class."""
    decays: ClassVar[bool]
    third_party: ClassVar[tuple[str, ...]] = ("torch", "timm")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for weight decays of groups if the rule has none, and for numbers that are not finite."""
        yield from not_finite(self)
        for index, group in enumerate(self.groups):
            if group.weight_decay is not None and not self.decays:
                yield Problem(
                    "REF203",
                    f"`{self.type_name()}` has no weight decay, so this setting has no effect",
                    at=f"groups.{index}.weight_decay",
                    label="no effect",
                    helps=("remove it",),
                )

    def build(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        """Return the library's optimizer; raises `ProblemError` (PHS632) if it refuses its parameters."""
        try:
            return self._rule(groups)
        except (ValueError, TypeError, NotImplementedError) as error:
            reason = str(error).strip().partition("\n")[0][:200]
            raise ProblemError(self.refusal_problem(Refusal(reason)).with_prefix("optimizer")) from error

    def code(self, groups: str) -> Code:
        """Return the code of the library's optimizer; a name of timm may have other defaults than its class."""
        module, name = self.home
        stated = {key: getattr(self, key) for key in type(self).record["parameters"]}
        arguments = "".join(
            f", {key}={tuple(value) if isinstance(value, list) else value!r}" for key, value in stated.items()
        )
        return Code(f"{name}({groups}, lr={self.lr}{arguments})", imports=(f"from {module} import {name}",))

    def _rule(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        stated = {name: value for name, value in self if name not in {"groups", "decay_norm_and_bias"}}
        arguments = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stated.items()
        }
        module, name = self.home
        optimizer: TorchOptimizer = getattr(import_module(module), name)(groups, **arguments)
        return optimizer

    def is_proven(self, sample: Any) -> bool:
        """Return whether all parameters are defaults apart from lr, decay and at most one in its tested range."""
        names, known = type(self).record["parameters"], type(self).record.get("ranges", {})
        others = [name for name, (_, default) in names.items() if getattr(self, name) != default]
        return not others or (len(others) == 1 and is_within(getattr(self, others[0]), known.get(others[0])))

    def try_out(self, sample: Any) -> None:
        """Make steps, save the state, and make more steps from it."""
        from declare.nn.optimizer_steps import step_and_resume

        step_and_resume(self._rule, self.lr, self.base_decay)

    def refusal_problem(self, reason: Refusal) -> Problem:
        """Return the problem (PHS632) that the rule refuses its parameters, or fails with them."""
        return Problem(
            "PHS632",
            f"optimizer `{self.type_name()}` refuses its parameters",
            at=reason.parameter or "type",
            label="refused",
            notes=(f"the library reports: {reason.text}",),
            helps=(f"see `dcl describe {self.type_name()}` for its parameters and their defaults",),
        )


def names() -> list[str]:
    """Return the names of library optimizers without a file here."""
    return list(TABLE.records())


@cache
def find(name: str) -> type[Component] | None:
    """Return the component of a library's optimizer, or None."""
    record = TABLE.record(name)
    return None if record is None else component(name, record)


def component(name: str, record: dict[str, Any]) -> type[_FromLibrary]:
    """Return the component of a record; its parameters have the recorded bounds."""
    known = record.get("ranges", {})
    decays = record["weight_decay"] is not None
    bases: Any = (_FromLibrary, Decaying) if decays else _FromLibrary
    parameters: dict[str, Any] = {
        key: (_annotation(kind, known.get(key)), Param(default))
        for key, (kind, default) in record["parameters"].items()
    }
    if decays:
        about = Decaying.model_fields["weight_decay"].description
        parameters["weight_decay"] = (float, Param(record["weight_decay"], ge=0, le=1e3, description=about))
    model = create_model(
        record["class"],
        __base__=bases,
        __module__=f"{__package__}.{name}",
        __doc__=_text(name, record),
        **parameters,
    )
    optimizer = cast("type[_FromLibrary]", model)
    optimizer.record = record
    optimizer.home, optimizer.decays = (record["module"], record["class"]), decays
    # Only rules of the shipped table were compared on parameters in shares with those of one process.
    optimizer.whole = name in _WHOLE or name not in TABLE.shipped_records
    optimizer.package = _PACKAGES.get(record["module"])
    optimizer.sets_own_lr = name in _OWN_RATES
    return optimizer


def _annotation(kind: str, known: Range | None) -> Any:
    if kind.startswith("numbers"):
        return with_bounds(list[float], known)
    plain = with_bounds(_WORDS[kind.rstrip("?")], known)
    return plain | None if kind.endswith("?") else plain


def measured_ranges(name: str, record: dict[str, Any]) -> dict[str, Range]:
    """Return the ranges of a record's parameters, found by training steps, a save and a load with many values."""
    optimizer, words = component(name, record | {"ranges": {}}), _texts(record)

    ranges = {}
    for key, (stated, default) in record["parameters"].items():
        kind = "[float]" if stated.startswith("numbers") else stated.rstrip("?")
        if kind == "bool":
            continue

        def works(value: Any, key: str = key) -> list[bool]:
            return _outcome(optimizer, {key: value})

        ranges[key] = measured_from(kind, [default], works, words)
    return {key: known for key, known in ranges.items() if known}


def _outcome(rule: type[_FromLibrary], parameters: dict[str, Any]) -> list[bool]:
    from declare.parsing.parser import read

    optimizer: Any
    optimizer, problems = read(rule, {"lr": _TRIED_RATE} | parameters)
    return [False] if problems else outcome(lambda: optimizer.try_out(None))


def _texts(record: dict[str, Any]) -> set[str]:
    """Return the words in the rule's source, which include the values of its parameters."""
    source = inspect.getsource(import_module(record["module"]))
    return set(re.findall(r"[\"']([a-z][a-z0-9_]{1,30})[\"']", source))


def _text(name: str, record: dict[str, Any]) -> str:
    """Return the docstring of a library's optimizer."""
    decay = (
        (
            "Norms, biases and other parameters of one axis are not decayed unless "
            "`decay_norm_and_bias` is set or\na group states its own `weight_decay`."
        )
        if record["weight_decay"] is not None
        else "It has no weight decay."
    )
    return (
        f"{record['summary']}\n\n{decay}\nSource: {record['library']}.optim.{record['class']}.\n\n"
        f"```yaml\nphases:\n  fit: {{epochs: 5, batch_size: 64, optimizer: {{type: {name}, lr: 1e-3}}}}\n"
        "```\n"
    )
