"""A batch must contain whole groups of the samples that its sampler keeps together."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.ir.micro_batches import group_size
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS652"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase whose batches contain parts of groups."""
    for phase in phases(view):
        plan = view.phases.get(phase.name)
        group_rows = group_size(plan) if plan is not None else 1
        cut = next((name for name, rows in plan.rows.items() if rows % group_rows), None) if plan else None
        if plan is None or cut is None:
            continue
        stated = phase.block.batch_size
        near = (plan.batch_size // group_rows + 1) * group_rows
        fits = isinstance(stated, int)
        yield Problem(
            CODE,
            f"a batch of {plan.rows[cut]} samples of `{cut}` cuts a group of {group_rows}",
            at=f"{phase.path}.batch_size" if fits else f"{phase.path}.batch_size.{cut}",
            label=f"not a multiple of {group_rows}",
            also={f"{phase.path}.sampler": f"`{plan.sampler['type']}` puts {group_rows} side by side"},
            helps=(f"set `batch_size: {near}`" if fits else f"use a multiple of {group_rows}",),
            rewrites=(Rewrite(f"set `batch_size: {near}`", f"{phase.path}.batch_size", near, safe=False),)
            if fits
            else (),
        )
