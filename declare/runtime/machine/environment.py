"""The machine under a run: what it is, and how the process is set up on it."""

import ctypes
import os
import platform
from functools import cache

import torch

from declare import __version__
from declare.ir.plan import HardwarePlan

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_GIB = 1 << 30


@cache
def facts() -> dict[str, str]:
    """Return the software and machine facts for the record of the run."""
    return {
        "declare": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
    }


def configure_torch(hardware: HardwarePlan, device: torch.device | None = None) -> None:
    """Set the process up for training: the allocator, its limit, and exact arithmetic if the spec asks for it."""
    keep_freed_memory()
    if device is not None and device.type == "cuda" and hardware.memory_limit_bytes:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, hardware.memory_limit_bytes / total), device)
    if hardware.determinism == "exact":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(mode=True)
        torch.backends.cudnn.benchmark = False


def keep_freed_memory() -> None:
    """Set glibc to keep large blocks: requesting them from the kernel for each step costs up to a seventh."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, _GIB)
    libc.mallopt(_M_TRIM_THRESHOLD, _GIB)
