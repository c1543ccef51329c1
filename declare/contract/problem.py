"""A problem: a finding stated in terms of spec paths, before the compiler gives it spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

At = Literal["value", "key"]


@dataclass(frozen=True)
class Rewrite:
    """A proposed change of the spec in terms of paths: set `path` to `value`, or remove it if `value` is None.

    `key` renames the last key of `path` instead.
    """

    title: str
    path: str
    value: object = None
    key: str | None = None
    safe: bool = True


@dataclass(frozen=True)
class Problem:
    """What a component, a rule or a reader found wrong.

    `at` is the dotted path of the value that is wrong, relative to whoever reports it (a component gives
    paths inside its own block; `""` is the block itself). `also` maps other absolute paths to what they say.
    """

    code: str
    title: str
    at: str = ""
    label: str = ""
    on: At = "value"
    also: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


class ProblemError(Exception):
    """Carries a problem out of code that reads the outside world (files, devices, checkpoints)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem
