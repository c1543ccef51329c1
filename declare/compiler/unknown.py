"""The problem of a name that nothing has (REF201)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from declare.contract.problem import At, Problem, Rewrite
from declare.diagnostics.suggest import suggest

_SHOWN = 8


def unknown(
    what: str,
    name: str,
    at: str,
    known: Iterable[str],
    *,
    also: Mapping[str, str] | None = None,
    where: str = "",
    on: At = "value",
) -> Problem:
    """Return the finding that there is no `what` called `name` (`where`: in dataset `x`)."""
    names = list(dict.fromkeys(known))
    near = suggest(name, names)
    title = f"there is no {what} `{name[:30]}`{f' {where}' if where else ''}"
    if near:
        helps = (f"write {' or '.join(f'`{word}`' for word in near)}",)
    else:
        some = ", ".join(f"`{word}`" for word in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        helps = (f"use one of {some}",) if names else (f"define a {what} first",)
    change = Rewrite(f"change to `{near[0]}`", at, near[0], safe=False) if near else None
    if near and on == "key":
        change = Rewrite(f"rename to `{near[0]}`", at, key=near[0], safe=False)
    return Problem(
        "REF201",
        title,
        at=at,
        on=on,
        label=f"unknown {what}",
        also=also or {},
        helps=helps,
        rewrites=(change,) if change else (),
    )
