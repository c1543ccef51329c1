"""Convolutional stages over series and images: sizes after halving, costs, and inputs that are too small."""

from collections.abc import Sequence
from typing import Literal, Protocol

from declare.contract.kinds.module import Costs
from declare.contract.nodes.costs import CostCounter
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import Dim, Shape

Downsample = Literal["max", "mean", "stride", "none"]


def halve(size: Dim, downsample: Downsample) -> Dim:
    """Return the size of an axis after a stage has halved it, None where it varies."""
    if size is None or downsample == "none":
        return size
    return (size + 1) // 2 if downsample == "stride" else size // 2


class ConvStages(Protocol):
    """The parameters of stages that their costs depend on."""

    @property
    def channels(self) -> list[int]: ...
    @property
    def kernel(self) -> int: ...
    @property
    def norm(self) -> str: ...
    @property
    def downsample(self) -> Downsample: ...
    @property
    def pool(self) -> str: ...
    @property
    def dropout(self) -> float: ...


def costs_of_stages(stages: ConvStages, before: int, sizes: Sequence[tuple[Dim, ...]]) -> Costs:
    """Return the costs of stages that give maps of `sizes`, from `before` channels on."""
    counter = CostCounter()
    for index, (width, size) in enumerate(zip(stages.channels, sizes, strict=True)):
        if index and stages.downsample in {"max", "mean"}:
            counter.write(before, size)
        counter.conv(before, width, (stages.kernel,) * len(size), size, bias=stages.norm == "none")
        if stages.norm != "none":
            counter.norm(width, size)
        counter.write(width * (2 if stages.dropout else 1), size)
        before = width
    if stages.pool != "flatten":
        counter.write(before)
    return counter.costs()


def too_small(
    name: str, shape: Shape, channels: list[int], stages: int, *, code: str, larger: str
) -> Problem:
    """Return the problem that nothing is left of an input after `stages`; `larger` names the remedy."""
    return Problem(
        code,
        f"`{name}` has {len(channels)} stages, but {shape} is down to nothing after {stages}",
        at="channels",
        label=f"at most {stages} stages",
        helps=(f"use at most {stages} stages, {larger}, or `downsample: none`",),
        rewrites=(Rewrite(f"keep the first {stages} stages", "channels", channels[:stages], safe=False),),
    )
