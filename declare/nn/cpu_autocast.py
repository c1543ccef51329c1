"""Autocast on a CPU: convolutions and LSTM layers that oneDNN's kernels of 16 bits compute wrongly or not at all.

Convolutions over maps that are smaller than their kernel or stride are done in fp32. Input x[B, C, *map], output
y[B, D, *map] in autocast's type, whatever it was computed in. The kernels of 16 bits for such maps read and write
outside of their buffers (torch 2.11 to 2.14): gradients of weights and biases are other ones each time, NaN, or the
process ends. A kernel counts as large as it reaches: dilation * (kernel - 1) + 1; of a transposed convolution the map
is the smaller one of its input and its output.

LSTM layers in fp16 are done by torch's own operations: oneDNN has no kernel for them ("could not create a primitive
descriptor"). Inputs and outputs as those of `torch.lstm`.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Ints = int | Sequence[int]
Operation = Callable[..., Tensor]
_KEY = "AutocastCPU"
_PLAIN: tuple[Any, ...] = (None, 1, 0, 1, 1)
_TRANSPOSED: tuple[Any, ...] = (None, 1, 0, 0, 1, 1)


@cache
def guard_cpu_autocast() -> torch.library.Library:
    """Let all convolutions and LSTM layers of this process that run under a CPU's autocast take care, no others.

    Functional ones and those of libraries are meant too: autocast's own kernels are replaced.
    """
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        # Once in a process torch warns that it had a kernel there; later versions do not.
        warnings.filterwarnings("ignore", ".*other operators may also be overridden", UserWarning)
        for dims in (1, 2, 3):
            plain = partial(_convolve, getattr(functional, f"conv{dims}d"), dims)
            library.impl(f"conv{dims}d", plain, _KEY)
            library.impl(f"conv{dims}d.padding", plain, _KEY)
            name = f"conv_transpose{dims}d" + (".input" if dims > 1 else "")
            library.impl(name, partial(_transpose, getattr(functional, f"conv_transpose{dims}d"), dims), _KEY)
    for name in ("input", "data"):
        lstm = partial(_run_lstm, getattr(torch.ops.aten.lstm, name))
        library.impl(f"lstm.{name}", lstm, _KEY, with_keyset=True)
    return library


def _convolve(operation: Operation, dims: int, x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
    """Convolve; `rest` are bias, stride, padding, dilation and groups, without defaults."""
    bias, stride, padding, dilation, groups = (*rest, *_PLAIN[len(rest) :])
    reach = _reach(weight, dilation, stride, dims)
    small = any(size < extent for size, extent in zip(x.shape[-dims:], reach, strict=True))
    return _run(operation, (x, weight, bias), (stride, padding, dilation, groups), small=small)


def _transpose(operation: Operation, dims: int, x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
    """Do the same transposed; `rest` are bias, stride, padding, output padding, groups and dilation."""
    bias, stride, padding, more, groups, dilation = (*rest, *_TRANSPOSED[len(rest) :])
    kernels = _reach(weight, dilation, 1, dims)
    sizes, reach = x.shape[-dims:], _reach(weight, dilation, stride, dims)
    spread = (_per_axis(item, dims) for item in (stride, padding, more))
    small = any(
        min(size, (size - 1) * step - 2 * cut + out + kernel) < extent
        for size, extent, kernel, step, cut, out in zip(sizes, reach, kernels, *spread, strict=True)
    )
    return _run(operation, (x, weight, bias), (stride, padding, more, groups, dilation), small=small)


def _run(
    operation: Operation, tensors: Iterable[Tensor | None], rest: tuple[Any, ...], *, small: bool
) -> Tensor:
    """Do what autocast would do, but for small maps in fp32."""
    half = torch.get_autocast_dtype("cpu")
    with torch.autocast("cpu", enabled=False):
        output = operation(*(_cast(item, torch.float32 if small else half) for item in tensors), *rest)
        return _cast(output, half)


def _run_lstm(operation: Any, keys: Any, *args: Any) -> Any:
    """Go on below autocast, which the operations that a layer consists of meet again."""
    enabled = torch._C._get_mkldnn_enabled()  # noqa: SLF001
    # `torch.backends.mkldnn.flags` would do, but warns of GPUs.
    torch._C._set_mkldnn_enabled(enabled and torch.get_autocast_dtype("cpu") != torch.float16)  # noqa: SLF001
    try:
        return operation.redispatch(keys.remove(torch._C.DispatchKey.AutocastCPU), *args)  # noqa: SLF001
    finally:
        torch._C._set_mkldnn_enabled(enabled)  # noqa: SLF001


def _cast(tensor: Any, dtype: torch.dtype) -> Any:
    """Return a tensor in another type, as autocast does: float64 and tensors that are not floats are unchanged."""
    if tensor is None or not tensor.is_floating_point() or tensor.dtype == torch.float64:
        return tensor
    return tensor.to(dtype)


def _reach(weight: Tensor, dilation: Ints, stride: Ints, dims: int) -> list[int]:
    """Return how far a kernel reaches along each axis, at least as far as its next place."""
    spread = zip(weight.shape[-dims:], _per_axis(dilation, dims), _per_axis(stride, dims), strict=True)
    return [max(step * (size - 1) + 1, extent) for size, step, extent in spread]


def _per_axis(value: Ints, dims: int) -> Sequence[int]:
    """Return one value for each axis: torch takes one for all of them."""
    if isinstance(value, int):
        return [value] * dims
    return list(value) * dims if len(value) == 1 else value
