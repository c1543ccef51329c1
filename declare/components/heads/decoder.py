"""A linear map from features to a signal or image.

Each position of a sequence is mapped to one segment of a series, or to one square of an image (positions row
by row); a vector is mapped to the whole target. With `hidden`, a hidden layer with GELU precedes the last
layer.

Takes a sequence [positions, features] or a vector. Gives `output` in the shape of the target: a series
[channels, time], an image, a sequence or a vector. If target shapes differ between datasets, state
`per_dataset: true`. Source: He et al. 2022, https://arxiv.org/abs/2111.06377.

```yaml
model:
  encoder: {type: series_patch, input: eeg}
tasks:
  mem: {type: reconstruction, datasets: [tuh, hbn], target: eeg, head: {type: decoder, per_dataset: true}}
```
"""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.module import Costs, Head, Inputs, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs, input_path, varying_size
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Decoder(Head):
    """A linear map from positions back to the parts of the target."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("sequence", "vector")),)

    hidden: int | None = Param(
        None, gt=0, description="width of a hidden layer before the last; default: none"
    )

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape, or the problem that the number of positions does not divide it."""
        if problem := check_inputs(self, inputs):
            return problem
        shape = inputs["input"][0]
        if output.layout not in {"series", "image", "sequence", "vector"} or not output.dims:
            title = f"`decoder` gives signals and images, but the task needs {output}"
            return Problem("SHP511", title, helps=("use the head `linear`",))
        if output.numel is None or shape.numel is None:
            return varying_size(self, "size of the target" if output.numel is None else "length", "input")
        if _part(shape, output) is None:
            title = f"{shape.dims[0]} positions do not tile {output}"
            helps = (
                "use an output with one position for each patch, or a pooled one",
                "choose a patch that divides the length",
            )
            return Problem(
                "SHP511", title, at=input_path(self, "input"), label="does not tile it", helps=helps
            )
        return {"output": output}

    def padding_policy(self) -> Padding | None:
        """Return None: each position gives one part of the target, so that all samples need as many."""
        return None

    def padding_helps(self) -> tuple[str, ...]:
        """Return the output that has no positions."""
        return ("map the whole target from a vector: a pooled output, such as `pooled` of `transformer`",)

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return the costs of the layers at every position."""
        shape = inputs["input"][0]
        before, tally, positions = shape.features or 0, CostCounter(), _positions(shape)
        if self.hidden is not None:
            tally.linear(before, self.hidden, positions=positions).write(self.hidden, (positions,))
            before = self.hidden
        return tally.linear(before, _width(shape, output), positions=positions).costs()

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the torch module."""
        from declare.nn.heads.decoder import Decoder as Real

        shape = inputs["input"][0]
        dims = tuple(dim or 0 for dim in output.dims)
        return Real(shape.features or 0, _part(shape, output) or (), dims, hidden=self.hidden)


def _positions(shape: Shape) -> int:
    return (shape.dims[0] or 1) if shape.layout == "sequence" else 1


def _part(shape: Shape, output: Shape) -> tuple[int, ...] | None:
    """Return the shape of the output of one position; None if positions do not tile the target."""
    dims, count = tuple(dim or 0 for dim in output.dims), _positions(shape)
    if shape.layout == "vector" or output.layout == "vector":
        return dims if shape.layout == "vector" else None
    if output.layout in {"sequence", "series"}:
        time = dims[0 if output.layout == "sequence" else 1]
        if time % count:  # a part would not be what its position has seen
            return None
        return (time // count, dims[1]) if output.layout == "sequence" else (dims[0], time // count)
    edges = (edge for edge in range(1, min(dims[1:]) + 1) if (dims[1] // edge) * (dims[2] // edge) == count)
    edge = next((edge for edge in edges if not dims[1] % edge and not dims[2] % edge), None)
    return None if edge is None else (dims[0], edge, edge)


def _width(shape: Shape, output: Shape) -> int:
    width = 1
    for dim in _part(shape, output) or ():
        width *= dim
    return width
