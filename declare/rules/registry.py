"""The registry of rules: the folders under `declare/rules`; each file in them is one rule."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import declare.rules
from declare.contract.problem import Problem
from declare.rules import queries
from declare.rules.spec_view import View

Rule = Callable[[View], Iterable[Problem]]


@cache
def rules(stage: str) -> tuple[Rule, ...]:
    """Return the `check` of every rule of a stage, in alphabetical order of family and rule."""
    return tuple(module.check for module in _modules() if stage == module.STAGE)


@cache
def _modules() -> tuple[Any, ...]:
    modules = []
    for family in pkgutil.iter_modules(declare.rules.__path__, "declare.rules."):
        if family.ispkg and family.name != queries.__name__:
            package = importlib.import_module(family.name)
            names = (item.name for item in pkgutil.iter_modules(package.__path__, f"{family.name}."))
            modules += [
                importlib.import_module(name)
                for name in sorted(names)
                if not name.rpartition(".")[2].startswith("_")
            ]
    return tuple(modules)
