"""Laws of metrics: figures over an evaluation, however its samples are cut into batches and shared by processes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from declare.parsing.lookup import names
from tests.components.conformance import variants
from tests.components.laws.batches import Learned, learned
from tests.components.laws.samples import generator

Pair = tuple[Tensor, Tensor]


class Case(NamedTuple):
    """A metric, what makes a fresh one of it, and the task whose predictions it judges."""

    block: Any
    build: Callable[[], Any]
    task: Learned

    def batches(self, seed: int = 0) -> list[Pair]:
        """Return predictions and targets of an evaluation in batches of several sizes, as the task gives them."""
        batch, output = self.task.batch(12, seed), self.task.output(12, seed + 1)
        ends = [0, 1, 4, 5, 12]
        found = []
        for start, end in itertools.pairwise(ends):
            fields = {name: values[start:end] for name, values in batch.items()}
            found.append(self.task.adapter.scores(output[start:end], fields))
        return found

    def figure(self, *batches: Pair) -> float:
        """Return the figure over batches."""
        return float(self.updated(*batches).compute())

    def updated(self, *batches: Pair) -> Any:
        """Return the metric after batches; an empty one is not shown to it, as in an evaluation."""
        metric = self.build()
        for prediction, target in batches:
            if len(target):
                metric.update(prediction, target)
        return metric


def same(found: float, expected: float, message: str) -> None:
    """Assert that two figures agree, both undefined included."""
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True), message


def whole(batches: list[Pair]) -> Pair:
    """Return batches as one."""
    predictions, targets = zip(*batches, strict=True)
    return torch.cat(predictions), torch.cat(targets)


def batches_may_be_cut_anywhere(case: Case) -> None:
    """One large batch gives the figure of many small ones."""
    batches = case.batches()
    prediction, target = whole(batches)
    expected = case.figure((prediction, target))
    same(case.figure(*batches), expected, "batches")
    singles = zip(prediction.split(1), target.split(1), strict=True)
    same(case.figure(*singles), expected, "rows one by one")


def processes_may_share_the_samples(case: Case) -> None:
    """What processes saw, those without a sample included, unites to the figure of one that saw everything."""
    batches = case.batches()
    if not hasattr(case.build(), "merge_states"):
        return
    expected = case.figure(*batches)
    for shares in ([[0], [1, 2, 3]], [[], [0, 1, 2, 3], []], [[2], [], [0, 3], [1]]):
        parts = [case.updated(*(batches[place] for place in share)) for share in shares]
        states = [part.local_state() for part in parts]
        for part in parts:
            part.merge_states(states)
            same(float(part.compute()), expected, f"united from {shares}")


def nothing_seen_is_not_a_number(case: Case) -> None:
    """Without a sample, in one process and in all, the figure is NaN and no error."""
    metrics = [case.build(), case.build()]
    assert math.isnan(float(metrics[0].compute()))
    if hasattr(metrics[0], "merge_states"):
        states = [metric.local_state() for metric in metrics]
        metrics[0].merge_states(states)
        assert math.isnan(float(metrics[0].compute()))


def a_reset_forgets(case: Case) -> None:
    """After `reset` the figure is that of a fresh metric."""
    first, second = case.batches(), case.batches(seed=7)
    metric = case.updated(*first)
    metric.compute()
    metric.reset()
    for prediction, target in second:
        if len(target):
            metric.update(prediction, target)
    same(float(metric.compute()), case.figure(*second), "after a reset")


def the_order_of_samples_does_not_matter(case: Case) -> None:
    """Samples in another order give the same figure."""
    prediction, target = whole(case.batches())
    order = torch.randperm(len(target), generator=generator(4))
    same(
        case.figure((prediction[order], target[order])), case.figure((prediction, target)), "in another order"
    )


def what_is_missing_does_not_count(case: Case) -> None:
    """More samples whose targets are all missing change nothing."""
    prediction, target = whole(case.batches())
    if len(target) < 12 or case.task.target.prediction == "embedding":
        return
    more = torch.full_like(target[:3], torch.nan if target.is_floating_point() else -1)
    wild = prediction[:3].flip(0)
    expected = case.figure((prediction, target))
    same(case.figure((prediction, target), (wild, more)), expected, "with missing targets")


def figures_are_within_bounds(case: Case) -> None:
    """A figure is a number within the bounds that the metric states, or undefined."""
    low, high = case.block.bounds
    prediction, target = whole(case.batches())
    for item in ((prediction, target), (prediction[:1], target[:1]), perfect(case, prediction, target)):
        value = case.figure(item)
        assert low is None or math.isnan(value) or value >= low - 1e-6, f"{value} is below {low}"
        assert high is None or math.isnan(value) or value <= high + 1e-6, f"{value} is above {high}"


def perfect(case: Case, prediction: Tensor, target: Tensor) -> Pair:
    """Return what the truth itself would predict, as far as targets are known."""
    kind = case.task.target.prediction
    if kind == "embedding":
        return functional.one_hot(target[:, 0].unique(return_inverse=True)[1]).double(), target
    if prediction.dim() == target.dim() + 1:
        axis = -1 if kind == "token_logits" else 1
        shown = functional.one_hot(target.clamp_min(0), prediction.shape[axis]).to(prediction.dtype)
        shown = shown.movedim(-1, axis)
        return (shown.clamp_min(1e-30).log() if kind == "ordinal_logits" else shown * 40), target
    if kind == "label_logits":
        return (target.nan_to_num(0.5) - 0.5) * 80, target
    known = target.nan_to_num(0.5) + (1e-6 if kind == "rates" else 0.0)
    return known.to(prediction.dtype), target


def one_value_alone_is_a_figure_or_none(case: Case) -> None:
    """Targets of one class, one label or one value, and predictions that are all the same, are no error."""
    low, high = case.block.bounds
    prediction, target = whole(case.batches())
    for row in range(3):
        alike = target[row : row + 1].expand_as(target).contiguous()
        flat = prediction[row : row + 1].expand_as(prediction).contiguous()
        for item in ((prediction, alike), (flat, target), (flat, alike), (flat[:1], alike[:1])):
            value = case.figure(item)
            assert low is None or math.isnan(value) or value >= low - 1e-6, f"{value} is below {low}"
            assert high is None or math.isnan(value) or value <= high + 1e-6, f"{value} is above {high}"


def the_truth_is_the_best_prediction(case: Case) -> None:
    """In the direction of `mode`, no random prediction beats the truth itself."""
    if case.task.target.prediction == "embedding":
        return  # what spreads groups evenly is as good as what gathers each of them
    prediction, target = whole(case.batches())
    best, other = case.figure(perfect(case, prediction, target)), case.figure((prediction, target))
    if math.isnan(other):
        return  # these targets define no figure, or this prediction does not
    assert not math.isnan(best), "undefined for the truth itself"
    gain = best - other if case.block.mode == "max" else other - best
    assert gain >= -1e-6, (
        f"{other} for a random prediction, {best} for the truth, `{case.block.mode}` is better"
    )


def targets_alike_leave_no_figure(case: Case) -> None:
    """With `needs_varied_targets`, targets that are all alike leave no figure, whatever was predicted for them."""
    prediction, target = whole(case.batches())
    single = case.task.target.prediction in {"values", "rates", "class_logits"} and target.dim() <= 2
    if not case.block.needs_varied_targets or not single:
        return
    known = ~target.isnan() if target.is_floating_point() else target >= 0
    rows = target[known.reshape(len(target), -1).all(1)].unique(dim=0)
    figures = [case.figure((prediction, row.expand_as(target).contiguous())) for row in rows]
    assert all(map(math.isnan, figures)), f"{figures} of targets that are alike"


def a_constant_is_worth_something(case: Case) -> None:
    """Where targets vary, a prediction that is the same for every sample has a figure, or the metric says which."""
    prediction, target = whole(case.batches())
    if not case.block.needs_varied_targets:
        return
    flat = prediction[:1].expand_as(prediction).contiguous()
    has_value = case.block.constant_value is not None
    assert has_value or not math.isnan(case.figure((flat, target))), "neither a figure nor `constant_value`"


LAWS: list[Callable[[Case], None]] = [
    batches_may_be_cut_anywhere,
    processes_may_share_the_samples,
    nothing_seen_is_not_a_number,
    a_reset_forgets,
    the_order_of_samples_does_not_matter,
    what_is_missing_does_not_count,
    figures_are_within_bounds,
    one_value_alone_is_a_figure_or_none,
    targets_alike_leave_no_figure,
    a_constant_is_worth_something,
    the_truth_is_the_best_prediction,
]


def cases(name: str) -> Iterator[Case]:
    """Yield a metric's variants with every task whose predictions it takes."""
    for block in variants("metrics", name):
        for prediction in sorted(block.takes):
            assert learned(prediction), f"no task makes `{prediction}`"
            for task in learned(prediction):
                yield Case(block, lambda block=block, task=task: block.build(task.target), task)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", names("metrics"))
def test_every_metric_keeps_the_law(name, law):
    """In every variant, for every task that it may judge."""
    for case in cases(name):
        law(case)


class MeanOfMeans:
    """The mean error of each batch, averaged over batches: wrong unless all are of one size."""

    mode = "min"
    bounds = (0.0, None)
    needs_varied_targets = False
    constant_value = None

    def __init__(self) -> None:
        self.values: list[float] = []

    def update(self, prediction, target):
        gap = (prediction - target).abs()
        self.values.append(float(gap[~gap.isnan()].mean()))

    def local_state(self):
        return list(self.values)

    def merge_states(self, states):
        self.values = [value for portion in states for value in portion]

    def compute(self):
        return torch.tensor(self.values).nanmean() if self.values else torch.tensor(math.nan)

    def reset(self):
        self.values = []


class Total(MeanOfMeans):
    """A sum over samples."""

    def update(self, prediction, target):
        self.values += [float(item) for item in (prediction - target).abs().flatten() if not item.isnan()]


class FirstPart(Total):
    def merge_states(self, states):
        self.values = list(states[0])


class ZeroOfNothing(Total):
    def compute(self):
        return torch.tensor(self.values or [0.0]).sum()


class Remembering(Total):
    def reset(self):
        pass


class LastFirst(Total):
    def compute(self):
        return torch.tensor(self.values[-1] if self.values else math.nan)


class CountsAll(Total):
    def update(self, prediction, target):
        self.values += (prediction - target).abs().nan_to_num().flatten().tolist()


class Upwards(Total):
    mode = "max"


class Bounded(Total):
    bounds = (0.0, 1e-3)


class Spread(Total):
    needs_varied_targets = True


class Undecided(Spread):
    def update(self, prediction, target):
        if len(prediction.unique(dim=0)) > 1:
            super().update(prediction, target)


class NeedsTwo(Total):
    bounds = (None, None)

    def update(self, prediction, target):
        assert len(target.unique(dim=0)) > 1
        super().update(prediction, target)


BROKEN: dict[Callable[[Case], None], type[MeanOfMeans]] = {
    batches_may_be_cut_anywhere: MeanOfMeans,
    processes_may_share_the_samples: FirstPart,
    nothing_seen_is_not_a_number: ZeroOfNothing,
    a_reset_forgets: Remembering,
    the_order_of_samples_does_not_matter: LastFirst,
    what_is_missing_does_not_count: CountsAll,
    figures_are_within_bounds: Bounded,
    one_value_alone_is_a_figure_or_none: NeedsTwo,
    targets_alike_leave_no_figure: Spread,
    a_constant_is_worth_something: Undecided,
    the_truth_is_the_best_prediction: Upwards,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A metric that breaks the law does not pass; one that keeps it does."""
    task = next(item for item in learned("values") if item.layout == "vector")
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law], BROKEN[law], task))
    right = type("Right", (Total,), {"compute": lambda self: torch.tensor(self.values or [math.nan]).mean()})
    law(Case(right, right, task))
