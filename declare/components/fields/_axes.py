"""Axis order: arrays whose axes differ from the field's, and stated sizes that fit only another order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from declare.contract.problem import Problem, Rewrite

Order = tuple[int | None, ...]
"""For each axis of the field, the axis of a sample; None for an axis that samples lack."""
CHANNELS = frozenset({1, 2, 3, 4})
"""Sizes of an axis that may be the channel axis of images."""


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


def source_sizes(
    orders: Mapping[str, Order], known: tuple[str, Sequence[int | None]]
) -> dict[int, int | None]:
    """Return the size of each axis of a sample as the source has it, from those read in the layout of `known`."""
    layout, dims = known
    return {axis: size for axis, size in zip(orders[layout], dims, strict=True) if axis is not None}


def orders_by_channels(
    orders: Mapping[str, Order], known: tuple[str, Sequence[int | None]], fitting: Sequence[str]
) -> list[str]:
    """Return the layouts of `fitting` in which another axis, as short as channels are, holds the channels."""
    raw, known_order = source_sizes(orders, known), orders[known[0]]

    def longer_axes(order: Order) -> list[int]:
        return [axis for axis in order if axis is not None and raw[axis] != 1]

    places = {name: orders[name][0] for name in fitting}
    return [
        name
        for name, place in places.items()
        if place is not None and place != known_order[0] and raw[place] in CHANNELS
        # Axes of size 1 may change places: the array stays the same.
        if (longer_axes(orders[name]), raw[place]) != (longer_axes(known_order), known[1][0])
    ]


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
    raw = source_sizes(orders, known)
    layout, fitting = known[0], []
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


def unclear(shape: Sequence[int | None], layouts: Sequence[str], helps: tuple[str, ...] = ()) -> Problem:
    """Return the problem that the axis order of an array is ambiguous; None is a size that varies."""
    sizes = ", ".join("?" if size is None else str(size) for size in shape)
    choices = " or ".join(f"`layout: {name}`" for name in layouts)
    return Problem(
        "DAT324",
        f"the axis order of arrays of shape ({sizes}) is ambiguous",
        label="which axis is what?",
        notes=(f"the shape fits several layouts: {', '.join(layouts)}",),
        helps=(f"state {choices}", *helps),
        rewrites=tuple(Rewrite(f"set `layout: {name}`", "layout", name, safe=False) for name in layouts),
    )
