"""Tasks: what is linked from facts, and how targets, scores and predictions come out."""

import math

import pytest
import torch

from declare.contract.facts import FieldFacts, OutputStatistics
from declare.contract.shapes import Shape
from declare.parsing import parser
from declare.parsing.lookup import find, own_names
from tests.lowering.plans import category, features, labels, number

MASK = FieldFacts(
    shape=Shape("mask", (4, 4), "int64", 3), classes=("a", "b", "c"), counts={"train": (9, 9, 9)}
)
FACTS = {
    "classification": category(),
    "ordinal": category(),
    "multilabel": labels(),
    "regression": number(40.0, 9.0),
    "segmentation": MASK,
}


def task(name, **block):
    """Return a task on the field `y`."""
    return parser.parse("tasks", {"type": name, "target": "y", **block})


def built(name, facts=None, **block):
    """Return the adapter of a task linked to facts."""
    item = task(name, **block)
    return item.build(item.link({"lab": facts or FACTS[name]}))


@pytest.mark.parametrize("name", sorted(FACTS))
def test_defaults_fit_the_task(name):
    """The default loss and metrics take what the task predicts, and the head's output is known."""
    item = task(name)
    assert item.prediction in find("losses", item.default_loss).takes
    assert all(item.prediction in find("metrics", metric).takes for metric in item.default_metrics)
    target = item.link({"lab": FACTS[name]})
    assert target.output == item.output(FACTS[name])
    assert target.prediction == item.prediction


@pytest.mark.parametrize("name", own_names("losses"))
def test_losses_fit_some_task(name):
    """No loss takes a kind of prediction that no task makes."""
    made = {find("tasks", task).prediction for task in own_names("tasks")}
    assert find("losses", name).takes & made


def test_counts_are_those_of_all_training_splits():
    """Classes are counted over the datasets of the task; unknown counts stay unknown."""
    item = task("classification")
    both = {"left": category(counts=(1, 2, 3)), "right": category(counts=(10, 0, 5), missing=2)}
    target = item.link(both)
    assert (target.counts, target.may_miss, target.classes) == ((11, 2, 8), True, ("a", "b", "c"))
    unknown = category().model_copy(update={"counts": {}})
    assert item.link({"left": unknown, "right": category()}).counts is None


def test_labels_may_miss_by_data_or_by_mask():
    """Only where nothing can be missing does the loss skip its masking."""
    assert not task("classification").link({"lab": category()}).may_miss
    assert task("classification", mask="ok").link({"lab": category()}).may_miss


@pytest.mark.parametrize("name", ["multilabel", "segmentation"])
def test_entries_may_miss_where_no_sample_does(name):
    """Single labels and pixels may be missing in samples that are there."""
    assert task(name).link({"lab": FACTS[name]}).may_miss
    assert task("regression").link({"lab": features(5)}).may_miss
    assert not task("regression").link({"lab": number()}).may_miss


def test_ordinal_heads_have_a_logit_for_each_step():
    """K classes need K - 1 logits; one class alone still has a shape."""
    assert task("ordinal").output(category()).dims == (2,)
    assert task("ordinal").output(category(("only",))).dims == (1,)


def test_regression_pools_nothing_where_outputs_are_known_in_one_dataset_alone():
    """Statistics of each output and of a whole field make no common ones, and no error either."""
    outputs = OutputStatistics(
        known=(9, 9), mean=(1.0, 2.0), std=(1.0, 1.0), minimum=(0.0, 0.0), maximum=(3.0, 3.0)
    )
    whole = FieldFacts(shape=Shape("vector", (2,)), mean=1.0, std=1.0, minimum=0.0, maximum=3.0)
    each = whole.model_copy(update={"outputs": outputs})
    assert task("regression").link({"left": each, "right": whole}).mean is None


def test_regression_pools_datasets_of_equal_weight():
    """Mean and spread over all datasets, the distance between their means included."""
    target = task("regression").link({"left": number(10.0, 1.0), "right": number(20.0, 1.0)})
    assert target.mean == (15.0,)
    assert target.std == pytest.approx((math.sqrt(1 + 25),))


def test_a_constant_target_keeps_its_unit():
    """A spread that is only rounding is not divided by."""
    assert task("regression").link({"lab": number(1e6, 1e-9)}).std == (1.0,)


def test_normalize_false_leaves_the_target_alone():
    """No statistics are linked, and the loss sees the target's own units."""
    item = task("regression", normalize=False)
    target = item.link({"lab": number(40.0, 9.0)})
    assert (target.mean, target.std) == (None, None)
    assert item.build(target).target({"y": torch.tensor([41.0])}).tolist() == [41.0]


def test_regression_is_learned_in_standard_units_and_reported_in_its_own():
    """The loss's target has mean 0 and spread 1; scores and predictions undo it, missing values stay missing."""
    adapter, batch = built("regression"), {"y": torch.tensor([40.0, 49.0, math.nan])}
    torch.testing.assert_close(adapter.target(batch), torch.tensor([0.0, 1.0, math.nan]), equal_nan=True)
    prediction, target = adapter.scores(torch.tensor([0.0, 1.0, 2.0]), batch)
    assert prediction.tolist() == [40.0, 49.0, 58.0]
    assert target.tolist()[:2] == [40.0, 49.0]
    assert adapter.predict(torch.tensor([1.0]))["value"].tolist() == [49.0]


def test_vectors_are_regressed_as_vectors():
    """A vector field gives a vector of outputs."""
    assert task("regression").output(features(5)) == Shape("vector", (5,))


@pytest.mark.parametrize("name", ["classification", "ordinal"])
def test_scores_leave_out_missing_classes(name):
    """Metrics see labelled samples alone, as logits whose softmax is the probabilities that users see."""
    adapter = built(name, category(missing=1))
    output = torch.randn(4, 3 if name == "classification" else 2)
    logits, target = adapter.scores(output, {"y": torch.tensor([0, -1, 2, 1])})
    assert target.tolist() == [0, 2, 1]
    assert logits.shape == (3, 3)
    probability = adapter.predict(output)["probability"]
    torch.testing.assert_close(probability.sum(1), torch.ones(4).double())
    torch.testing.assert_close(logits.double().softmax(1), probability[[0, 2, 3]])


@pytest.mark.parametrize("name", ["classification", "multilabel", "ordinal"])
def test_probabilities_are_told_apart_beyond_single_precision(name):
    """Scores that single precision calls certain are written apart."""
    adapter = built(name, category())
    output = torch.tensor([[18.0, 0.0, 0.0], [20.0, 0.0, 0.0]])
    said = adapter.predict(output[:, :2] if name == "ordinal" else output)["probability"]
    assert said[0].tolist() != said[1].tolist()
    assert said.max() < 1


def test_ordinal_predicts_the_median_class():
    """The class at which the cumulative probability passes one half."""
    adapter = built("ordinal")
    logits = torch.tensor([0.45, 0.9]).logit().unsqueeze(0)
    found = adapter.predict(logits)
    torch.testing.assert_close(found["probability"].float(), torch.tensor([[0.55, 0.045, 0.405]]))
    assert found["class"].tolist() == [0]
    assert adapter.predict(torch.tensor([[5.0, 5.0]]))["class"].tolist() == [2]


@pytest.mark.parametrize("name", sorted(FACTS))
def test_what_the_mask_says_does_not_count(name):
    """A masked sample looks like a missing one: -1 for indices, NaN for numbers."""
    adapter = built(name, mask="ok")
    shape = {"multilabel": (2, 3), "segmentation": (2, 4, 4)}.get(name, (2,))
    dtype = torch.float32 if name in {"multilabel", "regression"} else torch.int64
    target = adapter.target({"y": torch.ones(shape, dtype=dtype), "ok": torch.tensor([True, False])})
    missing = target.isnan() if dtype.is_floating_point else target == -1
    assert not missing[0].any()
    assert missing[1].all()


def test_masked_mixed_classes_are_rows_of_zeros():
    """After mixing, a masked sample has no class at all."""
    adapter = built("classification", mask="ok")
    target = adapter.target({"y": torch.full((2, 3), 1 / 3), "ok": torch.tensor([True, False])})
    assert target.sum(1).tolist() == pytest.approx([1.0, 0.0])


def test_predictions_say_class_and_probability():
    """What people see: the likeliest class, every label above one half."""
    found = built("classification").predict(torch.tensor([[0.0, 2.0, 0.0]]))
    assert found["class"].tolist() == [1]
    assert found["probability"].sum().item() == pytest.approx(1)
    found = built("multilabel").predict(torch.tensor([[3.0, -3.0, 0.1]]))
    assert found["labels"].tolist() == [[True, False, True]]
    found = built("segmentation").predict(torch.randn(2, 3, 4, 4))
    assert found["class"].shape == found["probability"].shape == (2, 4, 4)


def test_masks_of_bytes_become_indices():
    """Masks that travel as uint8 are indices for the loss."""
    target = built("segmentation").target({"y": torch.ones(1, 4, 4, dtype=torch.uint8)})
    assert target.dtype == torch.int64


@pytest.mark.parametrize("normalize", [True, False])
def test_the_trivial_value_is_the_mean_in_both_units(normalize):
    """Whether or not a target is standardised, its trivial baseline gives the mean of the training split."""
    adapter = built("regression", number(40.0, 9.0), normalize=normalize)
    batch = {"y": torch.tensor([1.0, 2.0])}
    constant = adapter.baseline_prediction(torch.randn(2), batch, torch.Generator())
    assert adapter.scores(constant, batch)[0].tolist() == [40.0, 40.0]


def test_the_trivial_reconstruction_is_the_mean_of_what_is_shown():
    """Of each channel of each sample, hidden elements left out."""
    facts = FieldFacts(shape=Shape("series", (1, 4)))
    adapter = built("reconstruction", facts, block=1)
    batch = {
        "y": torch.tensor([[[1.0, 3.0, 9.0, 9.0]]]),
        "y.hidden": torch.tensor([[[False, False, True, True]]]),
    }
    assert adapter.baseline_prediction(torch.zeros(1, 1, 4), batch, torch.Generator()).tolist() == [
        [[2.0] * 4]
    ]
