"""The state of the global random generators, of one process and of several."""

from __future__ import annotations

import random

import numpy as np
import torch

from declare.nn.distributed.process_group import ProcessGroup
from declare.nn.state_tree import encode
from declare.runtime.checkpoint.state_tree import Randomness, Tree, decode


class Several(ProcessGroup):
    """A process of several; the others stand where this one stood, one draw further each."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    def all_gather_object(self, value: Tree) -> list[Tree]:  # type: ignore[override]
        """Return the states of processes that have drawn differently often."""
        others = []
        for _ in range(self.size - 1):
            draws()
            others.append(Randomness.state_dict(Alone()))
        return [value, *others]


class Alone(Randomness):
    """The generators as they are."""

    def __init__(self) -> None:
        self._world = ProcessGroup()


def draws() -> tuple[float, float, float]:
    """Return a number of each generator."""
    numpy = np.random.rand()  # noqa: NPY002 - what libraries draw from
    return random.random(), float(numpy), float(torch.rand(()))


def copied(tree: Tree) -> Tree:
    """Return a tree as a checkpoint would hold it."""
    tensors, skeleton = encode(tree, copy=True)
    found: Tree = decode(skeleton, tensors)
    return found


def test_a_process_alone_draws_on() -> None:
    """What is drawn after a restore is what would have been drawn."""
    part = Randomness(3)
    draws()
    saved = copied(part.state_dict())
    expected = [draws() for _ in range(3)]
    part.load_state_dict(saved)
    assert [draws() for _ in range(3)] == expected


def test_every_process_draws_on_from_where_it_stood() -> None:
    """Each gets its own state back, one that was not there that of another."""
    Randomness(3)
    expected = [draws() for _ in range(4)]
    saved = copied(Randomness(3, Several(0, 3)).state_dict())
    for rank in range(5):
        Randomness(7, Several(rank, 5)).load_state_dict(saved)
        assert draws() == expected[rank % 3]
