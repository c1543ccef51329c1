"""A transformer over tokens, steps or patches.

Blocks of self-attention and a feed-forward layer, pre-norm.

Takes tokens [length], a sequence [time, features], a series [channels, time] in patches of `patch` steps, or
an image [channels, height, width] in square patches of `patch` pixels. Gives `output`, the sequence
[positions, dim]; `pooled`, a vector: its mean over real positions; and `mask`, true at real positions.
Padding is masked. With `causal`, a position attends only to itself and earlier ones, which `causal_lm` needs;
without it, to all positions, for `masked_lm` and classification. If the input module has a `mask`, it is
applied. Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020; rotary
positions: Su et al. 2021.

```yaml
model:
  encoder: {type: transformer, input: text, dim: 64, depth: 2, heads: 4}
tasks:
  mood: {type: classification, dataset: reviews, target: mood}
```
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _attending, _pretrained
from declare.contract.kinds.module import Costs, Inputs, LeftOut, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.input_check import check_inputs, remainders
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape
from declare.contract.torch_types import TorchModule


class Transformer(Module):
    """Blocks of self-attention over tokens, steps or patches."""

    also_called: ClassVar[tuple[str, ...]] = ("encoder_transformer", "bert", "gpt", "TransformerEncoder")

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("tokens", "sequence", "series", "image")),
        Port("input_mask", ("valid",), optional=True),
    )

    dim: int = Param(128, gt=0, description="features of each position")
    depth: int = Param(4, gt=0, le=1_000, description="number of blocks")
    heads: int = Param(
        4, gt=0, description="number of attention heads, between which the features are divided"
    )
    hidden: int | None = Param(
        None, gt=0, description="width of the feed-forward layers; default: 4 times `dim`"
    )
    causal: bool = Param(False, description="each position attends only to itself and earlier ones")
    positions: Literal["rotary", "learned", "none"] | None = Param(
        None, description="position encoding; default: `rotary` if causal, else `learned`"
    )
    max_positions: int | None = Param(
        None, gt=0, description="number of learned positions; default: the length of the input"
    )
    patch: int = Param(1, gt=0, description="steps or pixels of a patch, for series and images")
    dropout: float = Param(0.0, ge=0, lt=1, description="dropout: fraction zeroed in training")

    def check(self) -> Iterable[Problem]:
        """Yield a problem if the heads do not divide the features."""
        yield from _attending.uneven(self.dim, self.heads, rotary=self._positions == "rotary")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the sequence, the pooled vector and the mask, or the problem that the input does not fit."""
        if problem := check_inputs(self, inputs):
            return problem
        shape = inputs["input"][0]
        if problem := self._shape_problem(shape):
            return problem
        length = self._length(shape)
        if problem := _attending.mask_mismatch(self, inputs, "input_mask", length):
            return problem
        return {
            "output": Shape("sequence", (length, self.dim)),
            "pooled": Shape("vector", (self.dim,)),
            "mask": Shape("valid", (length,), "bool"),
        }

    def _shape_problem(self, shape: Shape) -> Problem | None:
        """Return the problem that positions or patches do not fit the input."""
        for axis in shape.dims[1:] if shape.layout in {"series", "image"} else ():
            if axis is not None and axis < self.patch:
                title = f"patches of {self.patch} are longer than the {axis} that {shape} has"
                helps = (f"choose a patch of at most {axis}",)
                return Problem("SHP506", title, at="patch", label="longer than the input", helps=helps)
        if self._positions != "learned":
            return None
        return _attending.too_few_positions(self, self.max_positions, self._length(shape))

    @property
    def _positions(self) -> str:
        return self.positions or ("rotary" if self.causal else "learned")

    def _length(self, shape: Shape) -> Dim:
        """Return the number of positions."""
        if shape.layout in {"tokens", "sequence"}:
            return shape.dims[0]
        return size(None if axis is None else axis // self.patch for axis in shape.dims[1:])

    def looks_ahead(self) -> bool:
        """Return whether positions attend to later ones."""
        return not self.causal

    def padding_policy(self) -> Padding:
        """Return that padding is masked in attention and pooling."""
        return Padding(lengths_of="input")

    def output_lengths(self, lengths: Any, inputs: Inputs) -> Any:
        """Return the number of whole patches of a series; for other inputs the number of steps."""
        return lengths // self.patch if inputs["input"][0].layout == "series" else lengths

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...]:
        """Return the steps or pixels after the last whole patch."""
        shape = inputs["input"][0]
        patched = shape.layout in {"series", "image"}
        return remainders(shape, range(1, len(shape.dims)), self.patch) if patched else ()

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of embedding and blocks; for tokens those of the longest sample."""
        shape = inputs["input"][0]
        length, tally = self._length(shape), CostCounter()
        if shape.layout == "tokens":
            tally.parameters += (shape.classes or 0) * self.dim
            tally.write(self.dim, (length,))
        elif shape.layout == "sequence":
            tally.linear(shape.features or 0, self.dim, positions=length)
        else:
            kernel = (self.patch,) * (len(shape.dims) - 1)
            tally.conv(shape.features or 0, self.dim, kernel, (length,))
        if self._positions == "learned":
            tally.parameters += self._table(shape) * self.dim
            tally.write(self.dim, (length,))
        tally.write(self.dim, (length,))
        for _ in range(self.depth):
            heads = self.heads if self.dropout else 0
            _attending.block(tally, self.dim, self.hidden or 4 * self.dim, [length], dropout_heads=heads)
        return tally.norm(self.dim, (length,)).costs()

    def _table(self, shape: Shape) -> int:
        return self.max_positions or self._length(shape) or 512

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.transformer import Transformer as Real

        shape = inputs["input"][0]
        kind = shape.layout if shape.layout in {"tokens", "sequence", "series"} else "image"
        real = Real(
            kind,
            (shape.classes or 1) if kind == "tokens" else shape.features or 0,
            self.dim,
            depth=self.depth,
            heads=self.heads,
            hidden=self.hidden,
            causal=self.causal,
            positions=self._positions,
            length=self._table(shape),
            patch=self.patch,
            dropout=self.dropout,
        )
        return _pretrained.start(real, self.pretrained)
