"""What a node's ports take: one check of inputs against ports for every module and head."""

from collections.abc import Iterable
from pathlib import Path

from declare.contract.kinds.module import Inputs, LeftOut, Module, Node, Port
from declare.contract.kinds.source import file_exists, is_file
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import AXES, PLACES, Layout, Shape

_HELPS: dict[Layout, str] = {
    "series": (
        "encode it with `conv1d` first, or add `{type: temporal_pool}` (a mean over time) or "
        "`{type: flatten}` (all values) to the dataset's transforms"
    ),
    "sequence": "encode it with `rnn` first, or add `{type: temporal_pool}` or `{type: flatten}` to the dataset's "
    "transforms",
    "image": "encode it with `cnn` or `timm` first, or add `{type: flatten}` to the dataset's transforms",
    "video": "encode it with `conv3d` first, or add `{type: flatten}` to the dataset's transforms",
    "category": "embed it with `tabular` first",
    "tokens": "encode it with `transformer` first",
}


def check_inputs(node: Node, inputs: Inputs) -> Problem | None:
    """Return what is wrong: number (SHP513), layout (SHP511), features (SHP512) or weights (RES840)."""
    for port in node.ports:
        shapes = inputs.get(port.name, ())
        if problem := _count(node, port, len(shapes)):
            return problem
        for index, shape in enumerate(shapes):
            if problem := _fits(node, port, index, shape):
                return problem
    return _weights(node) if isinstance(node, Module) else None


def input_path(node: Node, port: str, index: int = 0) -> str:
    """Return the path inside the node's block that defines the input of `port`."""
    stated = getattr(node, "input", None)
    if isinstance(stated, list):
        return f"input.{index}" if index < len(stated) else "input"
    if isinstance(stated, dict):
        return f"input.{port}" if port in stated else "input"
    return "input" if stated else ""


def varying_size(node: Node, what: str, port: str, index: int = 0) -> Problem:
    """Return the problem that `what` varies from sample to sample if it must be fixed."""
    return Problem(
        "SHP512",
        f"`{node.type_name()}` needs a fixed {what}, but it varies in the data",
        at=input_path(node, port, index),
        label=f"{what} varies",
        helps=(
            "state `length:` on a series: longer samples are cut, shorter ones filled up with zeros",
            "make it the same for all samples with a transform: `resize`, `crop` or `temporal_pool`",
        )
        if what in {"length", "number of steps"}
        else ("make it the same for all samples with a transform: `resize`, `crop` or `temporal_pool`",),
    )


def _weights(node: Module) -> Problem | None:
    """Return the problem that the weights to start from do not exist."""
    stated = node.pretrained
    if stated is True and not node.has_weights:
        title, label = f"`{node.type_name()}` has no pretrained weights", "none exist"
        helps = ("train from scratch: `pretrained: false`", "or name a file of weights: `pretrained: PATH`")
        return Problem("RES840", title, at="pretrained", label=label, helps=helps)
    if isinstance(stated, Path) and not (file_exists(stated) and is_file(stated)):
        words = "state a .safetensors file, or a .pt file that contains only tensors"
        title, label = f"there are no weights at {str(stated)[-48:]}", "no such file"
        return Problem("RES840", title, at="pretrained", label=label, helps=(words,))
    return None


def _count(node: Node, port: Port, count: int) -> Problem | None:
    if not count and not port.optional:
        title = f"`{node.type_name()}` has no input `{port.name}`"
        return Problem(
            "SHP513",
            title,
            at=input_path(node, port.name),
            helps=("name a field or a module as its `input`",),
        )
    if count > 1 and not port.many:
        title = f"`{node.type_name()}` takes one input on `{port.name}` but gets {count}"
        helps = ("join them first with `{type: concat, input: [...]}`",)
        return Problem("SHP513", title, at=input_path(node, port.name), label=f"{count} inputs", helps=helps)
    return None


def _fits(node: Node, port: Port, index: int, shape: Shape) -> Problem | None:
    if shape.layout in port.takes:
        known = shape.features is not None or shape.layout in PLACES
        return None if known else varying_size(node, f"number of {AXES[shape.layout][0]}", port.name, index)
    takes = " or ".join(filter(None, (", ".join(port.takes[:-1]), port.takes[-1])))
    return Problem(
        "SHP511",
        f"`{node.type_name()}` takes {takes}, not {shape}",
        at=input_path(node, port.name, index),
        label=f"this is a {shape.layout}",
        helps=(_HELPS.get(shape.layout, f"name a field or a module's output of layout {takes}"),),
    )


def check_kernel(node: Node, kernel: int, *, key: str = "kernel") -> Problem | None:
    """Return the problem (SHP541) that a kernel has no middle, so that the output cannot keep its size.

    A kernel with several sides gets no rewrite: `key` names the whole list.
    """
    if kernel % 2:
        return None
    whole = isinstance(getattr(node, key), int)
    return Problem(
        "SHP541",
        f"`{node.type_name()}` needs a kernel of odd length, but it has {kernel}",
        at=key,
        label="even",
        helps=(f"use {kernel + 1}",),
        rewrites=(Rewrite(f"use {kernel + 1}", key, kernel + 1, safe=False),) if whole else (),
    )


def check_axis_order(node: Node, inputs: Inputs) -> Problem | None:
    """Return the problem (SHP508) that an image has its channels last, if its sizes leave no doubt."""
    shape = inputs["input"][0]
    first, middle, last = shape.dims
    if first is None or first != middle or first <= 4 or last not in {1, 3, 4}:
        return None
    title = f"{shape} is read as {first} channels, but looks like {last} channels last"
    return Problem(
        "SHP508",
        title,
        at=input_path(node, "input"),
        label=f"{first} channels",
        helps=("store images as channels, height, width",),
    )


def remainders(shape: Shape, axes: Iterable[int], part: int) -> tuple[LeftOut, ...]:
    """Return what remains over of some axes of an input that is cut into whole parts of `part`."""
    parts = (
        LeftOut(AXES[shape.layout][axis], size % part, size) for axis in axes if (size := shape.dims[axis])
    )
    return tuple(item for item in parts if item.unused)
