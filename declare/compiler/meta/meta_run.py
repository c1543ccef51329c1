"""One trial of a real module: build it without weights, run it once, return the output shapes or the refusal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from declare.compiler.meta.flop_count import BATCH, ForwardMeasure, measure
from declare.contract.kinds.module import Costs, Head, Inputs, Module, Node, Outputs
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import AXES, Dim, DType, Layout, Shape
from declare.ir.plan import LayerPlan
from declare.parsing.read_component import read_component
from declare.system import user_code

if TYPE_CHECKING:
    import torch
    from torch import nn

_SIZES: dict[str, tuple[int, int]] = {
    "time": (512, 768),
    "length": (32, 48),
    "height": (224, 256),
    "width": (224, 256),
}
"""Two trial sizes of an axis whose size varies: output sizes that differ between them vary with it."""
_MOST = 6_000
"""Layers that a trial builds; the largest models that libraries know have some thousands."""
_BY_RANK: tuple[Layout, ...] = ("number", "vector", "sequence", "image", "video")


class Trial(NamedTuple):
    """Outputs, costs of one sample, layers."""

    outputs: Outputs
    costs: Costs
    layers: tuple[LayerPlan, ...]
    left_out: tuple[float, ...] = ()
    """The fraction of each axis after the channels that is left over."""
    batch_norm_values: int | None = None
    """The values of one sample, for each channel, of the batch norm that sees the fewest; of fixed sizes alone."""


class RefusedError(Exception):
    """Raised with the library's own words when a module cannot be built or run."""


def answer_plain(
    kind: str, block: dict[str, Any], inputs: dict[str, list[list[Any]]], output: list[Any] | None
) -> dict[str, Any]:
    """Return `answer` for plain values; for a worker process."""
    component = read_component(kind, block)
    assert isinstance(component, Module | Head)
    return answer(component, inputs_from_plain(inputs), None if output is None else shape_from_plain(output))


def answer(component: Node, inputs: Inputs, output: Shape | None) -> dict[str, Any]:
    """Return as plain values what `run` gives: `problem`, or outputs, costs and layers."""
    measured = run_on_meta(component, inputs, output)
    if isinstance(measured, Problem):
        stated = {"code": measured.code, "title": measured.title, "label": measured.label}
        return {"problem": stated | {"notes": list(measured.notes), "helps": list(measured.helps)}}
    return {
        "outputs": {
            name: [shape.layout, list(shape.dims), shape.dtype] for name, shape in measured.outputs.items()
        },
        "costs": list(measured.costs),
        "layers": [layer.model_dump(mode="json") for layer in measured.layers],
        "left_out": list(measured.left_out),
        "batch_norm_values": measured.batch_norm_values,
    }


def inputs_from_plain(inputs: dict[str, list[list[Any]]]) -> Inputs:
    """Return shapes by port that went to a worker as lists."""
    return {port: tuple(shape_from_plain(item) for item in items) for port, items in inputs.items()}


def shape_from_plain(item: list[Any]) -> Shape:
    """Return a shape that went to a worker as a list."""
    layout, dims, dtype, classes = item
    return Shape(layout, tuple(dims), dtype, classes)


def run_on_meta(component: Node, inputs: Inputs, output: Shape | None = None) -> Trial | Problem:
    """Return what the real module gives for `inputs`, or why it refuses them."""
    shapes = [shape for port in component.ports for shape in inputs.get(port.name, ())]
    try:
        first = _attempt(component, inputs, output, [_fill(shape, 0) for shape in shapes])
        if all(shape.numel is not None for shape in shapes):
            outputs = _shapes(component, first, first)
            return Trial(outputs, _costs(first), first.layers, first.left_out, first.batch_norm_values)
        second = _attempt(component, inputs, output, [_fill(shape, 1) for shape in shapes])
    except ProblemError as error:
        return error.problem
    except RefusedError as error:
        refusal = _refusal(component, shapes, str(error))
        problem = user_code.user_code_problem(error.__cause__) if error.__cause__ else None
        return replace(problem, at="file") if problem and refusal.code == _UNREAD.code else refusal
    plain = tuple(layer.model_copy(update={"shape": None, "flops": None}) for layer in first.layers)
    return Trial(_shapes(component, first, second), Costs(first.parameters), plain)


def _attempt(
    component: Node, inputs: Inputs, output: Shape | None, shapes: Sequence[Shape]
) -> ForwardMeasure:
    """Measure on the meta device; if the module reads values in building, move it there; else run it."""
    for build_on, run_on in (("meta", "meta"), ("cpu", "meta"), ("cpu", "cpu")):
        try:
            return _measure(component, inputs, output, shapes, (build_on, run_on))
        except (ProblemError, RefusedError):
            raise
        except Exception as error:
            if run_on == "cpu" or not _meta_fault(error):
                raise RefusedError(_error_text(error)) from error
    raise AssertionError("the last attempt returns or raises")


def _measure(
    component: Node, inputs: Inputs, output: Shape | None, shapes: Sequence[Shape], devices: tuple[str, str]
) -> ForwardMeasure:
    import torch

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.device(devices[0]), _limit_layers():
            module = _build(component, inputs, output)
        with torch.device(devices[1]):
            return measure(module.to(devices[1]), [_tensor(shape) for shape in shapes])


@contextmanager
def _limit_layers() -> Iterator[None]:
    """Raise if more than `_MOST` layers are built: a trial must end, whatever a spec asks for."""
    from torch.nn.modules.module import register_module_module_registration_hook as watch

    counted = count(1)

    def see(*_: object) -> None:
        if next(counted) > _MOST:
            raise RefusedError(f"it has more than {_MOST:,} layers")

    handle = watch(see)
    try:
        yield
    finally:
        handle.remove()


def _build(component: Node, inputs: Inputs, output: Shape | None) -> nn.Module:
    if isinstance(component, Head):
        assert output is not None, "a head is built for an output"
        return component.build(inputs, output)
    plain = component.model_copy(update={"pretrained": False})
    return cast(Module, plain).build(inputs)


def _tensor(shape: Shape) -> torch.Tensor:
    import torch

    # Images may be stored as bytes, but modules get them as numbers.
    dtype = {"int64": torch.int64, "bool": torch.bool}.get(shape.dtype, torch.float32)
    return torch.zeros(BATCH, *(dim or 0 for dim in shape.dims), dtype=dtype)


def _fill(shape: Shape, which: int) -> Shape:
    axes = AXES[shape.layout]
    dims = tuple(
        _SIZES.get(axis, (16, 24))[which] if dim is None else dim
        for axis, dim in zip(axes, shape.dims, strict=True)
    )
    return shape._replace(dims=dims)


def _shapes(component: Node, first: ForwardMeasure, second: ForwardMeasure) -> Outputs:
    stated = component.stated_layouts()
    outputs: Outputs = {}
    for name, (dims, dtype) in first.outputs.items():
        if len(dims) >= len(_BY_RANK):
            raise RefusedError(
                f"output `{name}` has {len(dims)} axes besides the batch, at most 4 are supported"
            )
        others = second.outputs[name][0]
        both: tuple[Dim, ...] = tuple(a if a == b else None for a, b in zip(dims, others, strict=True))
        outputs[name] = Shape(stated.get(name, _BY_RANK[len(dims)]), both, cast(DType, dtype))
    return outputs


def _costs(measured: ForwardMeasure) -> Costs:
    return Costs(measured.parameters, measured.flops, measured.activation_bytes)


def _meta_fault(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, NotImplementedError) or any(
        word in text for word in ("meta", "item()", "data_ptr")
    )


def _error_text(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


class _Reading(NamedTuple):
    """What a library's words mean: all of `words` (each with alternatives) for inputs of one of `layouts`."""

    code: str
    layouts: tuple[Layout, ...]
    words: tuple[tuple[str, ...], ...]
    title: str
    label: str
    help: str


_READINGS = (
    _Reading(
        "SHP506",
        ("series",),
        (("kernel size", "too small"),),
        "{given} is too short for {named}",
        "too short",
        "use longer windows, or fewer or smaller layers",
    ),
    _Reading(
        "SHP508",
        (),
        (("channel",),),
        "{named} does not take the channels of {given}",
        "channels do not fit",
        "check the order of the axes: channels come first",
    ),
    _Reading(
        "SHP505",
        (),
        (("head",), ("divisible",)),
        "the attention heads of {named} do not divide its width",
        "does not divide",
        "choose a number of heads that divides it",
    ),
    _Reading(
        "SHP502",
        ("image", "video"),
        (("size", "height", "width", "shape"),),
        "{named} does not take the size of {given}",
        "size does not fit",
        "resize the images, or set the model's own size",
    ),
)
_UNREAD = _Reading(
    "SHP514",
    (),
    (),
    "{named} cannot be built or run on {given}",
    "refused",
    "check its arguments against its documentation",
)


def _refusal(component: Node, shapes: Sequence[Shape], words: str) -> Problem:
    """Return the problem that matches the library's message, which is its note."""
    layouts = {shape.layout for shape in shapes}
    reading = next((item for item in _READINGS if _means(item, layouts, words)), _UNREAD)
    title = reading.title.format(named=f"`{component.shown_name()}`", given=" and ".join(map(str, shapes)))
    return Problem(
        reading.code,
        title,
        label=reading.label,
        notes=(f"the library reports: {words}",),
        helps=(reading.help,),
    )


def _means(reading: _Reading, layouts: set[Layout], words: str) -> bool:
    lower = words.lower()
    # A type error mentions arguments, whatever their names are.
    fits = not lower.startswith("typeerror") and (not reading.layouts or bool(layouts & set(reading.layouts)))
    return fits and all(any(word in lower for word in options) for options in reading.words)
