"""A module that divides its input into patches drops the remainder."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_view import View

CODE = "DAT358"
STAGE = "shapes"
_SHARE = 0.01


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each module that drops at least a hundredth of its input."""
    for node in view.nodes.values():
        parts = [item for item in node.left_out if item.unused >= _SHARE * item.size]
        if not parts:
            continue
        first = max(parts, key=lambda item: item.unused / item.size)
        words = ", ".join(f"{item.unused:,} of {item.size:,} ({item.axis})" for item in parts)
        yield Problem(
            CODE,
            f"`{node.name}` drops {first.unused / first.size:.0%} of its input",
            at=f"model.{node.name}",
            on="key",
            label=f"{words} unused"[:60],
            notes=("they are after the last whole patch, or at an edge that strides and pooling drop",),
            helps=(
                "choose patches, strides or stages that divide the size",
                "or resize the input: `size`, `resize`, `resample`, `pad`",
            ),
        )
