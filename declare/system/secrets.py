"""Values from the environment: used, but shown as the name of their variable.

`${env:TOKEN}` may stand for a password. Its value works where it is used; plans, findings, events and reports hold
`${env:TOKEN}` in its place, and a plan's block gets the value back when it is read. Numbers, truth values and paths
are settings and are shown.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from declare.contract import strict_json
from declare.contract.problem import Problem, ProblemError

_SHORTEST = 4
"""Characters below which a text is not a secret: it would be found everywhere."""
_PART = 12
"""Characters at the start or the end of a long value that give it away."""
_NAMED = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_known: dict[str, str] = {}


def remember(name: str, value: object) -> None:
    """Remember the value of an environment variable that a spec uses."""
    if isinstance(value, str) and len(value) >= _SHORTEST and not value.startswith(("/", "~", "./", "../")):
        _known[value] = name


def are_known() -> bool:
    """Return whether a spec used a variable that may be a secret."""
    return bool(_known)


def hide_values(text: str) -> str:
    """Return text with the names of variables in the place of their values."""
    for value in sorted(_known, key=len, reverse=True):
        shown = f"${{env:{_known[value]}}}"
        text = text.replace(value, shown)
        if len(value) > 2 * _PART:  # messages cut long texts
            text = _without_part(text, value, shown)
            text = _without_part(text[::-1], value[::-1], shown[::-1])[::-1]
    return text


def _without_part(text: str, value: str, shown: str) -> str:
    """Return text with `shown` in place of the common prefix with a value."""
    place = text.find(value[:_PART])
    while place >= 0:
        ends = (n for n, (one, other) in enumerate(zip(text[place:], value, strict=False)) if one != other)
        length = next(ends, min(len(text) - place, len(value)))
        text = f"{text[:place]}{shown}{text[place + length :]}"
        place = text.find(value[:_PART], place + len(shown))
    return text


def occur_in(text: str) -> bool:
    """Return whether a text holds the value of a variable that a spec used, as it is or as JSON writes it."""
    return any(form in text for value in _known for form in {value, *_in_json(value)})


def _in_json(value: str) -> tuple[str, str]:
    return strict_json.dumps(value)[1:-1], strict_json.dumps(value, ensure_ascii=False)[1:-1]


def redact(value: Any) -> Any:
    """Return plain values with all texts hidden, except the `type` of blocks."""
    return _each_text(value, hide_values) if _known else value


def as_written(value: Any) -> Any:
    """Return plain values as a spec states them: all texts hidden, and `$${` for what is `${` after interpolation."""
    return _each_text(value, lambda text: hide_values(text.replace("${", "$${")))


def _each_text(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _each_text(item, change, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each_text(item, change) for item in value)
    return change(value) if isinstance(value, str) and key != "type" else value


def reveal(value: Any) -> Any:
    """Return the plain values before `hide`; raises `ProblemError` (REF205) if a variable is no longer set."""
    if isinstance(value, Mapping):
        return {name: reveal(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(reveal, value))
    return _NAMED.sub(_value, value) if isinstance(value, str) and "${env:" in value else value


def _value(match: re.Match[str]) -> str:
    name = match[1]
    value = next(
        (value for value, known in _known.items() if known == name), os.environ.get(name, "").strip()
    )
    if not value:
        title = f"environment variable `{name}` is not set"
        helps = ("set it as it was when the run was planned",)
        raise ProblemError(Problem("REF205", title, helps=helps))
    _known[value] = name
    return value
