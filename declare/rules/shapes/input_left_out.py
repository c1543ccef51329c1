"""A module that cuts its input into whole parts leaves what remains over out."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_view import View

CODE = "DAT358"
STAGE = "shapes"
_SHARE = 0.01


def check(view: View) -> Iterator[Problem]:
    """Yield each module that never looks at a hundredth of its input or more."""
    for node in view.nodes.values():
        parts = [item for item in node.left_out if item.unused >= _SHARE * item.size]
        if not parts:
            continue
        first = max(parts, key=lambda item: item.unused / item.size)
        words = ", ".join(f"{item.unused:,} of {item.size:,} ({item.axis})" for item in parts)
        yield Problem(
            CODE,
            f"`{node.name}` leaves {first.unused / first.size:.0%} of its input out",
            at=f"model.{node.name}",
            on="key",
            label=f"{words} unused"[:60],
            notes=("they stand after the last whole patch, or at an edge that strides and pooling drop",),
            helps=(
                "choose patches, strides or stages that divide the size",
                "or bring the input to a size that they divide: `size`, `resize`, `resample`, `pad`",
            ),
        )
