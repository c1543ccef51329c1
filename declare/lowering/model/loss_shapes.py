"""Real tensors are compared once: what losses and metrics are given must belong together."""

from torch import Tensor

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Dim
from declare.nn.losses.shapes import ShapeMismatchError


def target_sizes(loss: Loss, task_target: Target, target: Tensor) -> tuple[Dim, ...]:
    """Return the sizes, without the batch, that a loss needs of `target` for the output of `task_target`."""
    sizes = loss.target_dims(task_target)
    if target.is_floating_point() and target.dim() > 1 + len(sizes):
        return loss.mixed_dims(task_target)  # indices have become class probabilities
    return sizes


def require_scores(task: str, prediction: Tensor, target: Tensor) -> None:
    """Raise `ProblemError` (LOS432) unless metrics of a task see as many predictions as targets.

    Targets that are numbers have the shape of the predictions, for metrics broadcast as losses do.
    """
    if len(prediction) != len(target) or (target.is_floating_point() and prediction.shape != target.shape):
        raise shape_mismatch(task, "a metric", ShapeMismatchError(prediction, target))


def shape_mismatch(task: str, component: str, error: ShapeMismatchError) -> ProblemError:
    """Return the finding that outputs of a task are compared with targets of other shapes."""
    problem = Problem(
        "LOS432",
        f"{component} of task `{task}` compares outputs {error.output} with targets {error.target}",
        at=f"tasks.{task}",
        label="output and target do not go together",
        notes=(error.why or "the first axis is the batch; nothing is broadcast",),
        helps=("let the task type take a target of the shape that its head gives",),
    )
    return ProblemError(problem)
