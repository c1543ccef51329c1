"""What readouts over places share: how a feature map fits a target of units, and the features at one place."""

from declare.contract.kinds.module import Head, Inputs
from declare.contract.nodes.input_check import check_inputs, input_path, varying_size
from declare.contract.problem import Problem
from declare.contract.shapes import Shape


def check_readout_inputs(head: Head, inputs: Inputs, output: Shape) -> Problem | None:
    """Return why a readout of places cannot give `output`: no space (SHP519), or a size that varies."""
    for index, shape in enumerate(inputs.get("input", ())):
        if shape.layout not in {"image", "video"}:
            title = f"`{head.type_name()}` looks at places, but {shape} has no space"
            helps = ("name an output with height and width, such as `core.map`", "or use `head: linear`")
            return Problem(
                "SHP519", title, at=input_path(head, "input", index), label="no space", helps=helps
            )
    if problem := check_inputs(head, inputs):
        return problem
    shape = inputs["input"][0]
    if shape.layout == "video" and shape.dims[1] is None:
        return varying_size(head, "number of frames", "input")
    if len(output.dims) != 1 or None in output.dims:
        title = f"`{head.type_name()}` gives a number for each unit, but the task needs {output}"
        return Problem("SHP511", title, helps=("use `head: linear`",))
    return None


def features_at(inputs: Inputs) -> int:
    """Return the number of features at one place; frames of a video count as further features."""
    shape = inputs["input"][0]
    frames = shape.dims[1] if shape.layout == "video" else 1
    return (shape.dims[0] or 0) * (frames or 0)
