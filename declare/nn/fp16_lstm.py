"""LSTM layers in fp16 on a CPU: computed by torch's own operations, as oneDNN has no kernel for them.

Input x[B, T, C] or packed, states and weights as `torch.lstm` takes them; outputs as without this file. Source:
oneDNN refuses to make the primitive ("could not create a primitive descriptor", torch 2.11 to 2.14).
"""

from functools import cache, partial
from typing import Any

import torch

_KEY = torch._C.DispatchKey.AutocastCPU  # noqa: SLF001


@cache
def guard_fp16_lstm() -> torch.library.Library:
    """Let all LSTM layers of this process that run under a CPU's autocast in fp16 do without oneDNN."""
    library = torch.library.Library("aten", "IMPL")
    for name in ("input", "data"):
        operation = getattr(torch.ops.aten.lstm, name)
        library.impl(f"lstm.{name}", partial(_run, operation), "AutocastCPU", with_keyset=True)
    return library


def _run(operation: Any, keys: Any, *args: Any) -> Any:
    """Go on below autocast, which the operations that a layer consists of meet again."""
    enabled = torch._C._get_mkldnn_enabled()  # noqa: SLF001
    # `torch.backends.mkldnn.flags` would do, but warns of GPUs.
    torch._C._set_mkldnn_enabled(enabled and torch.get_autocast_dtype("cpu") != torch.float16)  # noqa: SLF001
    try:
        return operation.redispatch(keys.remove(_KEY), *args)
    finally:
        torch._C._set_mkldnn_enabled(enabled)  # noqa: SLF001
