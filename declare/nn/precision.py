"""Number types of sums and counts. Shapes: any."""

import torch
from torch import Tensor


def to_double(values: Tensor) -> Tensor:
    """Return values in double precision, on the CPU where the device has none (Apple's GPUs)."""
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
