"""The gradients of tasks one by one, over micro-batches, and what they are on shared parameters."""

from collections.abc import Sequence

import torch
from torch import Tensor

from declare.nn.distributed.process_group import ProcessGroup, fill_missing_gradients


class Gradients:
    """Gradients [task][parameter]; rows after the tasks hold what belongs to none (penalties)."""

    def __init__(self, parameters: Sequence[Tensor], num_tasks: int) -> None:
        self._parameters = [item for item in parameters if item.requires_grad]
        self._num_tasks = num_tasks
        self._gradients: list[list[Tensor | None]] = [
            [None] * len(self._parameters) for _ in range(num_tasks + 1)
        ]

    def add(self, row: int, loss: Tensor, *, last: bool) -> None:
        """Add the gradients of `loss`, a scalar, to a row; `last` frees its graph."""
        new = torch.autograd.grad(loss, self._parameters, retain_graph=not last, allow_unused=True)
        task_gradients = self._gradients[row]
        for index, gradient in enumerate(new):
            if gradient is not None:
                old = task_gradients[index]
                task_gradients[index] = gradient if old is None else old + gradient

    def average(self, world: ProcessGroup) -> None:
        """Put the mean over processes in the place of every gradient."""
        self._gradients = [fill_missing_gradients(row, self._parameters, world) for row in self._gradients]
        world.all_reduce_mean([item for row in self._gradients for item in row if item is not None])

    def _stack(self, index: int) -> Tensor | None:
        """Return the tasks' gradients [tasks, size] of a parameter; None if fewer than two reach it."""
        column = [self._gradients[task][index] for task in range(self._num_tasks)]
        if sum(item is not None for item in column) < 2:
            return None
        empty = torch.zeros_like(self._parameters[index])
        return torch.stack([(empty if item is None else item).flatten() for item in column])

    def products(self) -> Tensor:
        """Return the inner products [tasks, tasks] of gradients over the parameters that tasks share."""
        device = self._parameters[0].device if self._parameters else None  # all may be frozen
        products = torch.zeros(self._num_tasks, self._num_tasks, dtype=torch.float64, device=device)
        for index in range(len(self._parameters)):
            stack = self._stack(index)
            if stack is not None:
                products += (stack @ stack.T).double()
        return products

    def write(self, factors: Tensor | None) -> None:
        """Put the sum of all rows into the parameters, tasks times `factors` [tasks] if they share one."""
        for index, parameter in enumerate(self._parameters):
            stack = None if factors is None else self._stack(index)
            rows = [
                row[index]
                for row in (self._gradients if stack is None else self._gradients[self._num_tasks :])
            ]
            gradients = [item for item in rows if item is not None]
            if stack is not None and factors is not None:
                gradients.append((factors.to(stack.dtype) @ stack).view_as(parameter))
            if gradients:
                parameter.grad = gradients[0] if len(gradients) == 1 else torch.stack(gradients).sum(0)
