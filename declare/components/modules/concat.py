"""Concatenates several inputs along their features.

Takes vectors and numbers, or several sequences, series, images or videos that differ only in their number of
features (channels). Gives `output` of that layout, with the features of all inputs in order. Source: any
textbook.

```yaml
model:
  image: {type: cnn, input: photo}
  row: {type: tabular, input: [age, sex]}
  encoder: {type: concat, input: [image, row]}
```
"""

from typing import ClassVar

from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.input_check import check_inputs, input_path
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Concat(Module):
    """Concatenates several inputs along their features."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("vector", "number", "sequence", "series", "image", "video"), many=True),
    )
    random: ClassVar[bool] = False

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the layout of the inputs with the features of all inputs."""
        if problem := check_inputs(self, inputs):
            return problem
        shapes = inputs["input"]
        first = shapes[0]
        for index, shape in enumerate(shapes):
            if _rest(shape) != _rest(first):
                title = f"`concat` cannot join {first} and {shape}"
                helps = ("they may differ only in their features: pool both, or resize them to one size",)
                return Problem(
                    "SHP511", title, at=input_path(self, "input", index), label=f"{shape}", helps=helps
                )
        features = sum(shape.features or 0 for shape in shapes)
        if first.layout in {"vector", "number"}:
            return {"output": Shape("vector", (features,))}
        last = first.layout == "sequence"
        dims = (*first.dims[:-1], features) if last else (features, *first.dims[1:])
        return {"output": Shape(first.layout, dims)}

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently."""
        return Padding()

    def costs(self, inputs: Inputs) -> Costs:
        """Return the bytes of the joined tensor."""
        outputs = self.infer(inputs)
        assert not isinstance(outputs, Problem)
        numel = outputs["output"].numel
        return Costs(0, 0, None if numel is None else 4 * numel)

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.concat import Concat as Real

        return Real(1 if inputs["input"][0].layout in {"series", "image", "video"} else -1)


def _rest(shape: Shape) -> tuple[object, ...]:
    """Return what must agree between inputs: the layout, and the sizes of the other axes."""
    if shape.layout in {"vector", "number"}:
        return ("vector",)
    return (shape.layout, *(shape.dims[:-1] if shape.layout == "sequence" else shape.dims[1:]))
