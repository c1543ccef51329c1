"""Names of classes beside numbers that do not count from 0."""

from collections.abc import Sequence

from declare.contract.problem import Problem, Rewrite


def no_zero(names: Sequence[str], values: Sequence[int]) -> Problem:
    """Return the problem (DAT404) that a list names classes, and that their `values` may count from 1."""
    in_range = min(values) > 0 and max(values) <= len(names)
    numbers = values if len(values) == len(names) else range(1, len(names) + 1) if in_range else values[:1]
    classes = dict(zip(names, numbers, strict=False))
    brief = ", ".join(f"{name}: {value}" for name, value in list(classes.items())[:3])
    more = ", ..." if len(names) > min(len(classes), 3) else ""
    return Problem(
        "DAT404",
        f"the values {', '.join(map(str, values[:4]))}{', ...' if len(values) > 4 else ''} have no 0: "
        f"which is `{names[0][:16]}`?",
        at="classes",
        label="a list assigns 0, 1, 2 ...",
        helps=(f"name each value: `classes: {{{brief}{more}}}`",),
        rewrites=(Rewrite("name each value", "classes", classes, safe=False),)
        if len(classes) == len(names)
        else (),
    )
