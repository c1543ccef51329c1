"""Reading a block strictly: every error at once, each with its path; unreadable values become POISON."""

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, overload

from pydantic import BaseModel

from declare.contract.component import Component
from declare.contract.duration import Duration
from declare.contract.kinds.source import REMOTE, is_path
from declare.contract.problem import Problem, ProblemError, key_path
from declare.diagnostics.codes import is_error
from declare.parsing import block_problems
from declare.parsing.annotation import TypeSpec, accepts, fields, form, kind_of
from declare.parsing.lookup import find
from declare.parsing.poison import POISON, Poison, contains_poison
from declare.parsing.scalars import TRUTH_WORDS, datum, number_as_text, read_leaf, takes_truth, wrong_type
from declare.system import secrets
from declare.system.user_cache import expand_home

__all__ = ["POISON", "Parts", "Poison", "parse", "read", "read_parts"]

Base = Callable[[str], Path]
Block = TypeVar("Block", bound=BaseModel)
_STRANGERS = 200
"""Unknown keys of a block that are reported: a text with more of them is not a spec."""
EVERYTHING: frozenset[str] = frozenset({"*"})


@overload
def read(
    model: type[Block], tree: Any, at: str = "", base: Base | None = None, trust: Collection[str] = ()
) -> tuple[Block | Poison, list[Problem]]: ...
@overload
def read(
    model: str, tree: Any, at: str = "", base: Base | None = None, trust: Collection[str] = ()
) -> tuple[Component | Poison, list[Problem]]: ...
def read(
    model: type[BaseModel] | str,
    tree: Any,
    at: str = "",
    base: Base | None = None,
    trust: Collection[str] = (),
) -> tuple[Any, list[Problem]]:
    """Read `tree` as a strict model, or as a component of the kind `model`, and return it with all problems.

    What failed inside is POISON; the whole is POISON if its parts are unknown. Paths in
    problems start with `at`. Relative paths start from the folder that `base` gives for the path of the
    value. `trust` names the components that may run code of the user's (`*`: all).
    """
    reader = _Reader(base, trust)
    if isinstance(model, str):
        return reader.component(model, tree, at), reader.problems
    return reader.value(form(model), tree, at), reader.problems


class Parts(NamedTuple):
    """A block that was read, its problems, and what a later pass may want to know of it.

    `untyped` holds by path what components of unknown types, which are POISON in the block, state that all of their
    kind do. `names` are paths of texts that YAML 1.1 reads as truth values, if no truth value can be meant.
    """

    block: Any
    problems: list[Problem]
    untyped: dict[str, Component]
    names: frozenset[str]


def read_parts(
    model: type[BaseModel], tree: Any, base: Base | None = None, trust: Collection[str] = ()
) -> Parts:
    """Read as `read` does, and return further results."""
    reader = _Reader(base, trust)
    block = reader.value(form(model), tree, "")
    return Parts(block, reader.problems, reader.untyped, frozenset(reader.names - reader.truths))


def parse(kind: str, block: Any) -> Any:
    """Return the component of a plan's block; raises `ProblemError` for one of a plan that was changed."""
    component, problems = read(kind, secrets.reveal(block), trust=EVERYTHING)
    errors = [replace(problem, at="") for problem in problems if is_error(problem.code)]
    if errors:
        raise ProblemError(*errors)
    return component


class _Reader:
    """Collects problems while it descends; `levels` are the blocks around the current one with their keys."""

    def __init__(self, base: Base | None, trust: Collection[str]) -> None:
        self.base, self.trust = base, trust
        self.problems: list[Problem] = []
        self.levels: list[block_problems.Level] = []
        self.excused: set[str] = set()
        self.untyped: dict[str, Component] = {}
        self.names: set[str] = set()
        self.truths: set[str] = set()

    def fail(self, problem: Problem) -> Poison:
        """Keep a problem, without changes that would write what is wrong itself; its value is POISON."""
        rewrites = tuple(item for item in problem.rewrites if not contains_poison(item.value))
        self.problems.append(problem if rewrites == problem.rewrites else replace(problem, rewrites=rewrites))
        return POISON

    def value(self, item: TypeSpec, value: Any, path: str) -> Any:
        """Read any value."""
        if value is POISON:
            return POISON
        if isinstance(value, str) and value.lower() in TRUTH_WORDS:
            (self.truths if takes_truth(item) else self.names).add(path)
        if item.is_union:
            return self.union(item, value, path)
        if not accepts(item, kind_of(value)):
            return self.fail(self.wrong_kind_problem(item, value, path))
        return self._reads(item)(item, value, path)

    def _reads(self, item: TypeSpec) -> Callable[[TypeSpec, Any, str], Any]:
        """Return what reads values of a form."""
        if item.origin is list:
            return self.sequence
        if item.origin is dict:
            return self.mapping
        if item.model is None:
            return self.leaf
        return self.slot if item.slot else self.plain_block

    def slot(self, item: TypeSpec, value: Any, path: str) -> Any:
        """Read the component of a slot."""
        return self.component(item.slot or "", value, path, item.model)

    def plain_block(self, item: TypeSpec, value: Any, path: str) -> Any:
        """Read a strict block that is not a component."""
        assert item.model is not None
        return self.block(item.model, value, path)

    def wrong_kind_problem(self, item: TypeSpec, value: Any, path: str) -> Problem:
        """Return the problem of a value of the wrong kind."""
        if item.model is not None or item.origin in {dict, list}:
            return block_problems.not_a_block(item, value, path)
        return read_leaf(item, value, path)[1] or wrong_type(item, value, path)

    def leaf(self, item: TypeSpec, value: Any, path: str) -> Any:
        """Read a scalar; paths become absolute."""
        if is_path(item.metadata) and isinstance(value, str) and REMOTE.match(value):
            return self.fail(block_problems.address(value, path))
        result, problem = read_leaf(item, value, path)
        if problem is not None:
            return self.fail(problem)
        if isinstance(result, Path) and is_path(item.metadata) and self.base is not None:
            # Not `resolve`: a path through a link stays as the user wrote it.
            return Path(os.path.abspath(self.base(path) / expand_home(result)))  # noqa: PTH100
        return result

    def union(self, item: TypeSpec, value: Any, path: str) -> Any:
        """Read a value by the options that its kind allows; the exact type before a wider one."""
        value = datum(item, value)
        kind = kind_of(value)
        fitting = [option for option in item.options if accepts(option, kind)]
        if not fitting:
            words = block_problems.words_only(item) and kind != "null"
            return self.fail(
                block_problems.unknown_value(item, value, path)
                if words
                else self.none_fits(item, value, path)
            )
        if problem := number_as_text(item, value, path):
            text = any(option.annotation is str and not option.bounds for option in fitting)
            if not text:
                return self.fail(problem)
        fitting.sort(key=lambda option: _rank(option, value))
        if len(fitting) == 1 and (fitting[0].origin is Literal or block_problems.means_a_word(item, value)):
            return self.first(item, fitting, value, path)
        if kind == "map" or len(fitting) == 1:
            return self.value(fitting[0], value, path)
        return self.first(item, fitting, value, path)

    def none_fits(self, item: TypeSpec, value: Any, path: str) -> Problem:
        """Return the problem of a value of which no option wants the kind."""
        plain = [option for option in item.options if not option.nullable]
        if len(plain) == 1 and (plain[0].model is not None or plain[0].origin in {list, dict}):
            return block_problems.not_a_block(item if value is None else plain[0], value, path)
        if len(plain) == 1 and plain[0].annotation is Duration:
            return self.wrong_kind_problem(plain[0], value, path)
        return wrong_type(item, value, path)

    def first(self, item: TypeSpec, fitting: list[TypeSpec], value: Any, path: str) -> Any:
        """Read by the first option that gives no problem."""
        tries: list[list[Problem]] = []
        for option in fitting:
            attempt = _Reader(self.base, self.trust)
            attempt.levels = self.levels
            result = attempt.value(option, value, path)
            if not attempt.problems:
                return result
            tries.append(attempt.problems)
        if isinstance(value, list):
            fewest = min(tries, key=len)
            self.problems += fewest
            return POISON
        return self.fail(block_problems.unknown_value(item, value, path))

    def sequence(self, item: TypeSpec, value: list[Any], path: str) -> Any:
        """Read a list; items that fail are POISON."""
        if problem := block_problems.length(item, value, path):
            return self.fail(problem)
        inner = item.arguments[0] if item.arguments else form(Any)
        return [self.value(inner, part, key_path(path, str(index))) for index, part in enumerate(value)]

    def mapping(self, item: TypeSpec, value: dict[str, Any], path: str) -> Any:
        """Read a mapping of names to values; a name that is not legal keeps its value."""
        if problem := block_problems.length(item, value, path):
            return self.fail(problem)
        names, values = item.arguments
        result = {}
        for key, part in value.items():
            where = key_path(path, key)
            if problem := block_problems.bad_name(names, key, where):
                self.fail(problem)
            result[key] = self.value(values, part, where)
        return result

    def component(self, kind: str, value: Any, path: str, base: type[BaseModel] | None = None) -> Any:
        """Read a component: `{type: NAME, ...}` or just its name; `base` is what all of its kind have."""
        if value is POISON:
            return POISON
        if not isinstance(value, str | dict):
            return self.fail(block_problems.not_a_component(kind, value, path))
        block = {"type": value} if isinstance(value, str) else value
        if block.get("type") is POISON:
            return POISON
        cls = self._class(kind, block, path, key_path(path, "type") if block is value else path)
        if isinstance(cls, Problem):
            if isinstance(value, dict) and base is not None:
                self.shared_keys(kind, base, block, path)
            return self.fail(cls)
        component = self.block(cls, block, path)
        if cls.trusted_only and not contains_poison(component) and "*" not in self.trust:
            problem = block_problems.untrusted_problem(component, self.trust)
            return component if problem is None else self.fail(problem.with_prefix(path))
        return component

    def _class(self, kind: str, block: dict[str, Any], path: str, at: str) -> type[Component] | Problem:
        """Return the class that a block names, or why it may not be used; `at` is the path of the name."""
        name = block.get("type")
        if not isinstance(name, str):
            return block_problems.no_type(kind, block, path)
        cls = find(kind, name)
        if cls is None:
            return block_problems.unknown_component(kind, name, at)
        return cls

    def shared_keys(self, kind: str, base: type[BaseModel], block: dict[str, Any], path: str) -> None:
        """Read the keys that every component of a kind has, for one with an unknown type; report other keys."""
        self.levels.append(block_problems.Level(path, base, block))
        known = fields(base)
        for key in [key for key in block if key not in known and key != "type"][:_STRANGERS]:
            stranger = block_problems.unknown_key_of_kind(key, self.levels, kind, self.fits)
            if stranger is not None:
                self.fail(stranger.problem)
                self.excused |= set(stranger.belongs)
        values = {
            key: self.value(item, block[key], key_path(path, key))
            for key, (_, item) in known.items()
            if key in block
        }
        self.levels.pop()
        component = base.model_construct(None, **values)
        assert isinstance(component, Component)
        self.untyped[path] = component

    def block(self, model: type[BaseModel], value: dict[str, Any], path: str) -> Any:
        """Read a strict block: unknown keys first, since they explain missing ones."""
        known = fields(model)
        typed = issubclass(model, Component)
        self.levels.append(block_problems.Level(path, model, value))
        before = len(self.problems)
        strange = [key for key in value if key not in known and not (typed and key == "type")]
        meant = self.report_unknown_keys(model, strange, value)
        values: dict[str, Any] = {}
        absent: dict[str, TypeSpec] = {}
        for key, (info, item) in known.items():
            where = key_path(path, key)
            if key in value:
                first = len(self.problems)
                values[key] = self.value(item, value[key], where)
                if not info.is_required():
                    self.problems[first:] = [
                        block_problems.may_be_left_out(problem, where) for problem in self.problems[first:]
                    ]
            elif key in meant or where in self.excused:
                values[key] = POISON
            elif info.is_required():
                absent[key], values[key] = item, POISON
        self.report_missing_keys(model, absent, path)
        self.levels.pop()
        result = model.model_construct(None, **values)
        is_wrong = any(is_error(problem.code) for problem in self.problems[before:])
        if isinstance(result, Component) and not is_wrong and not contains_poison(values):
            self.check(result, path)
        return result

    def report_missing_keys(self, model: type[BaseModel], absent: dict[str, TypeSpec], path: str) -> None:
        """Report the missing keys of a block at once; the sections of a spec one by one."""
        for keys in [absent] if path and absent else [{key: item} for key, item in absent.items()]:
            self.fail(block_problems.missing_keys(model, keys, path))

    def check(self, component: Component, path: str) -> None:
        """Report what a component's own check finds; parameters that it refuses become POISON."""
        names = {info.alias or name: name for name, info in type(component).model_fields.items()}
        for problem in list(component.check()):
            self.fail(problem.with_prefix(path))
            name = names.get(problem.at.partition(".")[0])
            if name is not None and is_error(problem.code):
                component.__dict__[name] = POISON

    def report_unknown_keys(self, model: type[BaseModel], keys: list[str], block: dict[str, Any]) -> set[str]:
        """Report unknown keys and return the known ones that they surely mean."""
        meant: set[str] = set()
        for key in keys[:_STRANGERS]:
            stranger = block_problems.unknown_key(key, self.levels, meant, self.fits)
            self.fail(stranger.problem)
            meant |= {stranger.meant} if stranger.meant else set()
            self.excused |= set(stranger.belongs)
        return meant

    def fits(self, item: TypeSpec, value: Any) -> bool:
        """Return whether a value can be read in a form, if need be as it is surely meant."""
        attempt = _Reader(self.base, self.trust)
        attempt.value(item, value, "")
        repaired = all(item.rewrites and item.rewrites[0].is_assumed for item in attempt.problems)
        return repaired and not contains_poison(value)


def _rank(option: TypeSpec, value: Any) -> int:
    """Order options: components for blocks with `type`, a number's exact type, words before free text."""
    if isinstance(value, dict):
        return 0 if bool(option.slot) == ("type" in value) else 1
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 if option.annotation is int else 1
    if option.slot:
        return 2  # a name stays text where text is allowed: whether it means a component is found out later
    return 1 if option.annotation in {str, Path} and not option.bounds else 0
