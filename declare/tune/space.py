"""The space of a search: which values its paths may take, and how a choice is written for the compiler."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from declare.contract import strict_json
from declare.language.spec import Space, Tune
from declare.system import secrets

Values = dict[str, Any]
"""Path -> value."""


def as_written(tune: Tune) -> Tune:
    """Return a search with its choices as a spec states them, so that its trials and files hold no secrets."""
    spaces = {
        path: space.model_copy(update={"choices": secrets.as_written(space.choices)})
        for path, space in tune.space.items()
    }
    return tune.model_copy(update={"space": spaces})


def as_sets(values: Mapping[str, Any]) -> list[str]:
    """Return values as the command line would set them; JSON is YAML too."""
    return [f"{path}={strict_json.dumps(value)}" for path, value in values.items()]


def all_values(space: Space) -> list[Any] | None:
    """Return all values of a path that has finitely many, None for a range of numbers."""
    if space.choices is not None:
        return list(space.choices)
    if space.int is not None:
        low, high = space.int
        return list(range(low, high + 1))
    return None


def probes(tune: Tune) -> Iterator[Values]:
    """Yield the points that a search checks before it begins: every choice, both ends of every range.

    Each varies one path and leaves the others as the spec states them.
    """
    for path, space in tune.space.items():
        for value in space.choices or space.int or space.log or space.uniform or ():
            yield {path: value}


def grid(tune: Tune) -> Iterator[Values]:
    """Yield every point of a space of finitely many."""
    columns = [all_values(space) or [] for space in tune.space.values()]
    for point in itertools.product(*columns):
        yield dict(zip(tune.space, point, strict=True))


def to_database(value: Any) -> Any:
    """Return a choice as a sampler's database may hold it: lists and mappings as JSON text."""
    return f"json:{strict_json.dumps(value)}" if isinstance(value, list | dict) else value


def from_database(value: Any) -> Any:
    """Return the choice that `to_database` made a text of."""
    return json.loads(value[5:]) if isinstance(value, str) and value.startswith("json:") else value
