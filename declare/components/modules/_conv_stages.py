"""Convolutional stages over series and images: sizes after halving, costs, and inputs that are too small."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field as Param

from declare.contract.kinds.module import Costs, Module
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_kernel
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import Dim, Shape

Downsample = Literal["max", "mean", "stride", "none"]


def halve(size: Dim, downsample: Downsample) -> Dim:
    """Return the size of an axis after a stage has halved it; None if it varies."""
    if size is None or downsample == "none":
        return size
    return (size + 1) // 2 if downsample == "stride" else size // 2


class ConvNet(Module):
    """Stages of convolution, norm, activation and dropout over one kind of map."""

    channels: list[Annotated[int, Param(gt=0)]] = Param(
        [32, 64], min_length=1, max_length=1_000, description="output channels of each stage"
    )
    kernel: int
    norm: Literal["batch", "group", "none"] = Param(
        "batch", description="norm between convolution and activation"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Param(
        "relu", description="activation after each convolution"
    )
    downsample: Downsample
    pool: Literal["mean", "max", "flatten"]
    dropout: float = Param(
        0.0, ge=0, lt=1, description="dropout: fraction of channels zeroed after each stage in training"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an even kernel size, which has no centre."""
        if problem := check_kernel(self, self.kernel):
            yield problem

    def _num_halved(self) -> int:
        """Return how many stages leave over what does not divide by two."""
        return len(self.channels) - 1 if self.downsample in {"max", "mean"} else 0

    def _costs(self, before: int, sizes: Sequence[tuple[Dim, ...]]) -> Costs:
        """Return the costs of stages with output maps of `sizes` and `before` input channels."""
        counter = CostCounter()
        for index, (width, size) in enumerate(zip(self.channels, sizes, strict=True)):
            if index and self.downsample in {"max", "mean"}:
                counter.write(before, size)
            counter.conv(before, width, (self.kernel,) * len(size), size, bias=self.norm == "none")
            if self.norm != "none":
                counter.norm(width, size)
            counter.write(width * (2 if self.dropout else 1), size)
            before = width
        if self.pool != "flatten":
            counter.write(before)
        return counter.costs()

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters of the real network."""
        names = ("kernel", "norm", "activation", "downsample", "pool", "dropout")
        return {name: getattr(self, name) for name in names}


def too_small(
    name: str, shape: Shape, channels: list[int], stages: int, *, code: str, larger: str
) -> Problem:
    """Return the problem that an input is smaller than `stages` allow; `larger` is the help."""
    return Problem(
        code,
        f"`{name}` has {len(channels)} stages, but {shape} is too small after {stages}",
        at="channels",
        label=f"at most {stages} stages",
        helps=(f"use at most {stages} stages, {larger}, or `downsample: none`",),
        rewrites=(Rewrite(f"keep the first {stages} stages", "channels", channels[:stages], safe=False),),
    )
