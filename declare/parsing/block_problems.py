"""The problems of blocks: unknown and missing keys, unknown components, bad names, empty sections."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel

from declare.contract.component import Component
from declare.contract.kinds.source import is_path
from declare.contract.problem import Problem, ProblemError, Rewrite, key_path
from declare.diagnostics.advice import advice
from declare.diagnostics.foreign_values import our_values
from declare.diagnostics.suggest import slip, suggest
from declare.diagnostics.synonyms import plain
from declare.parsing.annotation import TypeSpec, accepts, fields, kind_of
from declare.parsing.keys.key_places import Level
from declare.parsing.keys.unknown_keys import UnknownKey, owner, unknown_key, unknown_key_of_kind
from declare.parsing.lookup import find, kinds, names, names_of_libraries, own_names
from declare.parsing.phrases import (
    block_name,
    component,
    list_words,
    name,
    scalar_text,
    type_text,
    value_text,
)
from declare.parsing.poison import POISON
from declare.parsing.scalars import unknown_value, wrong_type
from declare.system import trust

__all__ = ["Level", "UnknownKey", "unknown_key", "unknown_key_of_kind", "unknown_value"]


def missing_keys(model: type[BaseModel], keys: Mapping[str, TypeSpec], path: str) -> Problem:
    """Return the problem of the required keys of a block that are absent."""
    *others, last = (f"`{key}`" for key in keys)
    names = f"{', '.join(others)} and {last}" if others else last
    return Problem(
        "SCH103",
        f"{owner(model, path)} needs {names}, which {'is' if len(keys) == 1 else 'are'} missing",
        at=path,
        on="key",
        label=f"no {names.replace(' and ', ' or ')} here",
        helps=tuple(
            f"add `{key}:` with {type_text(item)}{_description_text(item)}" for key, item in keys.items()
        ),
        rewrites=tuple(rewrite for key, item in keys.items() for rewrite in _only_value(key, item, path)),
    )


def _description_text(item: TypeSpec) -> str:
    return f": {item.description}" if item.description else ""


def _only_value(key: str, item: TypeSpec, path: str) -> Iterator[Rewrite]:
    """Yield what adds a key that can have one value."""
    values = get_args(item.annotation) if item.origin is Literal else ()
    if len(values) == 1:
        yield Rewrite(f"add `{key}: {scalar_text(values[0])}`", key_path(path, key), values[0])


def not_a_block(item: TypeSpec, value: Any, path: str) -> Problem:
    """Return the problem of a scalar or list in place of a block, or the reverse."""
    if value is None:
        return Problem(
            "SCH109",
            f"{block_name(path)} is empty",
            at=path,
            on="key",
            label="no value here",
            helps=(f"write {type_text(item)}, or remove the key",),
            rewrites=(Rewrite("remove the key", path, safe=False),),
        )
    if item.origin is list and not isinstance(value, dict):
        return wrong_type(item, value, path)
    what = "a list" if item.origin is list else "a mapping"
    title = f"{block_name(path)} is {value_text(value)}, expected {what}"
    is_item = item.origin is list and any(
        accepts(option, kind_of(value)) for option in item.arguments[0].options
    )
    rewrites = (Rewrite("put it in a list", path, [value]),) if is_item else ()
    return Problem(
        "SCH107",
        title,
        at=path,
        label=f"this is {value_text(value)}",
        helps=(f"write {type_text(item)}",),
        rewrites=rewrites,
    )


def address(value: str, path: str) -> Problem:
    """Return the problem of a URL in place of a path on disk."""
    return Problem(
        "SCH114",
        f"`{name(path)}` is the address `{value[:32]}`, not a path on disk",
        at=path,
        label="runs read only local files",
        helps=("fetch it first, and state the path of the file or folder on disk",),
    )


def length(item: TypeSpec, value: list[Any] | dict[str, Any], path: str) -> Problem | None:
    """Return the problem of a list or mapping with too few or too many entries."""
    low, high = item.bounds.get("min_length", 0), item.bounds.get("max_length")
    if low <= len(value) and (high is None or len(value) <= high):
        return None
    if not value:
        help_text = f"add at least {'one entry' if low == 1 else f'{low} entries'}"
        return Problem(
            "SCH109", f"`{name(path)}` is empty", at=path, label="nothing in here", helps=(help_text,)
        )
    bounds = f"exactly {low}" if low == high else f"at least {low}" if len(value) < low else f"at most {high}"
    title = f"`{name(path)}` has {len(value)} entries, expected {bounds}"
    return Problem("SCH108", title, at=path, label=f"{len(value)} entries", helps=(f"write {bounds}",))


def may_be_left_out(problem: Problem, path: str) -> Problem:
    """Return the problem of an empty value at the path of an optional key with that way out."""
    if problem.code != "SCH109" or problem.at != path or problem.rewrites:
        return problem
    remove = Rewrite("remove the key", path, safe=False)
    return replace(problem, helps=(*problem.helps, "or leave the key out"), rewrites=(remove,))


def bad_name(names_form: TypeSpec, key: str, path: str) -> Problem | None:
    """Return the problem of a key that is not a valid name."""
    pattern = names_form.bounds.get("pattern")
    if pattern is None or re.fullmatch(pattern, key):
        return None
    legal = re.sub(
        r"_+", "_", re.sub(r"[^a-z0-9]", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    ).strip("_")
    rewrites = (
        (Rewrite(f"rename to `{legal}`", path, key=legal, safe=False),)
        if re.fullmatch(pattern, legal)
        else ()
    )
    expected = names_form.description or "lower-case letters, digits and `_`, a letter first"
    return Problem(
        "SCH110",
        f"`{key[:40]}` cannot be a name",
        at=path,
        on="key",
        label="not a legal name",
        helps=(f"write {expected}" + (f", such as `{legal}`" if rewrites else ""),),
        rewrites=rewrites,
    )


def words_only(item: TypeSpec) -> bool:
    """Return whether a form allows nothing but given words."""
    return all(option.origin is Literal or option.annotation in {None, type(None)} for option in item.options)


def means_a_word(item: TypeSpec, value: Any) -> bool:
    """Return whether other frameworks write one of the words of a form as this value."""
    words = {
        word for option in item.options if option.origin is Literal for word in get_args(option.annotation)
    }
    return isinstance(value, str | int) and bool(words & set(our_values(str(value))))


def not_a_component(kind: str, value: Any, path: str) -> Problem:
    """Return the problem of a list or number in place of a component."""
    one = component(kind)
    if value is None:
        helps = (f"write `{{type: NAME, ...}}`, or just the name of {one}",)
        return Problem(
            "SCH109", f"`{name(path)}` is empty", at=path, on="key", label="no value here", helps=helps
        )
    return Problem(
        "SCH107",
        f"`{name(path)}` is {value_text(value)}, expected {one}",
        at=path,
        label=f"this is {value_text(value)}",
        helps=(f"write `{{type: NAME, ...}}`, or just the name of {one}",),
    )


def no_type(kind: str, block: dict[str, Any], path: str) -> Problem:
    """Return the problem of a component block without a `type`."""
    one = component(kind)
    if block.get("type") is not None:
        return Problem(
            "SCH104",
            f"`type` is {value_text(block['type'])}, expected the name of {one}",
            at=key_path(path, "type"),
            label=f"this is {value_text(block['type'])}",
            helps=(f"write the name of {one}; `dcl list {kind}` shows all",),
        )
    rewrites: tuple[Rewrite, ...] = ()
    help_text = f"add `type:` with the name of {one}; `dcl list {kind}` shows all"
    if len(block) == 1:
        key, inside = next(iter(block.items()))
        if find(kind, key) is not None and (
            inside is None or (isinstance(inside, dict) and POISON not in inside.values())
        ):
            rewrites = (Rewrite(f"write `type: {key}`", path, {"type": key, **(inside or {})}),)
    wrong = _meant_as_type(kind, block)
    if wrong is not None and not rewrites:
        help_text = f"write `type` in place of `{wrong}`"
        rewrites = (Rewrite("rename to `type`", key_path(path, wrong), key="type"),)
    return Problem(
        "SCH103",
        f"`{name(path)}` does not state which {one.split()[-1]} it is",
        at=path,
        on="key",
        label="no `type` here",
        helps=(help_text,),
        rewrites=rewrites,
    )


def _meant_as_type(kind: str, block: dict[str, Any]) -> str | None:
    """Return the key that stands for `type`: a slip, another framework's word, or `name` with a name of the kind."""
    texts = [key for key, value in block.items() if isinstance(value, str)]
    near = [key for key in texts if suggest(key, ["type"])]
    named = [
        key for key in texts if key == "name" and (find(kind, block[key]) or _also_called(kind, block[key]))
    ]
    return next(iter([*near, *named]), None)


def unknown_component(kind: str, name: str, at: str) -> Problem:
    """Return the problem of a name that no component of the kind has."""
    one = component(kind)
    slipped = slip(name, names(kind))
    # Other frameworks' names come first: `mape` is not a slip of `mae`.
    called = _also_called(kind, name)
    near = called or suggest(name, names(kind))
    same = bool(near) and plain(near[0]) == plain(name.rpartition(".")[2])
    sure = same or bool(called) or (len(name) > 3 and bool(near) and slipped == near[0])
    elsewhere = [other for other in kinds() if other != kind and name in own_names(other)]
    notes = tuple(f"`{name}` is {component(other)}" for other in elsewhere)
    known = own_names(kind)
    otherwise = _advice_for(kind, name) if not called and not same else None
    if otherwise is not None:
        near, helps = [], (otherwise,)
    elif near:
        helps = (f"write {' or '.join(f'`{word}`' for word in near)}",)
    else:
        some = list_words(known[:10]) + (", ..." if len(known) > 10 else "")
        helps = (f"write {some}; `dcl list {kind}` shows all",)
    rewrites = (Rewrite(f"change to `{near[0]}`", at, near[0], safe=False, sure=sure),) if near else ()
    title = f"there is no {one.split()[-1]} `{name[:40]}`"
    return Problem("SCH106", title, at=at, label="unknown name", notes=notes, helps=helps, rewrites=rewrites)


def _advice_for(kind: str, name: str) -> str | None:
    """Return what to write instead of a name that is not a component: a model of a library, or something else."""
    for component_name in own_names(kind):
        cls = find(kind, component_name)
        if cls is not None and (
            name in cls.known_names() or (cls.also_named and re.match(cls.also_named, name))
        ):
            return f"write `type: {component_name}, name: {name}`"
    return advice(name.rpartition(".")[2])


def _also_called(kind: str, written_name: str) -> list[str]:
    """Return the component that other frameworks call by this name, written with or without its package."""
    word = written_name.rpartition(".")[2]
    called = {
        plain(name): type_name
        for type_name in own_names(kind)
        for name in (type_name, *vars(find(kind, type_name)).get("also_called", ()))
    }
    type_name = called.get(plain(word))
    if type_name is None and (bare := _bare(word)):
        called |= {plain(name): name for name in names_of_libraries(kind) if plain(name) in bare}
        type_name = next(
            (called[name] for name in sorted(bare, key=len, reverse=True) if name in called), None
        )
    return [type_name] if type_name is not None else []


_AFFIXES = re.compile(
    r"^(?:multiclass|binary|multilabel|fused|paged|simple)(?=.{2})|(?<=.{2})(?:loss|score|metric|lr|scheduler"
    r"|optimizer|task|source|dataset|field|feature|layer|block|torchfused|torch|hf|bnb8bit|8bit|32bit)$"
)


def _bare(word: str) -> set[str]:
    """Return a name without what makes no difference, with and without the affixes that frameworks put to it."""
    words = {plain(word)}
    for _ in range(3):
        words |= {_AFFIXES.sub("", known, count=1) for known in words}
    return words


def untrusted_problem(component: Component, granted: Collection[str]) -> Problem | None:
    """Return why a component that runs code of the user's may not run it; None if the user allowed it.

    What is allowed is the content of the files that it names, or its type if it names none.
    """
    paths = code_files(component)
    for path in paths:
        try:
            trust.read(path)
        except ProblemError as error:
            return error.problem
    name = component.type_name()
    if paths or name in granted:
        return None
    title = f"`{name}` runs code, which it may only if you trust it"
    return Problem("REF242", title, at="type", label="not trusted", helps=(f"add `--trust {name}`",))


def code_files(component: Component) -> tuple[Path, ...]:
    """Return the files of code that a component names; none for one that runs no code of the user's."""
    if not component.trusted_only:
        return ()
    typed = (key for key, (_, item) in fields(type(component)).items() if _is_path(item))
    # `pretrained` may be a path too, and weights are not code.
    values = (getattr(component, key) for key in typed if key != "pretrained")
    return tuple(value for value in values if isinstance(value, Path))


def _is_path(item: TypeSpec) -> bool:
    return any(is_path(option.metadata) for option in item.options)
