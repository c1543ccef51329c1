"""Number types of sums and counts. Shapes: any."""

from functools import lru_cache

import torch
from torch import Tensor


def to_double(values: Tensor) -> Tensor:
    """Return values in double precision, on the CPU if the device has none (Apple's GPUs)."""
    return values.cpu().double() if values.device.type == "mps" else values.double()


def widest(values: Tensor) -> Tensor:
    """Return values in the highest precision that their device has."""
    return values.float() if values.device.type == "mps" else values.double()


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """Return values on a device, in single precision if it has no double."""
    if device.type == "mps" and values.dtype == torch.float64:
        values = values.float()
    return values.to(device)


def at_least_single(values: Tensor) -> Tensor:
    """Return values in single precision, or in double if they are so already."""
    return values if values.dtype == torch.float64 else values.float()


def constants(values: tuple[float, ...], like: Tensor) -> Tensor:
    """Return numbers as a tensor [number] of the type and on the device of `like`, made once."""
    return _tensor_of(values, like.dtype, like.device)


@lru_cache(maxsize=256)
def _tensor_of(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)
