"""Gradients of micro-batches are added up in one order, whichever process made them: always the same bits."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from declare.nn.distributed.process_group import ProcessGroup, fill_missing_gradients
from declare.runtime.step.interfaces import Batch, Objective
from declare.runtime.step.strategies.strategy import Strategy


class Tree:
    """Adds things up as they come, always two of equal size: the order follows from their number alone."""

    def __init__(self, add: Callable[[Any, Any], Any]) -> None:
        self._add = add
        self._sums: list[tuple[int, Any]] = []

    def add(self, value: Any) -> None:
        """Add one more."""
        size = 1
        while self._sums and self._sums[-1][0] == size:
            value = self._add(self._sums.pop()[1], value)
            size *= 2
        self._sums.append((size, value))

    def clear(self) -> None:
        """Reset the sum."""
        self._sums.clear()

    def pop_total(self) -> Any:
        """Return the sum and reset it."""
        _, value = self._sums.pop()
        while self._sums:
            value = self._add(self._sums.pop()[1], value)
        return value


class Exact(Strategy):
    """Keeps the gradient of each micro-batch apart, adds them up in a tree, and then those of all processes.

    Costs a gradient for each level of the tree, and sends whole gradients. Bits agree if the number of
    micro-batches and that of processes are powers of two.
    """

    def __init__(self, objective: Objective, world: ProcessGroup) -> None:
        super().__init__(objective, world)
        self._tree = Tree(_add_gradients)
        self.loss_scale = float(world.size)

    def reset(self) -> None:
        """Remove the state of a step that failed half way."""
        self._tree.clear()

    def local_denominators(self, batch: Batch, micro_batches: Sequence[Batch]) -> Tensor:
        """Return the sum of the denominators of its micro-batches, by the tree."""
        tree = Tree(torch.add)
        for micro_batch in micro_batches:
            tree.add(self.objective.denominators(micro_batch))
        denominators: Tensor = tree.pop_total()
        return denominators

    def reduce_denominators(self, denominators: Tensor) -> Tensor:
        """Return the sum over processes."""
        return _tree_all_reduce(self.world, denominators)

    def after_micro_batch(self, parameters: Sequence[Tensor]) -> None:
        """Put the gradient of a micro-batch into the tree."""
        self._tree.add([item.grad for item in parameters])
        for item in parameters:
            item.grad = None

    def reduce_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Put the sum over all micro-batches of all processes into the gradients."""
        gradients = fill_missing_gradients(self._tree.pop_total(), parameters, self.world)
        present = [gradient for gradient in gradients if gradient is not None]
        if self.world.size > 1 and present:
            flat = _tree_all_reduce(self.world, torch.cat([gradient.flatten() for gradient in present]))
            parts = flat.split([gradient.numel() for gradient in present])
            present = [part.view_as(gradient) for part, gradient in zip(parts, present, strict=True)]
        totals = iter(present)
        for item, gradient in zip(parameters, gradients, strict=True):
            item.grad = None if gradient is None else next(totals)


def _tree_all_reduce(world: ProcessGroup, value: Tensor) -> Tensor:
    """Return the sum over processes, by rank, in a tree."""
    tree = Tree(torch.add)
    for share in world.all_gather(value):
        tree.add(share)
    total: Tensor = tree.pop_total()
    return total


def _add_gradients(older: list[Tensor | None], newer: list[Tensor | None]) -> list[Tensor | None]:
    return [
        right if left is None else left if right is None else left + right
        for left, right in zip(older, newer, strict=True)
    ]
