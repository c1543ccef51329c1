"""The spec requests devices that this machine lacks; it may be meant for another machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

from declare.contract.problem import Problem
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "HW709"
STAGE = "hardware"

# The driver lists its devices here, so that counting them needs neither torch nor a context on the device.
_NVIDIA = Path("/proc/driver/nvidia/gpus")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem if the accelerator or the number of devices is not available."""
    kind = get(view.spec, "hardware", "accelerator")
    if kind not in {"cuda", "mps"}:
        return
    stated = get(view.spec, "hardware", "devices")
    num_asked = stated if isinstance(stated, int) else 1
    num_devices = _count(kind)
    if num_devices is None or num_asked <= num_devices:
        return
    path = "hardware.devices" if isinstance(stated, int) else "hardware.accelerator"
    devices = "device" if num_asked == 1 else "devices"
    yield Problem(
        CODE,
        f"the spec requests {num_asked} {kind} {devices}, but this machine has {num_devices}",
        at=path,
        label="cannot start on this machine",
        also={"hardware.accelerator": f"{kind} is requested here"} if path != "hardware.accelerator" else {},
        helps=("use `accelerator: auto` and `devices: auto` to use what is available",),
    )


def _count(kind: str) -> int | None:
    """Return the number of devices, or None if only torch can determine it."""
    if kind == "mps":
        return None if sys.platform == "darwin" else 0
    if sys.platform != "linux":
        return None
    return sum(1 for _ in _NVIDIA.iterdir()) if _NVIDIA.is_dir() else 0
