"""Reading scalars: nothing is converted, and likely typing errors get a fix."""

import math
import operator
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from declare.contract.component import DataValue
from declare.contract.duration import Duration
from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest
from declare.parsing.annotation import TypeSpec, kind_of
from declare.parsing.phrases import exact_bounds, name, scalar_text, type_text, value_text
from declare.parsing.poison import POISON

NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TRUTH = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
TRUTH_WORDS = frozenset({"yes", "no", "on", "off", "y", "n"})
"""Texts that YAML 1.1 reads as truth values."""
_NOTHING = {"none", "null", "nil", "~"}


def read_leaf(item: TypeSpec, value: Any, path: str) -> tuple[Any, Problem | None]:
    """Return the value of a scalar form (POISON if it fails) with its problem."""
    annotation = item.annotation
    if annotation is Any:
        number = next(_infinite(value), None)
        return (value, None) if number is None else (POISON, not_finite(number, path))
    if item.origin is Literal:
        return _literal(item, value, path)
    if annotation in {int, float}:
        return _number(item, value, path)
    if annotation is Duration:
        return _duration(item, value, path)
    if annotation in {bool, str, Path, None, type(None)}:
        return _exact(item, value, path)
    return _foreign(item, value, path)


def takes_truth(item: TypeSpec) -> bool:
    """Return whether a boolean may be meant; a data value is its text."""
    kinds = {option.annotation for option in item.options}
    return bool(kinds & {bool, Any}) and not {str, int} <= kinds


def wrong_type(item: TypeSpec, value: Any, path: str) -> Problem:
    """Return the problem of a value that is of no allowed type, with its repair if one is plain."""
    if numeric := number_as_text(item, value, path):
        return numeric
    what = value_text(value)
    title = f"`{name(path)}` is {what}, expected {type_text(item)}"
    if len(title) > 80:
        title = f"`{name(path)}` is {what}"
    helps: tuple[str, ...] = (f"write {type_text(item)}",)
    rewrite = _repair(item, value, path)
    if value is None:
        helps = (f"give it a value, {type_text(item)}, or remove the key",)
    return Problem(
        "SCH104",
        title,
        at=path,
        label=f"this is {what}"[:60],
        helps=helps,
        rewrites=(rewrite,) if rewrite else (),
    )


def number_as_text(item: TypeSpec, value: Any, path: str) -> Problem | None:
    """Return the problem of a number in quotes if a number is wanted."""
    if not isinstance(value, str) or not any(option.annotation in {int, float} for option in item.options):
        return None
    if not NUMBER.fullmatch(value.strip()):
        return None
    number = as_number(value)
    return Problem(
        "SCH102",
        f"`{name(path)}` is the text `{value}`, expected a number",
        at=path,
        label="quotes make this text",
        helps=("remove the quotes",),
        rewrites=(Rewrite(f"write {scalar_text(number)} as a number", path, number),),
    )


def as_number(text: str) -> int | float:
    """Return the number that a text spells."""
    plain = text.strip().replace("_", "")
    return int(plain) if re.fullmatch(r"[-+]?\d+", plain) else float(plain)


def _repair(item: TypeSpec, value: Any, path: str) -> Rewrite | None:
    """Return the value that was surely meant."""
    wants = {option.annotation for option in item.options}
    if isinstance(value, str) and bool in wants and value.lower() in _TRUTH:
        truth = _TRUTH[value.lower()]
        return Rewrite(f"write `{scalar_text(truth)}`", path, truth)
    if isinstance(value, str) and item.nullable and value.lower() in _NOTHING:
        return Rewrite("remove the key", path)
    if (
        str in wants
        and isinstance(value, int | float)
        and not any("pattern" in o.bounds for o in item.options)
    ):
        return Rewrite("put it in quotes", path, scalar_text(value))
    if isinstance(value, float) and int in wants and value.is_integer():
        return Rewrite(f"write {int(value)}", path, int(value))
    lists = [option for option in item.options if option.origin is list]
    if lists and value is not None and not isinstance(value, dict | list):
        return Rewrite("put it in a list", path, [value])
    return None


def _literal(item: TypeSpec, value: Any, path: str) -> tuple[Any, Problem | None]:
    values = get_args(item.annotation)
    for allowed in values:
        if allowed == value and type(allowed) is type(value):
            return value, None
    return POISON, unknown_value(item, value, path)


def unknown_value(item: TypeSpec, value: Any, path: str) -> Problem:
    """Return the problem of a value that is not one of the allowed words."""
    words = [
        str(word)
        for option in item.options
        if option.origin is Literal
        for word in get_args(option.annotation)
    ]
    near = suggest(str(value), words)
    title = f"`{name(path)}` is {value_text(value)}, expected {type_text(item)}"
    if len(title) > 80:
        title = f"`{name(path)}` has no value `{scalar_text(value)[:24]}`"
    helps = (f"write `{near[0]}`",) if near else (f"write {type_text(item)}",)
    rewrites = (Rewrite(f"change to `{near[0]}`", path, near[0], safe=False),) if near else ()
    if not near and (repair := _repair(item, value, path)):
        rewrites = (repair,)
    all_in_title = all(f"`{word}`" in title for word in words)
    notes = () if all_in_title else (f"allowed are {', '.join(f'`{word}`' for word in words)}",)
    return Problem(
        "SCH105", title, at=path, label="not a value it can have", notes=notes, helps=helps, rewrites=rewrites
    )


def _number(item: TypeSpec, value: Any, path: str) -> tuple[Any, Problem | None]:
    kind = kind_of(value)
    if kind not in ({"int"} if item.annotation is int else {"int", "float"}):
        return POISON, wrong_type(item, value, path)
    if problem := out_of_bounds(item, value, path):
        return POISON, problem
    return (float(value) if item.annotation is float else value), None


_SMALLEST, _LARGEST = 2.0**-126, (2 - 2**-23) * 2.0**127
"""The normal numbers of single precision."""
_COMPARES: dict[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "multiple_of": lambda value, step: not value % step,
}


def out_of_bounds(item: TypeSpec, value: float, path: str) -> Problem | None:
    """Return the problem of a number outside its bounds, or of one that cannot be computed with."""
    if not item.bounds and not math.isfinite(value):
        return not_finite(value, path)
    if not all(_COMPARES[key](value, bound) for key, bound in item.bounds.items() if key in _COMPARES):
        words, label = type_text(exact_bounds(item, value)), "outside of its bounds"
    elif not is_computable(item, value):
        words, label = f"{type_text(item)} in the range of float32", "infinite or zero there"
        if item.annotation is int:
            words, label = "an integer of at most 2^53 in size", "too large to count with"
    else:
        return None
    return Problem(
        "SCH108",
        f"`{name(path)}` is {scalar_text(value)}, expected {words}",
        at=path,
        label=label,
        helps=(f"write {words}",),
    )


def datum(item: TypeSpec, value: Any) -> Any:
    """Return a value of the data as a plan can hold it: null for NaN, which is a gap, and the text of an infinity."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    kinds = {option.annotation for option in item.options}
    if not {str, float} <= kinds or not item.nullable:
        return value
    return None if math.isnan(value) else str(value)


def not_finite(value: float, path: str) -> Problem:
    """Return the problem of a number that is infinite or none: a plan is JSON, which has no word for it."""
    return Problem(
        "SCH108",
        f"`{name(path)}` is {scalar_text(value)}, expected a finite number",
        at=path,
        label="not finite",
        helps=("write a finite number",),
    )


def _infinite(value: Any) -> Iterator[float]:
    """Yield the numbers in plain values that are not finite."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        yield from _infinite(item)
    if isinstance(value, float) and not math.isfinite(value):
        yield value


def is_computable(item: TypeSpec, value: float) -> bool:
    """Return whether a number can be computed with: models compute in single precision, counts are exact to 2^53.

    Marks of data (`DataValue`) are compared in double precision; integers without bounds may name classes.
    """
    if any(isinstance(mark, DataValue) for mark in item.metadata):
        return True
    if item.annotation is int:
        return not item.bounds or abs(value) <= 2**53
    return value == 0 or _SMALLEST <= abs(value) <= _LARGEST


def _duration(item: TypeSpec, value: Any, path: str) -> tuple[Any, Problem | None]:
    if isinstance(value, Duration):
        return value, None
    try:
        return Duration.parse(value), None
    except ValueError as error:
        reason = str(error)
    helps: tuple[str, ...] = (reason,)
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = scalar_text(value)
        helps = (f"write `{number} epochs` or `{number} steps`",)
    title = f"`{name(path)}` is {value_text(value)}, expected {type_text(item)}"
    return POISON, Problem("SCH112", title, at=path, label="not a duration", helps=helps)


def _exact(item: TypeSpec, value: Any, path: str) -> tuple[Any, Problem | None]:
    annotation = item.annotation
    if annotation in {None, type(None)}:
        return (None, None) if value is None else (POISON, wrong_type(item, value, path))
    if annotation is Path and isinstance(value, str | Path):
        return (Path(value), None) if str(value) else (POISON, wrong_type(item, value, path))
    if annotation is not Path and type(value) is annotation:
        problem = _pattern_problem(item, value, path) if annotation is str else None
        return (POISON, problem) if problem else (value, None)
    return POISON, wrong_type(item, value, path)


def _pattern_problem(item: TypeSpec, value: str, path: str) -> Problem | None:
    pattern = item.bounds.get("pattern")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        expected = item.description or f"a text of the form `{pattern}`"
        title = f"`{name(path)}` is `{value[:24]}`, expected {expected}"
        if len(title) > 80:
            title = f"`{name(path)}` cannot be `{value[:24]}`"
        return Problem("SCH112", title, at=path, label="not of this form", helps=(f"write {expected}",))
    if len(value) < item.bounds.get("min_length", 0):
        return Problem(
            "SCH109",
            f"`{name(path)}` is an empty text",
            at=path,
            label="nothing here",
            helps=("write a text",),
        )
    return None


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def _foreign(item: TypeSpec, value: Any, path: str) -> tuple[Any, Problem | None]:
    """Read a type of which nothing more is known."""
    try:
        return _adapter(item.annotation).validate_python(value, strict=True), None
    except ValidationError:
        return POISON, wrong_type(item, value, path)
