"""Tensors to safetensors files, one tensor at a time and hashed on the way, so that memory never doubles.

The format (https://github.com/huggingface/safetensors): eight bytes of header length, a JSON header, the
raw data.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from declare.contract import strict_json
from declare.runtime.run_folder.durable_io import HashedFile

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_CHUNK = 1 << 26


def write_tensors(
    file: HashedFile, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None
) -> None:
    """Write named CPU tensors in the safetensors format; `about` are texts that go with them."""
    header: dict[str, object] = {"__metadata__": dict(about)} if about else {}
    offset = 0
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = strict_json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for tensor in tensors.values():
        if tensor.numel():
            data = memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
            for start in range(0, len(data), _CHUNK):
                file.write(data[start : start + _CHUNK])


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def tensor_bytes(tensors: Mapping[str, Tensor]) -> int:
    """Return how many bytes the tensors hold."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
