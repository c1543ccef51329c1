"""Laws of losses: sums over valid targets with the weight that they are divided by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from declare.nn.losses.summed_loss import SummedLoss
from declare.parsing.lookup import own_names
from tests.components.conformance import variants
from tests.components.laws.samples import Sample, generator, samples

CLASSES = {"class_logits", "pixel_logits", "ordinal_logits"}
"""Predictions whose targets augments may mix to probabilities."""


def close(found: Any, expected: Any, message: str) -> None:
    """Assert that two figures agree to the rounding of single precision."""
    found, expected = (
        torch.as_tensor(found, dtype=torch.float32),
        torch.as_tensor(expected, dtype=torch.float32),
    )
    assert torch.allclose(found, expected, rtol=2e-5, atol=1e-5), f"{message}: {found} is not {expected}"


def gradient(loss: Any, item: Sample) -> tuple[Tensor, Tensor]:
    """Return the mean of a batch and its gradient by the output."""
    output = item.output.clone().requires_grad_()
    total, weight = loss(output, item.truth)
    mean = total / torch.as_tensor(weight).clamp_min(1e-12)
    mean.backward()
    assert output.grad is not None
    return mean.detach(), output.grad


def alone(loss: Any) -> bool:
    """Return whether the loss of a row depends on that row alone."""
    return not loss.needs_all_rows


def the_weight_is_the_count(loss: Any, item: Sample) -> None:
    """The weight that comes with the sum is the one that the targets alone tell."""
    for part in (item, item.rows(slice(0, 1)), item.rows(slice(0, 0))):
        close(loss(part.output, part.truth)[1], loss.count(part.truth), "weight and count")


def sums_and_counts_add_up_over_pieces(loss: Any, item: Sample) -> None:
    """However a batch is cut, empty pieces included, the sums and counts of the pieces add up to the whole's."""
    whole = loss(item.output, item.truth)[0]
    for pieces in item.cuts() if alone(loss) else [[item, item.rows(slice(0, 0))]]:
        close(sum(loss(part.output, part.truth)[0] for part in pieces), whole, "sums of pieces")
        close(sum(loss.count(part.truth) for part in pieces), loss.count(item.truth), "counts of pieces")


def rows_may_come_in_any_order(loss: Any, item: Sample) -> None:
    """The order of the rows changes neither sum nor count."""
    mixed = item.rows(torch.randperm(len(item.output), generator=generator(3)))
    close(loss(mixed.output, mixed.truth)[0], loss(item.output, item.truth)[0], "sum in another order")
    close(loss.count(mixed.truth), loss.count(item.truth), "count in another order")


def a_count_counts_rows_or_elements(loss: Any, item: Sample) -> None:
    """Without class weights each row that is known counts 1, or 1 for each of its elements."""
    weighted = any(getattr(part, "class_weights", None) is not None for part in loss.modules())
    if weighted or not alone(loss):
        return
    known = ~item.missing.flatten(1).all(1) if item.missing.dim() > 1 else ~item.missing
    allowed = {int(known.sum()), int((~item.missing).sum())}
    assert float(loss.count(item.truth)) in allowed, f"counts {loss.count(item.truth)}, not one of {allowed}"


def missing_targets_do_not_count(loss: Any, item: Sample) -> None:
    """What is missing has no part in value, gradient or count, whatever the model gives there."""
    mean, slope = gradient(loss, item)
    assert slope[item.blank].abs().sum() == 0, "a missing target has a gradient"
    assert slope.abs().sum() > 0, "known targets have no gradient"
    wild = replace(item, output=torch.where(item.blank, 50.0, item.output))
    close(gradient(loss, wild)[0], mean, "mean with other outputs where targets are missing")


def nothing_known_is_nothing(loss: Any, item: Sample) -> None:
    """Where every target is missing, sum, weight and gradient are 0."""
    if not item.missing.any():
        return
    absent = item.missing.clone()
    absent[:] = item.missing[0]
    truth = item.truth.masked_fill(absent, torch.nan if item.truth.is_floating_point() else -1)
    output = item.output.clone().requires_grad_()
    total, weight = loss(output, truth)
    total.backward()
    assert output.grad is not None
    assert (total.item(), float(weight), output.grad.abs().sum().item()) == (0.0, 0.0, 0.0)


def the_mean_in_one_call_is_sum_over_weight(loss: Any, item: Sample) -> None:
    """A loss that is `has_fused_mean` gives sum / weight."""
    if getattr(loss, "has_fused_mean", False):
        total, weight = loss(item.output, item.truth)
        close(loss.mean(item.output, item.truth), total / weight, "mean in one call")


def extreme_outputs_have_finite_gradients(loss: Any, item: Sample) -> None:
    """Scores far beyond what training gives, in single and half precision, give finite values and gradients."""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            mean, slope = gradient(loss, item.extreme(dtype))
        assert mean.isfinite(), f"{mean} in {dtype}"
        assert slope.isfinite().all(), f"gradients that are not finite in {dtype}"


def autocast_rounds_nothing(loss: Any, item: Sample) -> None:
    """Under autocast the loss of a half-precision output is computed in single precision."""
    for dtype in (torch.bfloat16, torch.float16):
        half = item.output.to(dtype)
        with torch.autocast("cpu", dtype=dtype):
            found = loss(half, item.truth)[0]
        assert found.dtype == torch.float32, f"a sum in {found.dtype}"
        close(found, loss(half.float(), item.truth)[0], f"sum under autocast to {dtype}")


def mixed_targets_that_are_not_mixed_are_the_indices(loss: Any, item: Sample) -> None:
    """Classes as probabilities (what `mixup` makes) of one class each are those classes; a row of zeros is missing."""
    if item.target.prediction not in CLASSES or item.target.output.layout == "sequence":
        return
    shown = functional.one_hot(item.truth.clamp_min(0), len(item.target.classes or ())).float()
    shown = (shown * (~item.missing).unsqueeze(-1)).movedim(-1, 1)
    close(loss.count(shown), loss.count(item.truth), "count of mixed targets")
    close(loss(item.output, shown)[0], loss(item.output, item.truth)[0], "sum of mixed targets")


def the_truth_costs_less(loss: Any, item: Sample) -> None:
    """An output that says the truth costs less than a random one: what is minimised is an error."""
    best = truthful(item)
    if best is not None:
        found, other = (gradient(loss, replace(item, output=output))[0] for output in (best, item.output))
        assert found < other, f"{found} for the truth, {other} for a random output"


def truthful(item: Sample) -> Tensor | None:
    """Return an output that is fairly sure of the truth; None where a target alone does not tell one."""
    kind, truth = item.target.prediction, item.truth
    if kind in {"embedding", "cost"}:
        return None
    if kind == "ordinal_logits":
        return torch.where(truth.unsqueeze(1) > torch.arange(item.output.shape[1]), 3.0, -3.0)
    if not truth.is_floating_point():
        axis = -1 if item.target.output.layout == "sequence" else 1
        shown = functional.one_hot(truth.clamp_min(0), item.output.shape[axis]).movedim(-1, axis)
        return shown * 3.0
    if kind == "rates":
        return truth.nan_to_num().clamp_min(0.1).log()
    return (truth.nan_to_num() - 0.5) * 6 if kind == "label_logits" else truth.nan_to_num()


LAWS: list[Callable[[Any, Sample], None]] = [
    the_weight_is_the_count,
    sums_and_counts_add_up_over_pieces,
    rows_may_come_in_any_order,
    a_count_counts_rows_or_elements,
    missing_targets_do_not_count,
    nothing_known_is_nothing,
    the_mean_in_one_call_is_sum_over_weight,
    extreme_outputs_have_finite_gradients,
    autocast_rounds_nothing,
    mixed_targets_that_are_not_mixed_are_the_indices,
    the_truth_costs_less,
]


def cases(name: str) -> Iterator[tuple[Any, Sample]]:
    """Yield every variant of a loss with a batch of each kind of prediction that it takes."""
    for block in variants("losses", name):
        for prediction in sorted(block.takes):
            for may_miss in (True, False):
                for item in samples(prediction, may_miss=may_miss):
                    if not list(block.check_target(item.target)):
                        yield block.build(item.target), item


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("losses"))
def test_every_loss_keeps_the_law(name, law):
    """In every variant, for every kind of prediction, with and without missing targets."""
    for loss, item in cases(name):
        law(loss, item)


@pytest.mark.parametrize("name", own_names("losses"))
def test_a_model_that_knows_nothing_costs_what_is_expected(name):
    """What a loss says of a model without knowledge is the mean for scores of 0."""
    for block in variants("losses", name):
        for prediction in sorted(block.takes):
            for item in samples(prediction, rows=2000):
                if (expected := block.untrained_loss(item.target)) is not None:
                    total, weight = block.build(item.target)(torch.zeros_like(item.output), item.truth)
                    assert float(total / weight) == pytest.approx(expected, rel=0.1)


class Squares(SummedLoss):
    """A right loss of values, for the wrong ones below to differ from in one thing each."""

    def forward(self, output: Tensor, target: Tensor) -> tuple[Tensor, Any]:
        known = ~target.isnan()
        gap = torch.where(known, output.float() - target.nan_to_num(), 0.0)
        return gap.square().sum(), known.sum()

    def count(self, target: Tensor) -> Any:
        return (~target.isnan()).sum()


class MeanOfSeven(Squares):
    """Returns a mean, and says that it counts 7."""

    def forward(self, output, target):
        total, weight = super().forward(output, target)
        return total / weight.clamp_min(1), 7

    def count(self, target):
        return 7


class OtherWeight(Squares):
    def count(self, target):
        return target.numel() + 1


class InOrder(Squares):
    def forward(self, output, target):
        steps = torch.arange(len(output)).view(-1, *[1] * (output.dim() - 1))
        return super().forward(output * steps, target)


class Halved(Squares):
    """Counts every element twice, so that its mean is half of what it says."""

    def forward(self, output, target):
        total, weight = super().forward(output, target)
        return total, weight * 2

    def count(self, target):
        return super().count(target) * 2


class MissingIsZero(Squares):
    def forward(self, output, target):
        return (output - target.nan_to_num()).square().sum(), self.count(target)


class WrongMean(Squares):
    has_fused_mean = True

    def mean(self, output, target):
        return (output - target).square().sum()


class Logarithm(Squares):
    """Takes the logarithm of a probability instead of the log probability."""

    def forward(self, output, target):
        known = ~target.isnan()
        return torch.where(known, -output.float().sigmoid().log(), 0.0).sum(), known.sum()


class Rounded(Squares):
    def forward(self, output, target):
        gap = torch.where(target.isnan(), 0.0, output.float() - target.nan_to_num()).flatten()
        return (gap @ gap).float(), self.count(target)


class Rewarded(Squares):
    """Has the sign of what a model should reach."""

    def forward(self, output, target):
        total, weight = super().forward(output, target)
        return -total, weight


class IndicesOnly(SummedLoss):
    """Reads mixed targets as their likeliest class, though none may be known."""

    def forward(self, output: Tensor, target: Tensor) -> tuple[Tensor, Any]:
        if target.is_floating_point():
            target = target.argmax(1)
        return functional.cross_entropy(output, target, reduction="sum", ignore_index=-1), self.count(target)

    def count(self, target: Tensor) -> Any:
        return (target >= 0).sum() if target.dim() == 1 else len(target)


BROKEN: dict[Callable[[Any, Sample], None], tuple[nn.Module, str]] = {
    the_weight_is_the_count: (OtherWeight(), "values"),
    sums_and_counts_add_up_over_pieces: (MeanOfSeven(), "values"),
    rows_may_come_in_any_order: (InOrder(), "values"),
    a_count_counts_rows_or_elements: (Halved(), "values"),
    missing_targets_do_not_count: (MissingIsZero(), "values"),
    nothing_known_is_nothing: (MissingIsZero(), "values"),
    the_mean_in_one_call_is_sum_over_weight: (WrongMean(), "values"),
    extreme_outputs_have_finite_gradients: (Logarithm(), "values"),
    autocast_rounds_nothing: (Rounded(), "values"),
    mixed_targets_that_are_not_mixed_are_the_indices: (IndicesOnly(), "class_logits"),
    the_truth_costs_less: (Rewarded(), "values"),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A loss that breaks the law, and it alone where that can be, does not pass."""
    loss, prediction = BROKEN[law]

    def held() -> None:
        for item in samples(prediction):
            law(loss, item)

    with pytest.raises(AssertionError):
        held()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_right_loss_beside_the_broken_ones_passes(law):
    """What the broken losses start from keeps every law, so that each fails for its own fault."""
    for item in samples("values"):
        law(Squares(), item)
