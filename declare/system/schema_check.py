"""What is read back from files of ours, checked against the JSON Schemas that we publish in `schemas/`.

`jsonschema` is imported where a file is read, never by a command that reads none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.contract.problem import Problem, ProblemError, cut_start

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_MOST_BYTES = 1 << 28
_SHOWN = 3


def read_json(path: Path, schema: str) -> Any:
    """Return the JSON value in a file, which the schema of this name allows.

    Raises `ProblemError` RES823 that names the place if it does not, or why the file cannot be read.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            because = "it is not a regular file, or too large" if path.exists() else "it is not there"
            raise ProblemError(malformed_problem(path, because))
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ProblemError(malformed_problem(path, error.strerror or str(error))) from error
    except (ValueError, RecursionError) as error:
        raise ProblemError(malformed_problem(path, "it is incomplete JSON")) from error
    require(value, schema, path)
    return value


def require(value: Any, schema: str, path: Path) -> None:
    """Raise `ProblemError` RES823 if a value read from `path` is not what the schema of this name allows."""
    lines = mistakes(value, schema)
    if lines:
        raise ProblemError(malformed_problem(path, *lines))


def mistakes(value: Any, schema: str) -> list[str]:
    """Return the violations of a schema by a value, each with its place; empty if it is valid."""
    try:
        errors = sorted(_validator(schema).iter_errors(value), key=lambda error: len(error.absolute_path))
    except RecursionError:
        return ["it is nested too deeply"]
    return list(dict.fromkeys(map(_line, errors)))[:_SHOWN]


def _line(error: Any) -> str:
    place = ".".join(map(str, error.absolute_path))
    message = cut_start(error.message, 160)
    return f"at `{place}`: {message}" if place else message


@cache
def _validator(name: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema_file(name).read_bytes()))


def schema_file(name: str) -> Path:
    """Return the file of a published schema: in the installed package, else in the checkout."""
    package = Path(__file__).parents[1]
    places = (folder / "schemas" / f"{name}.v1.json" for folder in (package, package.parent))
    return next(place for place in places if place.is_file())


def malformed_problem(path: Path, *because: str) -> Problem:
    """Return the finding that a file of ours is not what was written there."""
    return Problem(
        "RES823",
        f"`{path.name}` is not what a run writes",
        notes=(f"`{path}`", *because),
        helps=("restore it from a copy; `dcl schema --list` names the forms of such files",),
    )


def checked_forms(
    values: Iterable[dict[str, Any]], schema: str, path: Path, kind: str
) -> Iterator[dict[str, Any]]:
    """Yield values read from `path`; raises `ProblemError` RES823 at the first that a schema does not allow.

    Only those with another form (`kind`, keys, and types of values) than all before are compared: enough for a schema
    that looks at types alone, by the value at the key `kind`; a file of a long run has a hundred thousand lines.
    """
    seen: set[Any] = set()
    for number, value in enumerate(values, 1):
        form = (str(value.get(kind)), _form(value))
        if form not in seen:
            seen.add(form)
            if lines := mistakes(value, schema):
                raise ProblemError(malformed_problem(path, f"entry {number}", *lines))
        yield value


def _form(value: Any, *, keys: bool = True) -> Any:
    """Return what is equal for JSON values of one form; keys count at the top alone."""
    if isinstance(value, dict):
        return frozenset((key if keys else "", _form(item, keys=False)) for key, item in value.items())
    if isinstance(value, list):
        return (frozenset(_form(item, keys=False) for item in value),)
    return type(value)
