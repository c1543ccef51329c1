"""The base of every component: a strict parameter model whose file name is its `type`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from declare.contract.duration import Duration
from declare.contract.problem import Problem


@dataclass(frozen=True)
class Slot:
    """Marks a parameter that holds a component: `Annotated[Loss, Slot("losses")]`.

    The spec may write `{type: NAME, ...}` or just `NAME`. Works inside list[...] and dict[str, ...] too.
    """

    kind: str


@dataclass(frozen=True)
class DataValue:
    """Marks a number that is compared with raw data and not computed with, so that any number is valid."""


class Strict(BaseModel):
    """A block of the spec: unknown keys and wrong types are errors, values are not converted.

    Blocks are read by `declare.parsing.parser`, which finds every error with its path; cross-field checks
    are `check()` methods or rules and never pydantic validators.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, defer_build=True, arbitrary_types_allowed=True
    )


class Refusal(NamedTuple):
    """Why a component fails: the library's message, and a change that would make it work, if known.

    It works without `parameter`, and on the samples that `works_on` names.
    """

    text: str
    parameter: str | None = None
    works_on: str | None = None


class Component(Strict):
    """Anything pluggable. Its folder under `components/` is its kind, its file name is its `type`."""

    trusted_only: ClassVar[bool] = False
    """Whether it runs the user's code and so loads only if the user trusted it by name."""
    third_party: ClassVar[tuple[str, ...]] = ()
    """Packages whose code runs in it. It is tried in its own process before a run relies on it."""

    also_called: ClassVar[tuple[str, ...]] = ()
    """What other frameworks call it: unknown names of types are looked up among them."""

    also_named: ClassVar[str] = ""
    """A pattern of names of its library's models, if no list of them is at hand; empty if none is known."""

    @classmethod
    def known_names(cls) -> Sequence[str]:
        """Return the possible values of its `name`, if a library defines them (models, data sets)."""
        return ()

    @classmethod
    def interface(cls) -> tuple[str, ...]:
        """Return in lines what goes with it: input ports, layouts of targets, kinds of prediction."""
        return ()

    @classmethod
    def type_name(cls) -> str:
        """The name that specs write as `type`."""
        return cls.__module__.rpartition(".")[2]

    @classmethod
    def kind(cls) -> str:
        """The folder that holds it: `modules`, `losses`, ..."""
        return cls.__module__.split(".")[-2]

    def shown_name(self) -> str:
        """Return the name of its library part (its parameter `name`), else its type."""
        return str(dict(self).get("name") or self.type_name())

    def check(self) -> Iterable[Problem]:
        """Yield problems of parameters taken together (paths are inside this block)."""
        return ()

    def is_proven(self, sample: Any) -> bool:
        """Return whether a generated table proves that it works on such a sample, so that it need not be tried."""
        return not self.third_party

    def try_out(self, sample: Any) -> None:
        """Work once on random data with the shape of `sample`; raises whatever the library raises."""
        raise NotImplementedError

    def other_samples(self, sample: Any) -> dict[str, Any]:
        """Return samples, by description, on which it may work if it fails on this one."""
        return {}

    def refusal_problem(self, reason: Refusal) -> Problem:
        """Return the problem that the library refuses the parameters or the sample; its place is in this block."""
        raise NotImplementedError

    def dump(self) -> dict[str, Any]:
        """Return the block as plain values, every default written out, `type` first."""
        return {"type": self.type_name()} | {key: plain(item) for key, item in _aliased_fields(self).items()}


def plain(value: Any) -> Any:
    """Return `value` with components, models, durations and paths turned into plain YAML values."""
    if isinstance(value, Component):
        return value.dump()
    if isinstance(value, BaseModel):
        return {key: plain(item) for key, item in _aliased_fields(value).items()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Duration | Path):
        return str(value)
    return value


def _aliased_fields(model: BaseModel) -> dict[str, Any]:
    """Return the fields of a model under the names that specs use."""
    names = {name: info.alias or name for name, info in type(model).model_fields.items()}
    return {names.get(name, name): value for name, value in model}


def not_finite(component: Component) -> Iterable[Problem]:
    """Yield SCH108 for each parameter that is infinite or NaN; library parameters have no bounds against it."""
    for name, value in component:
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            title = f"`{name}` is {value}, not a finite number"
            yield Problem("SCH108", title, at=name, label="not finite", helps=("write a finite number",))
