"""Number formats: what a phase's `precision` means on this device."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from declare.nn.cpu_autocast import guard_cpu_autocast
from declare.nn.distributed.dtensor import split_by_sharding

_LEAST_SCALE = 1e-4
"""Half precision cannot do with less: its smallest number is 6e-8."""
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The types of 16 bits by name."""


@dataclass
class Precision:
    """Autocasting and gradient scaling; both None if numbers stay as they are."""

    name: str
    device: torch.device
    autocast: torch.autocast | None
    scaler: "Scaler | None"


class Scaler(torch.amp.GradScaler):
    """torch's scaler of gradients, also if some parameters are held in shares and some whole.

    It counts the updates that it leaves out because a gradient is not finite.
    """

    _num_skipped: Tensor | int = 0

    def num_skipped(self) -> int:
        """Return how many updates were left out since the last call; waits for the device.

        Raises `FloatingPointError` if the scale has become so small that none will go through.
        """
        count, self._num_skipped = int(self._num_skipped), 0
        if count and self.get_scale() < _LEAST_SCALE:
            raise FloatingPointError
        return count

    def state_dict(self) -> dict[str, Any]:
        """Return torch's own state and the updates that were not asked for yet."""
        return super().state_dict() | {"missed": int(self._num_skipped)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a saved state."""
        super().load_state_dict(state_dict)
        self._num_skipped = int(state_dict.get("missed", 0))

    def _unscale_grads_(
        self, optimizer: Any, inv_scale: Tensor, found_inf: Tensor, allow_fp16: bool
    ) -> dict[torch.device, Tensor]:
        """Divide the gradients by the scale; return by device whether one of them is not finite."""
        found_inf_by_device: dict[torch.device, Tensor] = {}
        parameters = [item for group in optimizer.param_groups for item in group["params"]]
        for part in split_by_sharding(parameters):
            alike: Any = SimpleNamespace(param_groups=[{"params": part}])
            flags = super()._unscale_grads_(alike, inv_scale, found_inf.clone(), allow_fp16)
            found_inf_by_device |= {
                device: flag + found_inf_by_device.get(device, 0) for device, flag in flags.items()
            }
        for flag in found_inf_by_device.values():
            self._num_skipped = self._num_skipped + (flag > 0)
        return found_inf_by_device


def make_precision(name: str, device: torch.device) -> Precision:
    """Return what `name` (fp32, tf32, bf16, fp16) needs on `device`."""
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = name == "tf32"
    if name not in HALF:
        return Precision(name, device, None, None)
    if device.type == "cpu":
        guard_cpu_autocast()
    autocast = torch.autocast(device.type, dtype=HALF[name])
    scaler = Scaler(device.type) if name == "fp16" else None
    return Precision(name, device, autocast, scaler)


def fixed_precision(precision: str, device: torch.device) -> tuple[str, str] | None:
    """Return (precision, reason) if no measurement is needed to settle `precision`, else None."""
    if precision != "auto":
        return precision, "as stated in the spec"
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "the GPU computes in bf16"
        return "fp16", "the GPU has no bf16"
    if device.type != "cpu":
        return "fp32", f"nothing else is known to be safe on {device.type}"
    if not has_fast_bf16():
        return "fp32", "the CPU has neither AMX nor AVX512-bf16"
    return None


def is_slow(precision: str, device: torch.device) -> bool:
    """Whether `precision` is one that needs a GPU, on a CPU: a spec that leaves the device open may end there."""
    return precision == "fp16" and device.type == "cpu"


def has_fast_bf16() -> bool:
    """Whether the CPU multiplies bf16 matrices in hardware."""
    cpu = torch.cpu
    return bool(cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported())  # noqa: SLF001
