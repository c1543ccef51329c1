"""Memory of attention: scores are kept with dropout alone."""

from __future__ import annotations

import pytest
import torch

from declare.contract.shapes import Shape
from declare.parsing import parser

SERIES, TEXT = Shape("series", (2, 200)), Shape("tokens", (200,), "int64", 5)
BLOCKS = {"dim": 8, "heads": 4, "depth": 1}
MODULES = {
    "transformer": ({"patch": 1}, {"input": (SERIES,)}),
    "series_patch": ({"patch": 1}, {"input": (SERIES,)}),
    "transformer_decoder": ({}, {"tokens": (TEXT,), "memory": (Shape("sequence", (200, 8)),)}),
}


def kept_bytes(module: torch.nn.Module, *inputs: torch.Tensor) -> int:
    """Return what a forward pass keeps for the backward pass."""
    sizes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = module(*inputs)
    assert kept
    return sum(sizes.values())


@pytest.mark.parametrize("name", MODULES)
def test_scores_count_where_they_are_kept(name):
    """What dropout adds to the stated activations of one sample is what it adds to those of the real module."""
    more, inputs = MODULES[name]
    stated, real = [], []
    for dropout in (0.0, 0.1):
        block = {"type": name, "input": "x", "dropout": dropout} | BLOCKS | more
        component = parser.parse("modules", block)
        stated.append(component.costs(inputs).activation_bytes)
        values = [
            torch.zeros(1, *shape.dims, dtype=getattr(torch, shape.dtype))
            for shapes in inputs.values()
            for shape in shapes
        ]
        real.append(kept_bytes(component.build(inputs).train(), *values))
    assert stated[1] - stated[0] == pytest.approx(real[1] - real[0], rel=0.25)
