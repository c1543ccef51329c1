"""A transformer decoder that generates tokens from a memory.

Blocks of causal self-attention, cross-attention to the memory, and a feed-forward layer.

Takes `tokens` [length], the target text, and `memory`, the sequence [time, features] of an encoder, whose
`mask` is applied. In the task `seq2seq` the tokens are shifted to the right with `bos` in front (teacher
forcing). Gives `output`, the sequence [length, dim], `pooled` and `mask`. Source: Vaswani et al. 2017,
https://arxiv.org/abs/1706.03762.

```yaml
model:
  encoder: {type: transformer, input: source, dim: 64, depth: 2, heads: 4}
  decoder: {type: transformer_decoder, input: {tokens: target, memory: encoder}, dim: 64, depth: 2, heads: 4}
```
"""

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _attending, _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class TransformerDecoder(Module):
    """Blocks of causal self-attention, cross-attention to the memory, and a feed-forward layer."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("tokens", ("tokens",)),
        Port("memory", ("sequence",)),
        Port("memory_mask", ("valid",), optional=True),
    )

    dim: int = Param(128, gt=0, description="features of each position")
    depth: int = Param(4, gt=0, le=1_000, description="number of blocks")
    heads: int = Param(
        4, gt=0, description="number of attention heads, between which the features are divided"
    )
    hidden: int | None = Param(
        None, gt=0, description="width of the feed-forward layers; default: 4 times `dim`"
    )
    positions: Literal["rotary", "learned", "none"] = Param("rotary", description="position encoding")
    max_positions: int | None = Param(
        None, gt=0, description="number of learned positions; default: the length of the text"
    )
    dropout: float = Param(0.0, ge=0, lt=1, description="dropout: fraction zeroed in training")

    def check(self) -> Iterable[Problem]:
        """Yield a problem if the heads do not divide the features."""
        yield from _attending.uneven(self.dim, self.heads, rotary=self.positions == "rotary")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the sequence, the pooled vector and the mask, or the problem that the inputs do not fit."""
        if problem := check_inputs(self, inputs):
            return problem
        length = inputs["tokens"][0].dims[0]
        memory = inputs["memory"][0].dims[0]
        if problem := _attending.mask_mismatch(self, inputs, "memory_mask", memory):
            return problem
        few = _attending.too_few_positions(self, self.max_positions, length)
        if few is not None and self.positions == "learned":
            return few
        return {
            "output": Shape("sequence", (length, self.dim)),
            "pooled": Shape("vector", (self.dim,)),
            "mask": Shape("valid", (length,), "bool"),
        }

    def looks_ahead(self) -> bool:
        """Return that positions attend only to earlier ones."""
        return False

    def padding_policy(self) -> Padding:
        """Return that padding of the memory is masked; that of the tokens is known from their ids."""
        return Padding(lengths_of="memory", follows="tokens")

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of embedding and blocks for the longest sample."""
        text, memory = inputs["tokens"][0], inputs["memory"][0]
        length, tally = text.dims[0], CostCounter()
        tally.parameters += (text.classes or 0) * self.dim
        tally.write(self.dim, (length,))
        if memory.features != self.dim:
            tally.linear(memory.features or 0, self.dim, positions=memory.dims[0])
        if self.positions == "learned":
            tally.parameters += self._table(text) * self.dim
            tally.write(self.dim, (length,))
        tally.write(self.dim, (length,))
        for _ in range(self.depth):
            heads, sources = self.heads if self.dropout else 0, [length, memory.dims[0]]
            _attending.block(tally, self.dim, self.hidden or 4 * self.dim, sources, dropout_heads=heads)
        return tally.norm(self.dim, (length,)).costs()

    def _table(self, text: Shape) -> int:
        return self.max_positions or text.dims[0] or 512

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.transformer_decoder import TransformerDecoder as Real

        text = inputs["tokens"][0]
        real = Real(
            text.classes or 1,
            inputs["memory"][0].features or 0,
            self.dim,
            depth=self.depth,
            heads=self.heads,
            hidden=self.hidden,
            positions=self.positions,
            length=self._table(text),
            dropout=self.dropout,
        )
        return _pretrained.start(real, self.pretrained)
