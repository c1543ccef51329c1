"""Laws of shapes: what a loss is given with sizes that do not go together raises, and is a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from declare.contract.problem import ProblemError
from declare.ir.plan import LossPlan, TaskPlan
from declare.lowering.training.task_losses import TaskLosses
from declare.nn.losses.consistency import COMPARISONS
from declare.nn.losses.shapes import ShapeMismatchError
from declare.parsing.lookup import own_names
from declare.parsing.parser import parse
from tests.components.conformance import variants
from tests.components.laws.samples import Sample, samples


def cases(name: str) -> Iterator[tuple[object, Sample]]:
    """Yield a loss component with a batch of each kind of prediction that it takes."""
    block = next(iter(variants("losses", name)))
    for prediction in sorted(block.takes):
        for may_miss in (True, False):
            yield from ((block, item) for item in samples(prediction, may_miss=may_miss))


def mismatched(item: Sample) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield outputs and targets that do not go together, among them all that torch would broadcast."""
    output, truth = item.output, item.truth
    yield output, truth.unsqueeze(-1)
    yield output.unsqueeze(-1), truth
    yield output.unsqueeze(1), truth
    yield output, truth.unsqueeze(1)
    yield output, truth[:1]
    yield output[:1], truth
    yield output, truth[:-1]
    if (
        truth.dim() > 1
        and item.target.prediction not in {"embedding", "token_logits"}
        and not _per_step(item)
    ):
        yield output, truth[:, :1]
        yield output, truth[..., :1]
    if output.dim() > 1 and output.shape[1:] == truth.shape[1:]:
        yield output[:, :1], truth
        yield output[..., :1], truth


def _per_step(item: Sample) -> bool:
    """Return whether targets may end before or after the steps of the output: what lies beyond is padding."""
    return item.target.output.layout == "sequence" and item.target.classes is not None


@pytest.mark.parametrize("name", own_names("losses"))
def test_no_loss_broadcasts(name: str) -> None:
    """Every loss raises for [B, 1] with [B], for other numbers of rows and for sizes of 1, its one-call mean too."""
    for block, item in cases(name):
        loss = block.build(item.target)
        for output, truth in mismatched(item):
            if output.shape[1:] == item.output.shape[1:] and truth.shape == item.truth.shape:
                continue
            with pytest.raises(ShapeMismatchError):
                loss(output, truth)
            if getattr(loss, "has_fused_mean", False):
                with pytest.raises(ShapeMismatchError):
                    loss.mean(output, truth)


@pytest.mark.parametrize("name", own_names("losses"))
def test_a_loss_says_which_sizes_it_needs(name: str) -> None:
    """`target_dims` of a loss are those of the targets that it takes."""
    for block, item in cases(name):
        target = item.target.model_copy(
            update={"output": item.target.output._replace(dims=tuple(item.output.shape[1:]))}
        )
        assert block.target_dims(target) == tuple(item.truth.shape[1:]), (name, item.target.prediction)


@pytest.mark.parametrize("name", own_names("losses"))
def test_the_first_real_tensors_are_compared(name: str) -> None:
    """What is given to a task's losses for the first time is a finding where it does not go together."""
    for block, item in cases(name):
        losses = checked(block, item)
        losses.check("k", item.output, item.truth)
        with pytest.raises(ProblemError) as caught:
            losses.check("k", item.output.unsqueeze(-1), item.truth.unsqueeze(-1).unsqueeze(-1))
        assert caught.value.problem.code == "LOS432"
        assert caught.value.problem.at == "tasks.k"


def checked(block: object, item: Sample) -> TaskLosses:
    """Return the losses of a task that has this one."""
    task = parse("tasks", {"type": "auxiliary", "input": "m.o"})
    plan = TaskPlan(
        block=task.dump(),
        datasets=("d",),
        target_field="y",
        mask=None,
        head="heads.k",
        target=item.target,
        losses=(LossPlan(name="it", block=block.dump(), weight=1.0, class_weights=None),),
        metrics=(),
        weight=1.0,
    )
    return TaskLosses(plan)


@pytest.mark.parametrize("compare", COMPARISONS.values(), ids=COMPARISONS)
def test_scales_are_compared_like_with_like(compare: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Predictions at two sizes of another shape are not broadcast either."""
    with pytest.raises(ShapeMismatchError):
        compare(torch.randn(4, 1), torch.randn(4, 3))
    with pytest.raises(ShapeMismatchError):
        compare(torch.randn(4, 3, 1, 1), torch.randn(4, 3, 2, 2))


def test_labels_beyond_the_steps_of_an_output_are_found() -> None:
    """Logits of half as many steps would leave half of the tags out: padding alone may lie beyond."""
    block = parse("losses", "cross_entropy")
    item = next(item for item in samples("class_logits") if item.target.output.layout == "sequence")
    losses, shorter = checked(block, item), item.output[:, :2]
    padded = item.truth.index_fill(1, torch.tensor([2, 3, 4]), -1)
    losses.check("k", shorter, padded)
    with pytest.raises(ProblemError, match="compares outputs"):
        losses.check("k", shorter, item.truth.clamp_min(0))
