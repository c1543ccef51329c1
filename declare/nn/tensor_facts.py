"""What is known of a tensor in a file without reading it: shape and type of its numbers."""

from typing import NamedTuple

_KINDS = {
    **dict.fromkeys(("F64", "F32", "F16", "BF16"), "floating"),
    **dict.fromkeys(("C128", "C64", "C32"), "complex"),
    **dict.fromkeys(("I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"), "whole"),
}
_TORCH = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "complex128": "C128",
    "complex64": "C64",
    "complex32": "C32",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}


class TensorFacts(NamedTuple):
    """Shape of a tensor, and the type of its numbers as safetensors calls it (`F32`)."""

    shape: tuple[int, ...]
    dtype: str

    def can_fill(self, other: "TensorFacts") -> bool:
        """Return whether numbers of this type mean the same in a tensor of the other's type.

        Floats of any width of 16 bits and more do, and integers among themselves. Quantised numbers (8 bits and
        fewer) are something else without their scales.
        """
        kind, other_kind = _KINDS.get(self.dtype), _KINDS.get(other.dtype)
        return self.dtype == other.dtype or (kind is not None and kind == other_kind)


def dtype_of(torch_name: str) -> str:
    """Return what safetensors calls a type of torch: `torch.float32` is `F32`; unknown ones keep their name."""
    name = torch_name.removeprefix("torch.")
    return _TORCH.get(name, name)
