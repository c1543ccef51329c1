"""Sizes of pictures as specs state them."""

from collections.abc import Iterator

from declare.contract.problem import Problem

MOST_PIXELS = 64_000_000
"""Maximum number of pixels to which a picture may be resized."""


def check_size(size: int | list[int] | None) -> Iterator[Problem]:
    """Yield a problem if a size is not one or two positive numbers, or is larger than any picture."""
    sides = [size] if isinstance(size, int) else size
    if sides is None:
        return
    if len(sides) not in {1, 2} or min(sides) < 1:
        yield Problem(
            "SCH108",
            f"`size` is {size}, not one or two positive numbers of pixels",
            at="size",
            label="one side, or [height, width]",
            helps=("write one number, such as `size: 64`, or `size: [HEIGHT, WIDTH]`",),
        )
    elif sides[0] * sides[-1] > MOST_PIXELS:
        side = int(MOST_PIXELS**0.5)
        yield Problem(
            "SCH108",
            f"`size` {size} asks for {sides[0] * sides[-1]:,} pixels, more than {MOST_PIXELS:,}",
            at="size",
            label="larger than any picture",
            helps=(f"write a smaller size, at most `size: {side}`",),
        )
