"""The problem of a name that nothing has (REF201)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest

_SHOWN = 8


def unknown_name_problem(
    what: str,
    name: str,
    at: str,
    known: Iterable[str],
    *,
    also: Mapping[str, str] | None = None,
    where: str = "",
) -> Problem:
    """Return the problem that there is no `what` called `name` (`where`: in dataset `x`)."""
    names = list(dict.fromkeys(known))
    near = suggest(name, names)
    title = f"there is no {what} `{name[:30]}`{f' {where}' if where else ''}"
    if near:
        helps = (f"write {' or '.join(f'`{word}`' for word in near)}",)
    else:
        some = ", ".join(f"`{word}`" for word in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        helps = (f"use one of {some}",) if names else (f"define a {what} first",)
    change = Rewrite(f"change to `{near[0]}`", at, near[0], safe=False) if near else None
    return Problem(
        "REF201",
        title,
        at=at,
        label=f"unknown {what}",
        also=also or {},
        helps=helps,
        rewrites=(change,) if change else (),
    )


def as_key(problem: Problem) -> Problem:
    """Return the problem of a name that is used as a key."""
    renames = (
        Rewrite(f"rename to `{item.value}`", item.path, key=str(item.value), safe=False)
        for item in problem.rewrites
    )
    return replace(problem, on="key", rewrites=tuple(renames))
