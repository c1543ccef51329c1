"""Measuring a real module: outputs, parameters, FLOPs, activation bytes and a table of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from declare.ir.plan import LayerPlan

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 2  # with one sample the batch axis looks like an axis of size 1


class ForwardMeasure(NamedTuple):
    """Results of a forward pass, per sample; output shapes are without the batch axis, with their dtype."""

    outputs: dict[str, tuple[tuple[int, ...], str]]
    parameters: int
    flops: int
    activation_bytes: int
    layers: tuple[LayerPlan, ...]
    left_out: tuple[float, ...] = ()
    """The largest fraction of each axis after batch and channels that some layer leaves over."""
    batch_norm_values: int | None = None
    """The values of one sample, for each channel, of the batch norm that sees the fewest; None without one."""


def measure(module: nn.Module, tensors: Sequence[Tensor]) -> ForwardMeasure:
    """Return what `module` (in evaluation mode) does with `tensors` [2, ...]; raises what the module raises.

    The module is used up: it no longer wants gradients. Layers are those of `named_modules`, a container
    with the sums of its parts. Activation bytes are those of the outputs of all layers without parts, in
    fp32, in-place and reshaping ones left out.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shapes: dict[str, tuple[int, ...] | None] = {}
    written: dict[str, int] = {}
    rests: dict[int, float] = {}
    normed: list[int] = []
    with ExitStack() as stack:
        for name, part in module.named_modules():
            handle = part.register_forward_hook(_Recorder(name, shapes, written, rests))
            stack.callback(handle.remove)
        counter = stack.enter_context(FlopCounterMode(display=False, depth=999))
        stack.enter_context(torch.no_grad())
        stack.enter_context(_batch_norms(normed))
        # torch's counter trips over parameters that are inputs of parts while they want gradients.
        result = module.requires_grad_(requires_grad=False).eval()(*tensors)
    flops = {key.partition(".")[2]: sum(value.values()) for key, value in counter.get_flop_counts().items()}
    return ForwardMeasure(
        dict(_outputs(result)),
        sum(weight.numel() for weight in module.parameters()),
        counter.get_total_flops() // BATCH,
        sum(written.values()) * 4 // BATCH,
        tuple(_layers(module, shapes, flops)),
        tuple(rests.get(axis, 0.0) for axis in range(max(rests, default=-1) + 1)),
        min(normed, default=None),
    )


def _batch_norms(normed: list[int]) -> AbstractContextManager[Any]:
    """Return a context in which each call of a batch norm adds the values of one sample that a channel has there."""
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    class Noting(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is functional.batch_norm:
                values = args[0]
                normed.append(values.numel() // (values.shape[1] * BATCH))
            return function(*args, **(kwargs or {}))

    return Noting()


class _Recorder:
    """A forward hook that notes the output's shape and, for layers without parts, its elements."""

    def __init__(
        self,
        name: str,
        shapes: dict[str, tuple[int, ...] | None],
        written: dict[str, int],
        rests: dict[int, float],
    ) -> None:
        self.name, self.shapes, self.written, self.rests = name, shapes, written, rests

    def __call__(self, module: nn.Module, inputs: Any, result: Any) -> None:
        from torch import nn

        for axis, share in _stateless_flops(module, inputs):
            self.rests[axis] = max(share, self.rests.get(axis, 0.0))

        tensors = list(_tensors(result))
        first = tuple(tensors[0].shape) if tensors else ()
        self.shapes.setdefault(self.name, first[1:] if first[:1] == (BATCH,) else None)
        views = nn.Identity | nn.Flatten | nn.Unflatten
        if (
            next(module.children(), None) is None
            and not isinstance(module, views)
            and not getattr(module, "inplace", False)
        ):
            self.written[self.name] = self.written.get(self.name, 0) + sum(
                tensor.numel() for tensor in tensors
            )


def _stateless_flops(module: nn.Module, inputs: Any) -> Iterator[tuple[int, float]]:
    """Yield the fraction of each spatial axis that a layer with a stride drops at its end, padding excluded."""
    from torch import nn

    kinds = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d
    kinds |= nn.AvgPool1d | nn.AvgPool2d | nn.AvgPool3d
    padding = getattr(module, "padding", 0)
    if not isinstance(module, kinds) or getattr(module, "ceil_mode", False) or isinstance(padding, str):
        return
    sizes = next(_tensors(inputs)).shape[2:]
    settings = (
        _per_axis(getattr(module, name, 1), len(sizes)) for name in ("kernel_size", "stride", "dilation")
    )
    for axis, (size, kernel, stride, spread, edge) in enumerate(
        zip(sizes, *settings, _per_axis(padding, len(sizes)), strict=True)
    ):
        rest = (size + 2 * edge - spread * (kernel - 1) - 1) % stride - edge
        # A stride beyond the kernel skips places on purpose, as shortcuts do.
        if rest > 0 and kernel >= stride:
            yield axis, rest / size


def _per_axis(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (int(value),) * count


def _tensors(value: Any) -> Iterator[Tensor]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _outputs(result: Any) -> Iterator[tuple[str, tuple[tuple[int, ...], str]]]:
    import torch

    named = result if isinstance(result, Mapping) else {"output": result}
    for name, tensor in named.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"output `{name}` is a {type(tensor).__name__}, not a tensor")
        if tensor.shape[:1] != (BATCH,):
            raise ValueError(
                f"output `{name}` has shape {list(tensor.shape)} for a batch of {BATCH}: samples come first"
            )
        dtype = str(tensor.dtype).removeprefix("torch.")
        yield (
            str(name),
            (tuple(tensor.shape[1:]), dtype if dtype in {"int64", "uint8", "bool"} else "float32"),
        )


def _layers(
    module: nn.Module, shapes: Mapping[str, tuple[int, ...] | None], flops: Mapping[str, int]
) -> Iterator[LayerPlan]:
    for name, part in module.named_modules():
        if name:
            yield LayerPlan(
                name=name,
                type=type(part).__name__,
                shape=shapes.get(name),
                parameters=sum(weight.numel() for weight in part.parameters()),
                flops=_flops(part, name, flops) // BATCH,
            )


def _flops(part: nn.Module, name: str, counted: Mapping[str, int]) -> int:
    """Return the FLOPs of a layer; a container whose parts are called one by one has theirs."""
    if name in counted:
        return counted[name]
    return sum(_flops(child, f"{name}.{inner}", counted) for inner, child in part.named_children())
