"""A mask must hold one value for each sample, or one for each entry of the target."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.fields import field_place
from declare.rules.parts import given, target_facts, tasks
from declare.rules.view import View

CODE = "DAT352"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each mask whose sizes are not the first sizes of its target."""
    for task in tasks(view):
        mask = given(task.block, "mask")
        for name, target in target_facts(view, task.block).items() if mask else ():
            facts = view.facts[name].fields.get(mask)
            if facts is None or facts.shape.layout != "valid":
                continue
            wide, whole = facts.shape.dims, target.shape.dims
            if len(wide) <= len(whole) and all(
                a == b or None in (a, b) for a, b in zip(wide, whole, strict=False)
            ):
                continue
            yield Problem(
                CODE,
                f"mask `{mask}` is {facts.shape} but target `{task.block.target}` is {target.shape} in `{name}`",
                at=f"{task.path}.mask",
                label=f"{facts.shape}",
                also={field_place(view, name, str(task.block.target)): f"{target.shape}"},
                helps=("give the mask one value for each sample, or one for each entry of the target",),
            )
