"""Every value of a search must be valid in the spec."""

from collections.abc import Iterator
from typing import Any

from declare.contract.problem import Problem
from declare.language.spec import Space
from declare.rules.queries.search_paths import Place, locate, misread
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "PHS641"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for the first invalid value of each path."""
    for path in get(view.spec, "tune", "space") or {}:
        place = locate(view.spec, path)
        space = get(view.spec, "tune", "space", path)
        if not isinstance(place, Place) or space is None:
            continue
        for at, value in _values(space):
            problems = misread(place, value)
            if problems:
                yield Problem(
                    CODE,
                    f"the search would try `{_short(value)}` for `{_last(path)}`, which is not valid",
                    at=f"tune.space.{path}.{at}",
                    label="not a value for this path",
                    also={path: "the value that it varies"},
                    notes=(problems[0].title,),
                    helps=problems[0].helps or ("remove this value",),
                )
                break


def _values(space: Space) -> Iterator[tuple[str, Any]]:
    for form in ("log", "uniform", "int", "choices"):
        values = get(space, form)
        for index, value in enumerate(values if isinstance(values, list) else ()):
            yield f"{form}.{index}", value


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:17]}..."
