"""The order of axes: arrays that lie otherwise than fields do, and sizes that fit only the other way round."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from declare.contract.problem import Problem, Rewrite

Order = tuple[int | None, ...]
"""The axis of a sample that each axis of the field is; None for one that samples do not have."""


def in_order(samples: Any, order: Order) -> Any:
    """Return an array of samples [rows, ...], or a list of samples, with axes as the field has them."""
    if isinstance(samples, list):
        return [in_order(sample[None], order)[0] for sample in samples]
    kept = [axis + 1 for axis in order if axis is not None]
    moved = samples.transpose(0, *kept)
    for place, axis in enumerate(order):
        if axis is None:
            moved = moved[(slice(None), *[slice(None)] * place, None)]
    return moved


def orders_that_fit(
    orders: Mapping[str, Order],
    known: tuple[str, Sequence[int | None]],
    stated: Mapping[int, int],
    fixed: Collection[int],
) -> list[str]:
    """Return the other layouts in which samples have the stated sizes.

    `known` is the layout that samples were read in and the sizes that they then have; `stated` maps axes to sizes;
    axes that are not `fixed` may vary from sample to sample.
    """
    layout, dims = known
    raw = {axis: size for axis, size in zip(orders[layout], dims, strict=True) if axis is not None}
    fitting = []
    for name, order in orders.items():
        if name == layout or len([axis for axis in order if axis is not None]) != len(raw):
            continue
        sizes = [1 if axis is None else raw[axis] for axis in order]
        varies = {axis for axis, size in enumerate(sizes) if size is None and axis not in fixed}
        if all(sizes[axis] == size or axis in varies for axis, size in stated.items()):
            fitting.append(name)
    return fitting


def other_way_round(at: str, order: str, layouts: Sequence[str]) -> Problem:
    """Return the finding that stated sizes fit only where the axes lie in another order."""
    return Problem(
        "DAT322",
        f"the axes lie in another order: {order}",
        at=at,
        label="fits the other way round",
        notes=("the stated sizes are those of the data, at other axes",),
        helps=(f"say how the arrays lie: {' or '.join(f'`layout: {name}`' for name in layouts)}",),
        rewrites=tuple(
            Rewrite(f"set `layout: {name}`", "layout", name, safe=len(layouts) == 1) for name in layouts
        ),
    )


def other_size(axis: str, known: int, size: int, row: int) -> Problem:
    """Return the finding that a sample has another size than those that a model learned from."""
    helps: tuple[str, ...] = ("give samples as they were in training, their axes in the same order",)
    if axis == "time":
        axis, helps = (
            "time steps",
            (*helps, f"or train with `length: {known}`: samples are cut and filled up to it"),
        )
    return Problem(
        "SHP524",
        f"a sample has {size} {axis}, those looked at have {known}",
        label="another size",
        helps=helps,
        row=row,
    )


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
