"""Gradients are clipped by norm or by value: exactly one of the two."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.spec_parts import get, is_unreadable, phases
from declare.rules.spec_view import View

CODE = "PHS615"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each `clip` with both limits or with neither."""
    for phase in phases(view):
        clip = get(phase.block, "clip")
        if clip is None or is_unreadable(clip, "norm", "value"):
            continue
        path = f"{phase.path}.clip"
        if clip.norm is not None and clip.value is not None:
            yield Problem(
                CODE,
                f"phase `{phase.name}` clips by norm {clip.norm:g} and by value {clip.value:g}",
                at=f"{path}.value",
                on="key",
                label="clips each element",
                also={f"{path}.norm": "clips the whole gradient"},
                helps=("keep one: `norm` keeps the gradient's direction",),
                rewrites=(Rewrite("remove `value`", f"{path}.value", safe=False),),
            )
        elif clip.norm is None and clip.value is None:
            yield Problem(
                CODE,
                f"phase `{phase.name}` has a `clip` without a limit",
                at=path,
                on="key",
                label="neither `norm` nor `value`",
                helps=("add `norm: 1.0`, or remove `clip`",),
                rewrites=(Rewrite("set `norm: 1.0`", f"{path}.norm", 1.0, safe=False),),
            )
