"""Micro-batches of a step: how its batch is cut."""

from collections.abc import Iterator, Mapping

from torch import Tensor

from declare.ir.micro_batches import bounds
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.step.interfaces import Batch


class BatchSplitter:
    """Cuts the batch of a step into `count` micro-batches, fewer if it has fewer groups of `group_size` rows."""

    def __init__(self, count: int, group_size: int, world: ProcessGroup) -> None:
        self._count, self._group_size, self._world = count, group_size, world

    def __call__(self, batch: Batch) -> list[Batch]:
        """Return the micro-batches: as many in all processes, as layers may wait for each other there."""
        if self._count == 1:
            return [batch]
        names = sorted(batch)
        rows = self._world.all_reduce_min(*(_num_rows(batch[name]) for name in names))
        counts = {
            name: len(bounds(count, self._count, self._group_size))
            for name, count in zip(names, rows, strict=True)
        }
        return list(split(batch, counts, self._group_size))


def split(batch: Batch, counts: Mapping[str, int], group_size: int = 1) -> Iterator[Batch]:
    """Yield a batch in micro-batches; each dataset's rows are divided evenly, into as many as `counts` states.

    Groups of `group_size` rows stay whole.
    """
    spans = {name: bounds(_num_rows(fields), counts[name], group_size) for name, fields in batch.items()}
    for index in range(max(map(len, spans.values()))):
        yield {
            dataset: {name: tensor[slice(*spans[dataset][index])] for name, tensor in fields.items()}
            for dataset, fields in batch.items()
            if index < len(spans[dataset])
        }


def count_rows(batch: Batch) -> int:
    """Return the number of samples in a batch."""
    return sum(map(_num_rows, batch.values()))


def _num_rows(fields: Mapping[str, Tensor]) -> int:
    return len(next(iter(fields.values())))
