"""Inputs of one, two or three steps or pixels: refused without torch, or computed, by every module and head."""

from __future__ import annotations

import pytest
import torch

from declare.contract.kinds.module import Head
from declare.contract.problem import Problem
from declare.contract.shapes import AXES, Shape
from tests.components.conformance import Case, classes, fitting
from tests.components.laws.test_neighbours import FOREIGN, _nodes

KEPT = {"channels", "features", "classes", "units"}


def tiny(shape: Shape, size: int) -> Shape:
    """Return a shape with every axis of steps or pixels at a size."""
    axes = zip(AXES[shape.layout], shape.dims, strict=True)
    return shape._replace(dims=tuple(dim if axis in KEPT else size for axis, dim in axes))


def outputs(size: int):
    """Return what tasks may ask a head for, of inputs of a size."""
    steps = Shape("sequence", (size, 3)), Shape("series", (2, size)), Shape("image", (3, size, size))
    return Shape("vector", (4,)), Shape("number", ()), *steps


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, item.type_name())
        for kind in ("modules", "heads")
        for item in classes(kind)
        if item.type_name() not in FOREIGN
    ],
)
def test_what_is_not_refused_is_computed(kind, name):
    """Nothing is shortened or halved down to nothing: real outputs have the shapes that were worked out."""
    for size in (1, 2, 3):
        for node in _nodes(kind, name):
            for output in outputs(size) if isinstance(node, Head) else (None,):
                for case in fitting(node, output):
                    inputs = {
                        port: tuple(tiny(item, size) for item in own) for port, own in case.inputs.items()
                    }
                    is_computed(case._replace(inputs=inputs))


def is_computed(case: Case) -> None:
    """A batch of two goes through, in evaluation and in training, or the inputs are refused."""
    stated = case.infer()
    if isinstance(stated, Problem):
        return
    module = case.build()
    for training in (False, True):
        with torch.no_grad():
            found = module.train(training)(*case.tensors())
        found = found if isinstance(found, dict) else {next(iter(stated)): found}
        shapes = {name: tuple(value.shape[1:]) for name, value in found.items()}
        assert shapes == {name: shape.dims for name, shape in stated.items()}, case.title
        assert all(0 not in dims for dims in shapes.values()), case.title
