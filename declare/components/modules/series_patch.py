"""A patch transformer for recordings such as EEG.

The series is split into patches of `patch` steps, all channels together. Each patch is embedded in `dim`
features by a linear map of its samples and, with `spectrum`, one of its log power spectrum (phase-invariant).
Learned positions are added; then follow blocks of self-attention and a feed-forward layer, pre-norm.

Takes a series [channels, time]; steps after the last whole patch are dropped, and the plan reports it
(DAT358). Gives `output`, the sequence [patches, dim], and `pooled`, a vector: its mean. Source: Dosovitskiy
et al. 2021 (patches); Wang et al. 2025 (CBraMod, patches with spectra), https://arxiv.org/abs/2412.07236.

```yaml
model:
  encoder: {type: series_patch, input: eeg, patch: 20, dim: 64, depth: 2, heads: 4}
```
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.modules import _attending, _pretrained
from declare.contract.kinds.module import Costs, Inputs, LeftOut, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs, remainders, varying_size
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class SeriesPatch(Module):
    """Self-attention over the patches of a series."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("series",)),)

    patch: int = Param(20, gt=0, description="steps of a patch")
    dim: int = Param(64, gt=0, description="features of each patch")
    depth: int = Param(2, gt=0, le=1_000, description="number of blocks")
    heads: int = Param(
        4, gt=0, description="number of attention heads, between which the features are divided"
    )
    hidden: int | None = Param(
        None, gt=0, description="width of the feed-forward layers; default: 4 times `dim`"
    )
    spectrum: bool = Param(True, description="also embed the log power spectrum of each patch")
    window: int | None = Param(
        None, gt=0, description="window of the spectrum around a patch, in steps; default: 4 patches"
    )
    dropout: float = Param(0.0, ge=0, lt=1, description="dropout: fraction zeroed in training")

    def check(self) -> Iterable[Problem]:
        """Yield a problem if the heads do not divide the features."""
        yield from _attending.uneven(self.dim, self.heads, rotary=False)

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the sequence and the pooled vector, or the problem that the input does not fit."""
        if problem := check_inputs(self, inputs):
            return problem
        shape = inputs["input"][0]
        length = shape.dims[1]
        if length is None:
            return varying_size(self, "length", "input")
        if length < self.patch:
            title = f"patches of {self.patch} are longer than the {length} that {shape} has"
            return Problem(
                "SHP506",
                title,
                at="patch",
                label="longer than the input",
                helps=(f"choose a patch of at most {length}",),
                rewrites=(Rewrite(f"use {length}", "patch", length, safe=False),),
            )
        return {
            "output": Shape("sequence", (length // self.patch, self.dim)),
            "pooled": Shape("vector", (self.dim,)),
        }

    def looks_ahead(self) -> bool:
        """Return that patches attend to later ones."""
        return True

    @property
    def _window(self) -> int:
        return max(self.window or 4 * self.patch, self.patch)

    def padding_policy(self) -> Padding:
        """Return that patches beyond a sample's end are masked in attention and pooling."""
        return Padding(lengths_of="input")

    def output_lengths(self, lengths: Any, inputs: Inputs) -> Any:
        """Return the number of whole patches of a sample."""
        return lengths // self.patch

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...]:
        """Return the steps after the last whole patch."""
        return remainders(inputs["input"][0], (1,), self.patch)

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of embedding and blocks."""
        channels, time = inputs["input"][0].dims
        length, tally = (time or 0) // self.patch, CostCounter()
        tally.conv(channels or 0, self.dim, (self.patch,), (length,))
        if self.spectrum:
            width = (channels or 0) * (self._window // 2 + 1)
            tally.norm(width, (length,)).linear(width, self.dim, positions=length)
        tally.parameters += length * self.dim
        tally.write(self.dim, (length,)).write(self.dim, (length,))
        for _ in range(self.depth):
            heads = self.heads if self.dropout else 0
            _attending.block(tally, self.dim, self.hidden or 4 * self.dim, [length], dropout_heads=heads)
        return tally.norm(self.dim, (length,)).costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.series_patch import SeriesPatch as Real

        channels, time = inputs["input"][0].dims
        real = Real(
            (channels or 0, time or 0),
            self.dim,
            patch=self.patch,
            depth=self.depth,
            heads=self.heads,
            hidden=self.hidden,
            window=self._window if self.spectrum else 0,
            dropout=self.dropout,
        )
        return _pretrained.start(real, self.pretrained)
