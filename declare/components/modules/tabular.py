"""Numbers and categories of a row, including missing ones.

Embeds categories, adds indicators of missing numbers, and maps all columns of a row with one linear layer.

Takes any number of numbers [], vectors and labels [features] (NaN if missing: replaced by 0, with an
indicator of 1) and categories [] (-1 if missing: it has its own embedding). Gives `output`, a vector of
`width` features. An embedding of n classes has min(50, (n + 1) // 2) features unless stated. Source: Guo and
Berkhahn 2016 (entity embeddings).

```yaml
model:
  row: {type: tabular, input: [income, rooms, region], width: 64}
```
"""

from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs, input_path
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Tabular(Module):
    """Embeds categories, adds indicators of missing numbers, and maps all columns with one linear layer."""

    accepts_missing: ClassVar[bool] = True
    also_called: ClassVar[tuple[str, ...]] = (
        "tabnet",
        "ft_transformer",
        "tab_transformer",
        "saint",
        "entity_embedding",
    )

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("number", "category", "vector", "labels"), many=True),
    )

    width: int = Param(64, gt=0, description="features of the output")
    embedding: int | None = Param(
        None, gt=0, description="embedding size of each category; default: by its number of classes"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Param(
        "relu", description="activation after the linear layer"
    )
    dropout: float = Param(0.0, ge=0, lt=1, description="dropout: fraction of features zeroed in training")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return one vector per row."""
        if problem := check_inputs(self, inputs):
            return problem
        for index, shape in enumerate(inputs["input"]):
            if shape.layout == "category" and shape.classes is None:
                at = input_path(self, "input", index)
                title = "`tabular` needs the number of classes of a category, but it is not known"
                return Problem("SHP512", title, at=at, helps=("state `classes` in the field",))
        return {"output": Shape("vector", (self.width,))}

    def _columns(self, inputs: Inputs) -> list[tuple[int, int]]:
        return [self._column(shape) for shape in inputs["input"]]

    def _column(self, shape: Shape) -> tuple[int, int]:
        if shape.layout != "category":
            return shape.features or 0, 0
        classes = shape.classes or 0
        return self.embedding or max(1, min(50, (classes + 1) // 2)), classes

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of embeddings and linear layer."""
        tally, joined = CostCounter(), 0
        for features, classes in self._columns(inputs):
            if classes:
                tally.parameters += (classes + 1) * features
                tally.write(features)
            joined += features if classes else 2 * features
        return tally.linear(joined, self.width).write(self.width * (2 if self.dropout else 1)).costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.tabular import Tabular as Real

        real = Real(self._columns(inputs), self.width, activation=self.activation, dropout=self.dropout)
        return _pretrained.start(real, self.pretrained)
