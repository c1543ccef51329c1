"""Laws of tasks: what is linked from facts, what losses and metrics are shown, what users read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from declare.contract.shapes import AXES
from declare.nn.modules.padding import fill_padding
from declare.parsing import parser
from declare.parsing.lookup import find, own_names
from tests.components.conformance import SAMPLES
from tests.components.laws.batches import FACTS, Learned, tasks
from tests.components.laws.samples import generator

ROWS = torch.tensor([1, 3, 4])


def equal(found: Tensor, expected: Tensor, message: str) -> None:
    """Assert that two tensors are the same, what is missing included."""
    assert found.dtype == expected.dtype, f"{message}: {found.dtype}, not {expected.dtype}"
    assert found.shape == expected.shape, f"{message}: {tuple(found.shape)}, not {tuple(expected.shape)}"
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-6, equal_nan=True), message


def defaults_fit_the_prediction(item: Learned) -> None:
    """The default loss and metrics take what the task predicts; its own head gives what the target needs."""
    task = item.task
    assert item.target.prediction == task.prediction, "another kind of prediction is linked"
    assert task.prediction in find("losses", task.default_loss).takes, task.default_loss
    for metric in task.default_metrics:
        assert task.prediction in find("metrics", metric).takes, metric
    if item.layout is not None:
        assert task.output(FACTS[item.layout]) == item.target.output, "head and target differ in shape"
    head = parser.parse("heads", task.own_head())
    start = next((SAMPLES[layout] for layout in task.feeds if layout in head.ports[0].takes), None)
    assert start is not None or not task.targets, (
        f"`{head.type_name()}` takes nothing that the task starts from"
    )


def the_default_loss_learns(item: Learned) -> None:
    """The loss of an output of the stated shape is finite, and its gradient reaches the output."""
    loss = parser.parse("losses", item.task.default_loss).build(item.target)
    output = item.output().requires_grad_()
    total, weight = loss(output, item.adapter.target(item.batch()))
    assert total.dim() == 0, f"a loss of shape {tuple(total.shape)}"
    (total / weight).backward()
    assert float(weight) > 0, "nothing counts"
    assert output.grad is not None, "no gradient"
    assert output.grad.isfinite().all(), "a gradient that is not finite"
    assert output.grad.abs().sum() > 0, "a gradient of zero"


def targets_are_taken_row_by_row(item: Learned) -> None:
    """The target of some samples is what it is among others; the batch stays as it was."""
    batch = item.batch()
    before = {name: values.clone() for name, values in batch.items()}
    target = item.adapter.target(batch)
    some = item.adapter.target({name: values[ROWS] for name, values in batch.items()})
    equal(some, target[ROWS], "target of some rows")
    for name, values in before.items():
        equal(batch[name], values, f"`{name}` of the batch")


def predictions_are_made_row_by_row(item: Learned) -> None:
    """What a user reads of some samples is what it is among others."""
    output = item.output()
    some = item.adapter.predict(output[ROWS])
    for name, values in item.adapter.predict(output).items():
        assert len(values) == len(output), f"`{name}` has {len(values)} rows for {len(output)} samples"
        equal(some[name], values[ROWS], f"prediction `{name}` of some rows")
        assert not values.is_floating_point() or values.isfinite().all(), f"`{name}` is not finite"


def metrics_see_row_by_row(item: Learned) -> None:
    """Predictions and targets for metrics are those of the rows one after another, as long as each other."""
    batch, output = item.batch(), item.output()
    prediction, target = item.adapter.scores(output, batch)
    assert len(prediction) == len(target), f"{len(prediction)} predictions for {len(target)} targets"
    parts = []
    for start in range(0, len(output), 3):
        fields = {name: values[start : start + 3] for name, values in batch.items()}
        parts.append(item.adapter.scores(output[start : start + 3], fields))
    equal(torch.cat([part[0] for part in parts]), prediction, "predictions of pieces")
    equal(torch.cat([part[1] for part in parts]), target, "targets of pieces")


def what_the_mask_leaves_out_is_missing(item: Learned) -> None:
    """A sample that the task's mask leaves out has a target that is missing: -1 or NaN."""
    if item.layout is None:
        return
    task = item.task.model_copy(update={"mask": "ok"})
    target = task.link({"lab": FACTS[item.layout]})
    assert target.may_miss, "the loss is told that nothing can be missing"
    adapter, batch = task.build(target), item.batch()
    fields = batch | replace(item, adapter=adapter).added(batch)
    kept = torch.arange(len(batch["y"])) % 2 == 0
    found = adapter.target(fields | {"ok": kept})
    missing = found.isnan() if found.is_floating_point() else found == -1
    assert missing[~kept].all(), "a sample that is left out has a target"
    equal(found[kept], item.adapter.target(fields)[kept], "target of what is left in")


def what_is_hidden_is_drawn_by_the_key(item: Learned) -> None:
    """The same key hides the same parts, in fields with the same rows; what is hidden is what the loss sees."""
    assert item.task.masks_inputs == hasattr(item.adapter, "mask_inputs"), (
        "`masks_inputs` does not say what the adapter does"
    )
    hide = getattr(item.adapter, "mask_inputs", None)
    if hide is None:
        return
    fields = {"y": item.batch()["y"]}
    before = fields["y"].clone()
    first, second = hide(fields, generator(5)), hide(fields, generator(5))
    equal(fields["y"], before, "the batch itself")
    for name, values in first.items():
        equal(second[name], values, f"`{name}` with the same key")
        assert len(values) == len(before), f"`{name}` has other rows"
    hidden = first.get("y.hidden")
    if hidden is not None:
        target = item.adapter.target(fields | {"y.hidden": hidden})
        known, there = (_known(values) for values in (target, before))
        assert torch.equal(known, hidden & there), "the loss sees other parts than those that were hidden"


def the_trivial_baseline_never_looks_at_outputs(item: Learned) -> None:
    """A task with a target has one: of the head's shape, whatever the head gives, and its loss is finite."""
    output, batch = item.output(), item.batch()
    constant = item.adapter.baseline_prediction(output, batch, generator(4))
    if not item.task.targets and constant is None:
        return
    assert constant is not None, "no trivial baseline"
    assert constant.shape == output.shape, f"{tuple(constant.shape)}, not {tuple(output.shape)}"
    equal(
        item.adapter.baseline_prediction(1 - output, batch, generator(4)),
        constant,
        "what it gives for another output",
    )
    loss = parser.parse("losses", item.task.default_loss).build(item.target)
    total, _ = loss(constant, item.adapter.target(batch))
    assert total.isfinite(), "a loss that is not finite"


def padding_is_no_part_of_a_sample(item: Learned) -> None:
    """What stands beyond the end of samples changes neither targets nor the trivial baseline."""
    if not item.task.masks_inputs or item.layout not in {"series", "sequence"}:
        return
    batch, output = item.batch(), item.output()
    axis = AXES[item.layout].index("time") + 1
    lengths = torch.arange(len(output)) % batch["y"].shape[axis] + 1
    zeros = fill_padding(batch["y"], lengths, axis)
    hidden = {name: fill_padding(values, lengths, axis, False) for name, values in item.added(batch).items()}
    fields = {"y": zeros, "y.lengths": lengths, **hidden}
    others = fields | {"y": fill_padding(zeros, lengths, axis, 7.0)}
    equal(item.adapter.target(others), item.adapter.target(fields), "target with other padding")
    constants = [item.adapter.baseline_prediction(output, view, generator(4)) for view in (others, fields)]
    equal(*constants, "trivial baseline with other padding")


def the_adapter_takes_what_is_stated(item: Learned) -> None:
    """`target_dims` of a task are the sizes that its adapter makes of the field, and that its default loss needs."""
    shape = item.target.output if item.layout is None else FACTS[item.layout].shape
    stated = item.task.target_dims(shape)
    found = tuple(item.adapter.target(item.batch()).shape[1:])
    assert len(stated) == len(found), f"{found}, not {stated}"
    assert all(size in {None, real} for size, real in zip(stated, found, strict=True)), (
        f"{found}, not {stated}"
    )
    needed = parser.parse("losses", item.task.default_loss).target_dims(item.target)
    assert all(None in {a, b} or a == b for a, b in zip(stated, needed, strict=True)), (
        f"{stated}, not {needed}"
    )


def _known(values: Tensor) -> Tensor:
    return ~values.isnan() if values.is_floating_point() else values >= 0


LAWS: list[Callable[[Learned], None]] = [
    defaults_fit_the_prediction,
    the_default_loss_learns,
    targets_are_taken_row_by_row,
    predictions_are_made_row_by_row,
    metrics_see_row_by_row,
    what_the_mask_leaves_out_is_missing,
    what_is_hidden_is_drawn_by_the_key,
    the_trivial_baseline_never_looks_at_outputs,
    padding_is_no_part_of_a_sample,
    the_adapter_takes_what_is_stated,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("tasks"))
def test_every_task_keeps_the_law(name, law):
    """In every variant, on a field of each layout that it takes."""
    assert tasks(name)
    for item in tasks(name):
        law(item)


class Wrong:
    """An adapter that does all as another one, but for what a subclass changes."""

    def __init__(self, right: Any) -> None:
        self.right = right

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


class NoTarget(Wrong):
    def target(self, batch):
        return torch.full_like(self.right.target(batch), torch.nan)


class Centred(Wrong):
    def target(self, batch):
        target = self.right.target(batch)
        return target - target.nanmean()


class Column(Wrong):
    def target(self, batch):
        return self.right.target(batch).unsqueeze(-1)


class Ranked(Wrong):
    def predict(self, output):
        return {"value": output - output.mean(0)}


class Scaled(Wrong):
    def scores(self, output, batch):
        prediction, target = self.right.scores(output, batch)
        return prediction / prediction.abs().max(), target


class AllCount(Wrong):
    """Its task builds it for every mask, which it does not read."""


class Guided(Wrong):
    def baseline_prediction(self, output, batch, generator):
        return output.mean(0, keepdim=True).expand_as(output)


class Unending(Wrong):
    def baseline_prediction(self, output, batch, generator):
        return batch["y"].mean(2, keepdim=True).expand_as(output)


class Careless(Wrong):
    def mask_inputs(self, fields, generator):
        return {"y": fields["y"] * torch.rand(fields["y"].shape)}


def _other_loss(item: Learned) -> Learned:
    wrong = type("WrongTask", (type(item.task),), {"default_loss": "cross_entropy"})
    return replace(item, task=wrong.model_construct(**dict(item.task)))


def _mask_ignored(item: Learned) -> Learned:
    def build(self, target):
        return item.adapter

    wrong = type("WrongTask", (type(item.task),), {"build": build})
    return replace(item, task=wrong.model_construct(**dict(item.task)))


BROKEN: dict[Callable[[Learned], None], tuple[str, Callable[[Learned], Learned]]] = {
    defaults_fit_the_prediction: ("regression", _other_loss),
    the_default_loss_learns: ("regression", lambda item: replace(item, adapter=NoTarget(item.adapter))),
    targets_are_taken_row_by_row: ("regression", lambda item: replace(item, adapter=Centred(item.adapter))),
    predictions_are_made_row_by_row: ("regression", lambda item: replace(item, adapter=Ranked(item.adapter))),
    metrics_see_row_by_row: ("regression", lambda item: replace(item, adapter=Scaled(item.adapter))),
    what_the_mask_leaves_out_is_missing: ("regression", _mask_ignored),
    the_trivial_baseline_never_looks_at_outputs: (
        "regression",
        lambda item: replace(item, adapter=Guided(item.adapter)),
    ),
    padding_is_no_part_of_a_sample: (
        "reconstruction",
        lambda item: replace(item, adapter=Unending(item.adapter)),
    ),
    the_adapter_takes_what_is_stated: (
        "regression",
        lambda item: replace(item, adapter=Column(item.adapter)),
    ),
    what_is_hidden_is_drawn_by_the_key: (
        "reconstruction",
        lambda item: replace(item, adapter=Careless(item.adapter)),
    ),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A task that breaks the law does not pass."""
    name, broken = BROKEN[law]
    with pytest.raises(AssertionError):
        law(broken(tasks(name)[0]))
