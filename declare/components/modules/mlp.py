"""A multilayer perceptron over vectors, numbers or the steps of a sequence.

Linear layers, each followed by norm, activation and dropout.

Takes one or several vectors [features] or numbers [], concatenated along the features, or sequences [time,
features] of one length (each step independently). Gives `output`: a vector (or sequence) with the width of
the last hidden layer as features. Source: Rosenblatt 1958; any textbook.

```yaml
model:
  encoder: {type: mlp, input: features, hidden: [512, 256], dropout: 0.2}
```
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.input_check import check_inputs, input_path
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Mlp(Module):
    """Linear layers, each followed by norm, activation and dropout."""

    also_called: ClassVar[tuple[str, ...]] = ("dense", "fc", "feedforward", "linear", "MLPClassifier")

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector", "number", "sequence"), many=True),)

    hidden: list[Annotated[int, Param(gt=0)]] = Param(
        [256], min_length=1, max_length=1_000, description="width of each hidden layer"
    )
    dropout: float = Param(
        0.0, ge=0, lt=1, description="dropout: fraction of features zeroed after each layer in training"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Param(
        "relu", description="activation after each layer"
    )
    norm: Literal["none", "layer", "batch"] = Param("none", description="norm between layer and activation")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return a vector, or a sequence if the inputs are sequences."""
        shapes = inputs.get("input", ())
        if problem := check_inputs(self, inputs) or _length_problem(self, shapes):
            return problem
        if shapes[0].layout == "sequence":
            return {"output": Shape("sequence", (shapes[0].dims[0], self.hidden[-1]))}
        return {"output": Shape("vector", (self.hidden[-1],))}

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently; batch norm needs to know which steps are real."""
        return Padding(lengths_of="input" if self.norm == "batch" else None)

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return 1, or the number of steps of a sequence."""
        first = inputs["input"][0]
        return None if self.norm != "batch" else first.dims[0] if first.layout == "sequence" else 1

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the layers for all steps."""
        shapes = inputs["input"]
        steps = shapes[0].dims[:1] if shapes[0].layout == "sequence" else ()
        tally = CostCounter()
        before = sum(shape.features or 0 for shape in shapes)
        for width in self.hidden:
            tally.linear(before, width, positions=size(steps))
            if self.norm != "none":
                tally.norm(width, steps)
            tally.write(width * (2 if self.dropout else 1), steps)
            before = width
        return tally.costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.mlp import MLP

        features = sum(shape.features or 0 for shape in inputs["input"])
        real = MLP(features, self.hidden, activation=self.activation, norm=self.norm, dropout=self.dropout)
        return _pretrained.start(real, self.pretrained)


def _length_problem(node: Module, shapes: tuple[Shape, ...]) -> Problem | None:
    steps = {shape.dims[0] if shape.layout == "sequence" else 0 for shape in shapes}
    if len(steps) < 2:
        return None
    title = f"`mlp` cannot join {' and '.join(map(str, shapes))}"
    helps = ("use only vectors, or only sequences of one length",)
    return Problem("SHP511", title, at=input_path(node, "input", 1), label="another length", helps=helps)
