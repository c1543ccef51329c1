"""Axis order: arrays whose axes differ from the field's, and stated sizes that fit only another order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from declare.contract.problem import Problem, Rewrite

Order = tuple[int | None, ...]
"""For each axis of the field, the axis of a sample; None for an axis that samples lack."""


def in_order(samples: Any, order: Order) -> Any:
    """Return an array of samples [rows, ...], or a list of samples, with the axes in the field's order."""
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

    `known` is the layout in which the samples were read, with their sizes; `stated` maps axes to sizes; axes
    outside `fixed` may vary between samples.
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
    """Return the problem that stated sizes fit only another axis order."""
    return Problem(
        "DAT322",
        f"the axes are in another order: {order}",
        at=at,
        label="fits another axis order",
        notes=("the stated sizes match the data, but along other axes",),
        helps=(f"state the axis order: {' or '.join(f'`layout: {name}`' for name in layouts)}",),
        rewrites=tuple(
            Rewrite(f"set `layout: {name}`", "layout", name, safe=len(layouts) == 1) for name in layouts
        ),
    )


def other_size(axis: str, known: int, size: int, row: int) -> Problem:
    """Return the problem that the size of a sample differs from the sizes seen in training."""
    helps: tuple[str, ...] = ("give samples as they were in training, their axes in the same order",)
    if axis == "time":
        axis, helps = (
            "time steps",
            (*helps, f"or train with `length: {known}`: samples are then cut or zero-padded to it"),
        )
    return Problem(
        "SHP524",
        f"a sample has {size} {axis}, but the model was built for {known}",
        label="another size",
        helps=helps,
        row=row,
    )


def unclear(shape: Sequence[int], layouts: Sequence[str]) -> Problem:
    """Return the problem that the axis order of an array is ambiguous."""
    choices = " or ".join(f"`layout: {name}`" for name in layouts)
    return Problem(
        "DAT324",
        f"the axis order of arrays of shape {tuple(shape)} is ambiguous",
        label="which axis is what?",
        notes=(f"the shape fits several layouts: {', '.join(layouts)}",),
        helps=(f"state {choices}",),
        rewrites=tuple(Rewrite(f"set `layout: {name}`", "layout", name, safe=False) for name in layouts),
    )
