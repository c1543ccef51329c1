"""Embeddings for contrastive learning: two layers.

A hidden layer with layer norm and GELU, then a linear layer to `dim` features.

Takes one or several vectors, concatenated. Gives `output`, a vector of `dim` features. This is the only head
whose width must be stated, because no target defines it. Source: Chen et al. 2020 (SimCLR),
https://arxiv.org/abs/2002.05709.

```yaml
model:
  encoder: {type: mlp, input: features}
tasks:
  movie: {type: contrastive, dataset: hbn, same: [movie, stamp], head: {type: projection, dim: 32}}
```
"""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Projection(Head):
    """Two layers to an embedding."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector",), many=True),)

    dim: int = Param(128, gt=0, description="features of the embedding")
    hidden: int | None = Param(
        None, gt=0, description="width of the hidden layer; default: that of the input"
    )

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return a vector of `dim` features, or the problem if the task needs another output."""
        if problem := check_inputs(self, inputs):
            return problem
        if output.layout == "vector" and output.dims[0] in {None, self.dim}:
            return {"output": Shape("vector", (self.dim,))}
        title = f"`projection` gives an embedding, but the task needs {output}"
        return Problem("SHP511", title, helps=("use the head `linear` or `mlp`",))

    def _widths(self, inputs: Inputs) -> tuple[int, int]:
        features = sum(shape.features or 0 for shape in inputs["input"])
        return features, self.hidden or features

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the layers."""
        features, hidden = self._widths(inputs)
        return (
            CostCounter().linear(features, hidden).norm(hidden).write(hidden).linear(hidden, self.dim).costs()
        )

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the head as a torch module."""
        from declare.nn.heads.projection import Projection as Real

        return Real(*self._widths(inputs), self.dim)
