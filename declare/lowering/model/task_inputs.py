"""What a task shows the model if that is not what the batch holds: hidden parts, shifted tokens.

A task whose adapter has `mask_inputs` sees the batch its own way. What it replaces and adds travels in the batch
under `TASK:FIELD`, rows first, so that it is drawn once a step and cut into micro-batches with everything else.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from declare.contract.kinds.task import MasksInputs, TaskAdapter
from declare.lowering.model.graph import Batch

_KEPT = "="
Fields = Mapping[str, Tensor]
MaskInputs = Callable[[Fields, torch.Generator], dict[str, Tensor]]


class Views:
    """The views of the tasks that have one; `masking_tasks` names them."""

    def __init__(self, adapters: Mapping[str, TaskAdapter], datasets: Mapping[str, Sequence[str]]) -> None:
        self._mask_inputs: dict[str, MaskInputs] = {
            task: adapter.mask_inputs
            for task, adapter in adapters.items()
            if isinstance(adapter, MasksInputs)
        }
        self._datasets = datasets
        self.masking_tasks = tuple(self._mask_inputs)

    def with_views(self, batch: Batch, seed: int) -> Batch:
        """Return a batch that holds every view, drawn by `seed`; a batch that holds them already as it is."""
        if not self._mask_inputs or _holds(batch, self.masking_tasks):
            return batch
        viewed = dict(batch)
        for index, task in enumerate(self.masking_tasks):
            for number, dataset in enumerate(self._datasets[task]):
                if dataset in batch:
                    key = (seed + 1_000_003 * index + 10_007 * number) % 2**63
                    viewed[dataset] = {
                        **viewed[dataset],
                        **self.draw_view(task, batch[dataset], key),
                    }
        return viewed

    def draw_view(self, task: str, fields: Fields, seed: int) -> dict[str, Tensor]:
        """Return what one view adds to the rows of a dataset."""
        device = next(iter(fields.values())).device
        generator = torch.Generator(device).manual_seed(seed)
        return {f"{task}:{name}": value for name, value in self._mask_inputs[task](fields, generator).items()}


def model_view(task: str, fields: Fields) -> Fields:
    """Return the rows of a dataset as a task shows them to the model."""
    view = _fields_of_task(task, fields)
    return {**fields, **view} if view else fields


def target_view(task: str, fields: Fields) -> Fields:
    """Return the rows of a dataset as targets are taken from them: as the view found them, with what it adds."""
    view = _fields_of_task(task, fields)
    return {**view, **fields, **_fields_of_task(task, fields, _KEPT)} if view else fields


def original_fields(tasks: Sequence[str], fields: Fields) -> dict[str, Tensor]:
    """Return the fields that views of tasks stand for, under names that `known` reads.

    For what changes a batch after views were drawn: a view and its target stay of one sample.
    """
    return {
        f"{task}{_KEPT}{name}": fields[name]
        for task in tasks
        for name in _fields_of_task(task, fields)
        if name in fields
    }


def _fields_of_task(task: str, fields: Fields, mark: str = ":") -> dict[str, Tensor]:
    start = f"{task}{mark}"
    return {name[len(start) :]: value for name, value in fields.items() if name.startswith(start)}


def _holds(batch: Batch, tasks: Sequence[str]) -> bool:
    starts = tuple(f"{task}:" for task in tasks)
    return any(name.startswith(starts) for fields in batch.values() for name in fields)
