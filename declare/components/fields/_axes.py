"""The order of axes: arrays that lie otherwise than fields do, and sizes that fit only the other way round."""

from __future__ import annotations

from collections.abc import Sequence

from declare.contract.problem import Problem, Rewrite


def unclear(shape: Sequence[int], layouts: Sequence[str]) -> Problem:
    """Return the finding that an array's axes may be either way round."""
    choices = " or ".join(f"`layout: {name}`" for name in layouts)
    return Problem(
        "DAT324",
        f"arrays of shape {tuple(shape)} may lie in several ways",
        label="which axis is what?",
        notes=(f"the shapes say nothing for certain: {', '.join(layouts)}",),
        helps=(f"say {choices}",),
        rewrites=tuple(Rewrite(f"set `layout: {name}`", "layout", name, safe=False) for name in layouts),
    )
