"""Heads over vectors or over the steps of sequences: how their inputs fit the target, and their widths."""

from typing import ClassVar

from declare.contract.kinds.module import Head, Inputs, Outputs, Padding, Port
from declare.contract.nodes.input_check import check_inputs, input_path, varying_size
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape


class VectorHead(Head):
    """A head over joined vectors, or over each step of sequences independently."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector", "number", "sequence"), many=True),)

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the target's shape, with as many steps as the input has, or why the inputs do not fit it."""
        if problem := self._check_inputs(inputs, output):
            return problem
        if output.layout != "sequence" or output.dims[0] is not None:
            return {"output": output}
        return {"output": output._replace(dims=(inputs["input"][0].dims[0], *output.dims[1:]))}

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently."""
        return Padding()

    def _check_inputs(self, inputs: Inputs, output: Shape) -> Problem | None:
        """Return why a head over joined vectors, or over steps of sequences, cannot give `output`."""
        if problem := check_inputs(self, inputs):
            return problem
        per_step = output.layout == "sequence"
        for index, shape in enumerate(inputs["input"]):
            if (shape.layout == "sequence") == per_step:
                continue
            at = input_path(self, "input", index)
            if per_step:
                title = f"`{self.type_name()}` gets {shape}, but the target is per step, {output}"
                helps = ("name an output with a time axis, such as `encoder.sequence`",)
                return Problem("SHP511", title, at=at, label="no time axis", helps=helps)
            title = f"the task needs one {output} per sample, but `{self.type_name()}` gets {shape}"
            helps = ("name a pooled output, such as `encoder.output`",)
            return Problem("SHP511", title, at=at, label="this is a sequence", helps=helps)
        if None in (output.dims[-1:] if per_step else output.dims):
            return varying_size(self, "target size", "input")
        return None


def widths(inputs: Inputs, output: Shape) -> tuple[int, tuple[int, ...], tuple[Dim, ...]]:
    """Return the number of input features, the output shape of a step, and the steps (empty for vectors)."""
    shapes = inputs["input"]
    features = sum(shape.features or 0 for shape in shapes)
    per_step = output.layout == "sequence"
    outputs = output.dims[-1:] if per_step else output.dims
    return features, tuple(dim or 0 for dim in outputs), shapes[0].dims[:1] if per_step else ()
