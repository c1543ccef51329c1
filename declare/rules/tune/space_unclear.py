"""The values of one path are one range or one list of choices, and a range increases."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.language.spec import Space
from declare.rules.queries.compatible import join_words
from declare.rules.spec_parts import get, is_unreadable
from declare.rules.spec_view import View

CODE = "PHS642"
STAGE = "names"

_FORMS = ("log", "uniform", "int", "choices")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each entry of the space that is not exactly one range or list."""
    for path in get(view.spec, "tune", "space") or {}:
        space = get(view.spec, "tune", "space", path)
        if space is not None and not is_unreadable(space, *_FORMS):
            yield from _forms(f"tune.space.{path}", path, space)
    yield from _grid(view)


def _forms(at: str, path: str, space: Space) -> Iterator[Problem]:
    stated = [name for name in _FORMS if getattr(space, name) is not None]
    if len(stated) != 1:
        shown = join_words(stated, "and") if stated else "no values"
        yield Problem(
            CODE,
            f"the search states {shown} for `{path}`",
            at=f"{at}.{stated[1]}" if stated else at,
            on="key",
            label="only one of them" if stated else "neither range nor choices",
            helps=(f"state one of {join_words(list(_FORMS))}",),
        )
    elif stated[0] != "choices":
        yield from _range(at, stated[0], getattr(space, stated[0]))


def _range(at: str, form: str, values: list[object]) -> Iterator[Problem]:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < 2 or (form == "int" and not all(isinstance(value, int) for value in numbers)):
        wanted = "integers" if form == "int" else "numbers"
        yield Problem(
            CODE,
            f"`{form}` takes two {wanted}, the lowest and the highest",
            at=f"{at}.{form}",
            label=f"these are not two {wanted}",
            helps=("write it like `[1, 8]`",),
        )
    elif numbers[0] >= numbers[1]:
        yield Problem(
            CODE,
            f"`{form}` goes from {numbers[0]:g} to {numbers[1]:g}: the first must be the lower",
            at=f"{at}.{form}",
            label="an empty range",
            helps=(f"write `[{numbers[1]:g}, {numbers[0]:g}]`",),
            rewrites=(Rewrite("swap the two", f"{at}.{form}", [numbers[1], numbers[0]]),)
            if numbers[0] > numbers[1]
            else (),
        )
    elif form == "log" and numbers[0] <= 0:
        yield Problem(
            CODE,
            f"`log` starts at {numbers[0]:g}, but logarithms need numbers above 0",
            at=f"{at}.log",
            label="not above 0",
            helps=("raise the lower end, or use `uniform`",),
        )


def _grid(view: View) -> Iterator[Problem]:
    if get(view.spec, "tune", "sampler") != "grid":
        return
    for path in get(view.spec, "tune", "space") or {}:
        space = get(view.spec, "tune", "space", path)
        for form in ("log", "uniform"):
            if get(space, form) is not None:
                yield Problem(
                    CODE,
                    f"a grid needs choices, but `{path}` has a range",
                    at=f"tune.space.{path}.{form}",
                    on="key",
                    label="infinitely many values",
                    also={"tune.sampler": "tries every value"},
                    helps=("list `choices`, or use `sampler: tpe`",),
                )
