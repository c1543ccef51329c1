"""The contents of weight files, from their headers only: needs no torch, and reads no tensor."""

from pathlib import Path
from typing import Any

from declare.nn.pickle_headers import read_pickle_header
from declare.nn.safetensors_header import UnreadableError, read_header
from declare.nn.weight_index import is_index, read_indexed

__all__ = ["UnreadableError", "read_facts"]


def read_facts(path: Path) -> Any:
    """Return what a file of weights holds, with `TensorFacts` in place of its tensors.

    Takes `.safetensors` files, files of `torch.save`, and the `.index.json` of several of them. Raises
    `FileNotFoundError`, or `UnreadableError` for all else that keeps it from being read.
    """
    try:
        if path.is_dir():
            raise UnreadableError("it is a folder: name the file in it")
        if is_index(path):
            return read_indexed(path, read_facts)
        return read_header(path) if path.suffix == ".safetensors" else read_pickle_header(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(error.strerror or "it cannot be read") from error
