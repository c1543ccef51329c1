"""The losses of one task on outputs of its head, and the penalties on parameters: the terms of an objective."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from declare.contract.kinds.task import Target, TaskAdapter
from declare.ir.plan import TaskPlan
from declare.lowering.model.loss_shapes import shape_mismatch, target_sizes
from declare.nn.distributed.all_gather_rows import all_gather_rows
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.nn.losses.shapes import ShapeMismatchError
from declare.nn.losses.summed_loss import SummedLoss
from declare.parsing.read_component import read_component

Weight = Tensor | float


class TaskLosses(nn.Module):
    """The losses of one task on outputs of its head. `loss_weights` are their weights inside the task.

    If each dataset has its own head, `of(dataset)` gives its losses, else these. A loss that compares rows
    sees those of all processes in `world`.
    """

    def __init__(
        self, task: TaskPlan, target: Target | None = None, world: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        super().__init__()
        self._world = world
        target = target or task.target
        self.adapter: TaskAdapter = read_component("tasks", task.block).build(target)
        if self.adapter.module is not None:
            self.buffers_of_task = self.adapter.module
        components = [read_component("losses", loss.block) for loss in task.losses]
        self.summed_losses: list[SummedLoss] = [component.build(target) for component in components]
        self.losses = nn.ModuleList(self.summed_losses)
        self.loss_weights = [loss.weight for loss in task.losses]
        self.names = [loss.name for loss in task.losses]
        self._target = target
        self.components = components
        targets = task.targets if target is task.target else {}
        self._losses_by_dataset = {
            name: TaskLosses(task, item, world) for name, item in targets.items() if item is not task.target
        }
        # Named by number: datasets may have names that modules have already.
        self.losses_of_datasets = nn.ModuleList(self._losses_by_dataset.values())

    @property
    def needs_all_rows(self) -> bool:
        """Return whether some loss compares the rows of a batch."""
        return any(loss.needs_all_rows for loss in self.summed_losses)

    def of(self, dataset: str) -> "TaskLosses":
        """Return the losses in one dataset."""
        return self._losses_by_dataset.get(dataset, self)

    def forward(self, output: Tensor, target: Tensor) -> list[tuple[Tensor, Weight]]:
        """Return (sum, weight) of each loss."""
        return [loss(self._rows(loss, output), self._rows(loss, target)) for loss in self.summed_losses]

    def check(self, name: str, output: Tensor, target: Tensor) -> None:
        """Raise `ProblemError` (LOS432) if an output and a target of the task `name` do not go together.

        Asked once, of the first real tensors: it may wait for the device.
        """
        dims = tuple(output.shape[1:])
        task_target = self._target.model_copy(update={"output": self._target.output._replace(dims=dims)})
        for component, loss in zip(self.components, self.summed_losses, strict=True):
            try:
                loss.check(output, target, target_sizes(component, task_target, target))
            except ShapeMismatchError as error:
                raise shape_mismatch(name, f"`{component.type_name()}`", error) from error

    def count(self, target: Tensor) -> list[Weight]:
        """Return the weight of each loss, known from the target alone."""
        return [loss.count(self._rows(loss, target)) for loss in self.summed_losses]

    def _rows(self, loss: SummedLoss, values: Tensor) -> Tensor:
        """Return the rows that a loss wants to see: its own process's, or all."""
        return all_gather_rows(values, self._world) if loss.needs_all_rows else values


class Penalty(nn.Module):
    """A regularizer on the parameters whose names match its pattern."""

    def __init__(self, block: Mapping[str, object], graph: nn.Module) -> None:
        super().__init__()
        component = read_component("regularizers", block)
        self.rule: Any = component.build()
        # In a plain list: the parameters belong to the graph.
        self._parameters_of_graph = [
            item for name, item in graph.named_parameters() if fnmatchcase(name, component.match)
        ]

    def forward(self) -> Tensor:
        """Return the unweighted penalty."""
        return self.rule(self._parameters_of_graph)
