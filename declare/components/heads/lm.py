"""A logit for every token of the vocabulary.

One linear layer without a bias from the features at each position to the vocabulary.

Takes a sequence [length, features], such as the output of a transformer. Gives `output` [length, vocabulary],
without softmax. Used by `causal_lm`, `masked_lm` and `seq2seq`; the size of the vocabulary is inferred from
the text field. Source: any textbook.

```yaml
model:
  decoder: {type: transformer, input: text, dim: 128, depth: 4, heads: 4, causal: true}
tasks:
  next: {type: causal_lm, dataset: corpus, target: text, head: {type: lm, input: decoder}}
```
"""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.heads._vectors import VectorHead, widths
from declare.contract.kinds.module import Costs, Inputs, Outputs, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Lm(VectorHead):
    """One linear layer without a bias from the features at each position to the vocabulary."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("sequence",)),)

    norm: bool = Param(False, description="apply a layer norm first, if the module before has none")

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape, or the problem that the input does not fit it."""
        if output.layout != "sequence":
            return Problem(
                "LOS420",
                f"head `lm` gives a logit for every token, but the task needs one {output} per sample",
                label="gives token logits",
                helps=("use head `linear`, or a task such as `causal_lm`",),
            )
        return super().infer(inputs, output)

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the layer for all positions."""
        features, outputs, steps = widths(inputs, output)
        tally = CostCounter().norm(features, steps) if self.norm else CostCounter()
        return tally.linear(features, outputs[0], positions=steps[0], bias=False).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.lm import Lm as Real

        features, outputs, _ = widths(inputs, output)
        return Real(features, outputs[0], norm=self.norm)
