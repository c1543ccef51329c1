"""Words for what a spec should hold and for what it holds; never a library's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from declare.contract.duration import Duration
from declare.contract.problem import cut_end
from declare.parsing.annotation import TypeSpec, kind_of

_MANY = 6
_SINGULAR = {"losses": "loss", "mixes": "mix"}


def name(path: str) -> str:
    """Return how messages call the value at a path: its key, an item with its list's key."""
    *front, last = path.split(".")
    if last.isdecimal() and front:
        return f"{front[-1]}[{last}]"
    return last or "the spec"


def block_name(path: str) -> str:
    """Return how messages call a block: ``phase `fit` ``, `optimizer`, the spec."""
    section, _, rest = path.partition(".")
    if section in _SECTIONS and rest and "." not in rest:
        return f"{_SECTIONS[section]} `{rest}`"
    return f"`{name(path)}`" if path else "the spec"


_SECTIONS = {"datasets": "dataset", "model": "module", "tasks": "task", "phases": "phase"}


def value_text(value: Any) -> str:
    """Return a value of the spec, in words."""
    kind = kind_of(value)
    if kind == "text":
        return f"the text `{short(value)}`" if value else "an empty text"
    words = {"null": "empty", "list": "a list", "map": "a mapping"}
    return words.get(kind) or scalar_text(value)


def short(text: str, limit: int = 24) -> str:
    """Return text on one line, cut to fit a title."""
    return cut_end(" ".join(str(text).split()), limit)


def scalar_text(value: Any) -> str:
    """Return a scalar as YAML writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return repr(value) if value.is_integer() and abs(value) < 1e6 else f"{value:g}"
    return str(value)


def type_text(item: TypeSpec) -> str:
    """Return what a form allows, in words: "a number above 0 or `auto`"."""
    options = [option for option in item.options if option.annotation not in {None, type(None)}]
    return either(list(dict.fromkeys(word for option in options for word in _option_texts(option))))


def _option_texts(item: TypeSpec) -> list[str]:
    if item.annotation is bool:
        return ["`true`", "`false`"]
    if item.origin is Literal and len(get_args(item.annotation)) <= _MANY:
        return [f"`{scalar_text(value)}`" for value in get_args(item.annotation)]
    return [_one(item)]


def list_words(words: Iterable[str]) -> str:
    """Return words in backticks, joined by commas."""
    return ", ".join(f"`{word}`" for word in words)


def either(words: list[str]) -> str:
    """Return words joined by commas and `or`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "nothing"


def _one(item: TypeSpec) -> str:
    if item.origin is list:
        return f"a list of {_items(item)}"
    if item.slot and item.model is not None:
        return component(item.slot)
    if item.origin is Literal:
        return f"one of {len(get_args(item.annotation))} names"
    if item.origin is dict:
        return f"a mapping of names to {plural(type_text(item.arguments[1]))}"
    if item.model is not None:
        return f"a block with {_first_four([f'`{key}`' for key in item.model.model_fields])}"
    return _scalar(item)


def _items(item: TypeSpec) -> str:
    return plural(type_text(item.arguments[0])) if item.arguments else "values"


def plural(words: str) -> str:
    """Return "numbers above 0" for "a number above 0"."""
    first, _, rest = words.partition(" ")
    if first not in {"a", "an"} or " or " in words:
        return words
    for noun in ("integer", "number", "text", "loss", "block", "duration", "path"):
        if rest.startswith(noun):
            return f"{noun}{'es' if noun.endswith('s') else 's'}{rest[len(noun) :]}"
    return f"{rest}s" if " " not in rest else words


def _first_four(words: list[str]) -> str:
    return ", ".join(words[:4]) + (", ..." if len(words) > 4 else "")


def component(kind: str) -> str:
    """Return "an optimizer" for the kind `optimizers`."""
    one = _SINGULAR.get(kind, kind.removesuffix("s"))
    return f"{'an' if one[0] in 'aeiou' else 'a'} {one}"


def _scalar(item: TypeSpec) -> str:
    annotation = item.annotation
    if annotation in {int, float}:
        return bounds_text("an integer" if annotation is int else "a number", item.bounds)
    if annotation is str:
        return item.description if "pattern" in item.bounds and item.description else "text"
    words = {Path: "a path", Duration: "a duration such as `5 epochs` or `10%`"}
    return words.get(annotation, "a value")


def is_technical(key: str, bound: Any) -> bool:
    """Return whether a bound is only there to keep numbers from overflowing: few words are lost on it."""
    return key == "le" and isinstance(bound, float) and bound >= 1e3


def exact_bounds(item: TypeSpec, value: float) -> TypeSpec:
    """Return a form that names its technical bound too if a number is above it."""
    bounds = {
        key: int(bound) if is_technical(key, bound) and value > bound else bound
        for key, bound in item.bounds.items()
    }
    return item._replace(bounds=bounds)


def bounds_text(what: str, bounds: dict[str, Any]) -> str:
    """Return a kind of number with its bounds: "a number above 0 and below 1"."""
    bounds = {key: bound for key, bound in bounds.items() if not is_technical(key, bound)}
    low, high = bounds.get("ge"), bounds.get("le")
    if low is not None and high is not None:
        return f"{what} from {scalar_text(low)} to {scalar_text(high)}"
    words = [f"{text} {scalar_text(bounds[key])}" for key, text in _LIMITS.items() if key in bounds]
    return f"{what} {' and '.join(words)}" if words else what


_LIMITS = {
    "gt": "above",
    "ge": "of at least",
    "lt": "below",
    "le": "of at most",
    "multiple_of": "divisible by",
}
