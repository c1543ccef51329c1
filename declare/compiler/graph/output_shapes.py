"""What a head gives is compared with what a loss compares it with: no loss broadcasts."""

from collections.abc import Iterator, Sequence
from typing import Any

from declare.compiler.stages import LinkedSpec
from declare.contract.kinds.loss import Loss
from declare.contract.problem import Problem
from declare.contract.shapes import Dim
from declare.rules.spec_parts import LocatedBlock, dataset_place, task_datasets


def shape_mismatches(stage: LinkedSpec, task: LocatedBlock[Any], at: str, loss: Loss) -> Iterator[Problem]:
    """Yield (LOS432) if the target that a task takes has other sizes than its loss needs for the head's output."""
    for dataset in task_datasets(stage, task.block):
        target = stage.target(task.name, dataset)
        shape = stage.shapes.get(dataset, {}).get(task.block.target or "", target.output)
        taken, needed = task.block.target_dims(shape), loss.target_dims(target)
        if same_sizes(taken, needed):
            continue
        yield Problem(
            "LOS432",
            f"`{loss.type_name()}` needs targets {_sizes(needed)} for {target.output}, not {_sizes(taken)}",
            at=at,
            label="output and target do not go together",
            also={place: f"targets {_sizes(taken)}"} if (place := dataset_place(task, dataset)) != at else {},
            notes=(f"without the batch: `{task.block.type_name()}` asks its head for {target.output}",),
            helps=(
                f"let `output` of the task type `{task.block.type_name()}` give the target's own shape",
                "or state in its `target_dims` the sizes of its adapter's target",
                "a custom loss states in its `target_dims` the targets that it accepts",
            ),
        )
        return


def same_sizes(taken: Sequence[Dim], needed: Sequence[Dim]) -> bool:
    """Return whether sizes agree; one that varies from sample to sample agrees with any."""
    pairs = zip(taken, needed, strict=False)
    return len(taken) == len(needed) and all(a is None or b is None or a == b for a, b in pairs)


def _sizes(dims: Sequence[Dim]) -> str:
    return f"[{', '.join('?' if dim is None else str(dim) for dim in dims)}]"
