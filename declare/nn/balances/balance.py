"""Losses of several tasks become one gradient: their sum, and what other ways of it have in common."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from declare.nn.balances.gradient_gate import Gate
from declare.nn.balances.gradients import Gradients
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup


class Balance(nn.Module):
    """The plain sum of losses [L].

    `task_indices` gives the task of each loss (the number of tasks if none), `loss_weights` its weight.

    A step calls `start_step` first, `forward` for the losses of each micro-batch, `backward` for the loss that it
    returns and `finish_step` when the gradients of the whole batch are complete. Every `watch` steps (0: never) the
    gradients of the tasks are taken one by one, and `readings` gets (step, products of the tasks' gradients on what
    they share). Losses and gradients of several processes are averaged; each of them does the same with the means.
    """

    task_indices: Tensor
    loss_weights: Tensor
    needs_per_task_gradients = False
    """Whether every step needs the gradients of the tasks one by one."""
    lr: float | None = None
    """The learning rate of its own parameters; None: that of the phase."""
    world: ProcessGroup = SINGLE_PROCESS

    def __init__(self, task_indices: Sequence[int], loss_weights: Sequence[float], num_tasks: int) -> None:
        super().__init__()
        self.num_tasks = num_tasks
        self.watch = 0
        self.readings: list[tuple[int, Tensor]] = []
        self.register_buffer("task_indices", torch.tensor(task_indices), persistent=False)
        self.register_buffer("loss_weights", torch.tensor(loss_weights), persistent=False)
        self._rows = max(task_indices) + 1
        self._gate = Gate(self._rows)
        self._gradients: Gradients | None = None

    def task_losses(self, terms: Tensor) -> Tensor:
        """Return the weighted loss of each task, then of all else [num_tasks + 1], from unweighted losses [L]."""
        empty = torch.zeros(self.num_tasks + 1, dtype=terms.dtype, device=terms.device)
        return empty.index_add(0, self.task_indices, terms * self.loss_weights.to(terms.dtype))

    def start_step(self, number: int, parameters: Sequence[Tensor]) -> None:
        """Start step `number` of a phase; parameters are of any shape."""
        self._number = number
        self._watching = self.watch > 0 and (number + 1) % self.watch == 0
        alone = self.needs_per_task_gradients or self._watching
        self._gradients = Gradients(parameters, self.num_tasks) if alone else None

    def forward(self, terms: Tensor) -> Tensor:
        """Return one loss, a scalar, from unweighted losses [L]."""
        factors = self.factors()
        losses = self.task_losses(terms)
        if factors is not None:
            losses = torch.cat([losses[:-1] * factors, losses[-1:]])
        return (losses if self._gradients is None else self._gate(losses)).sum()

    def factors(self) -> Tensor | None:
        """Return the current factor of each task [num_tasks]; None means 1."""
        return None

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss (a scalar) that `forward` gave, or of a sum of several."""
        if self._gradients is None:
            loss.backward()
            return
        for row in range(self._rows):
            self._gate.open_row(row)
            self._gradients.add(row, loss, last=row + 1 == self._rows)
        self._gate.all()

    def finish_step(self, terms: Tensor, scale: float, seed: int) -> Tensor | None:
        """Complete the gradients of a step; return a further term of its loss (a scalar), if any.

        `terms` are the unweighted losses of the whole batch; gradients are `scale` times their true value.
        """
        if self._gradients is None:
            return None
        self._gradients.average(self.world)
        products = self._gradients.products()
        if self._watching:
            self.readings.append((self._number, products / scale**2))
        self._gradients.write(self.task_factors(products, seed))
        self._gradients = None
        return None

    def task_factors(self, products: Tensor, seed: int) -> Tensor | None:
        """Return the factor of each task's gradient on shared parameters, from their products [tasks, tasks]."""
        return None

    def pop_gradient_stats(self, tasks: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
        """Return (step, `norms` by task, `cosines` by `TASK:TASK`) of every measurement, and forget them."""
        stats = [(number, _norms_and_cosines(products, tasks)) for number, products in self.readings]
        self.readings.clear()
        return stats

    _watching = False
    _number = 0


def _norms_and_cosines(products: Tensor, tasks: Sequence[str]) -> dict[str, Any]:
    """Return norms and cosines from inner products [tasks, tasks]; no cosine if a gradient is 0 or not finite."""
    values = products.tolist()
    norms = {task: max(values[index][index], 0.0) ** 0.5 for index, task in enumerate(tasks)}
    cosines = {}
    for row, task in enumerate(tasks):
        for column in range(row + 1, len(tasks)):
            size = norms[task] * norms[tasks[column]]
            if 0 < size < float("inf"):
                cosines[f"{task}:{tasks[column]}"] = values[row][column] / size
    return {"norms": norms, "cosines": cosines}
