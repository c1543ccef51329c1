"""Losses against torch's own, with missing targets, class weights and mixed targets."""

import math

import pytest
import torch
from torch.nn import functional

from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.parsing import parser

NAN = math.nan


def target(prediction="class_logits", classes=4, *, may_miss=True, counts=None):
    """Return a linked target."""
    names = tuple("abcdefgh"[:classes])
    size = classes - 1 if prediction == "ordinal_logits" else classes
    return Target(
        prediction=prediction,
        output=Shape("vector", (size,)),
        classes=names,
        counts=counts,
        may_miss=may_miss,
    )


def build(block, linked):
    """Return the built loss of a block."""
    return parser.parse("losses", block).build(linked)


def mean(loss, output, truth):
    """Return the loss divided by its weight; the weight must be what `count` says."""
    total, weight = loss(output, truth)
    assert float(weight) == pytest.approx(float(loss.count(truth)))
    return total / weight


def logits(*shape, seed=0):
    """Return random logits."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), requires_grad=True)


@pytest.mark.parametrize("may_miss", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0, 0.1]])
def test_cross_entropy_is_torchs(may_miss, smoothing, weights):
    """With all labels there, the mean is that of torch, class weights and smoothing included."""
    block = {"type": "cross_entropy", "class_weights": weights, "label_smoothing": smoothing}
    output, truth = logits(6, 4), torch.tensor([0, 1, 2, 3, 1, 1])
    expected = functional.cross_entropy(
        output, truth, None if weights is None else torch.tensor(weights), label_smoothing=smoothing
    )
    torch.testing.assert_close(mean(build(block, target(may_miss=may_miss)), output, truth), expected)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0, 0.1]])
def test_missing_classes_do_not_count(name, weights):
    """Rows with -1 change neither value nor gradient."""
    loss = build({"type": name, "class_weights": weights}, target())
    output, truth = logits(6, 4), torch.tensor([0, -1, 2, 3, -1, 1])
    kept = truth >= 0
    value = mean(loss, output, truth)
    torch.testing.assert_close(value, mean(loss, output[kept], truth[kept]))
    value.backward()
    assert output.grad[~kept].abs().sum() == 0
    assert output.grad[kept].abs().min() > 0


def test_ignore_index_does_not_count():
    """A class named by `ignore_index` is left out like a missing one, its share of a mixed target too."""
    loss = build({"type": "cross_entropy", "ignore_index": 3}, target(may_miss=False))
    output, truth = logits(4, 4), torch.tensor([0, 3, 2, -1])
    expected = functional.cross_entropy(output[[0, 2]], truth[[0, 2]])
    torch.testing.assert_close(mean(loss, output, truth), expected)
    mixed = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0.75, 0.25], [0, 0, 0, 0]])
    logs = output.log_softmax(1)
    expected = -(logs[0, 0] + 0.75 * logs[2, 2]) / 1.75
    torch.testing.assert_close(mean(loss, output, mixed), expected)


def test_cross_entropy_of_pixels_is_torchs():
    """Pixels without a label are left out of the mean."""
    output, truth = logits(2, 4, 3, 3), torch.randint(-1, 4, (2, 3, 3))
    expected = functional.cross_entropy(output, truth, ignore_index=-1)
    torch.testing.assert_close(mean(build("cross_entropy", target("pixel_logits")), output, truth), expected)


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "ordinal"])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0, 0.1]])
def test_one_hot_targets_are_the_indices(name, weights):
    """Mixed targets that are not mixed give the loss of the indices; a row of zeros is a missing label."""
    linked = target("ordinal_logits" if name == "ordinal" else "class_logits")
    loss = build({"type": name, "class_weights": weights}, linked)
    output, truth = logits(5, linked.output.dims[0]), torch.tensor([0, 3, -1, 2, 1])
    mixed = functional.one_hot(truth.clamp_min(0), 4).float() * (truth >= 0).unsqueeze(1)
    torch.testing.assert_close(mean(loss, output, mixed), mean(loss, output, truth))


def test_smoothing_mixed_targets_is_smoothing_indices():
    """Label smoothing treats one-hot targets as it treats indices."""
    loss = build({"type": "cross_entropy", "label_smoothing": 0.3}, target())
    output, truth = logits(3, 4), torch.tensor([0, -1, 2])
    mixed = functional.one_hot(truth.clamp_min(0), 4).float() * (truth >= 0).unsqueeze(1)
    torch.testing.assert_close(mean(loss, output, mixed), mean(loss, output, truth))


def test_ordinal_is_the_likelihood_of_the_class():
    """The loss is the mean of -log of the class probabilities that the task computes."""
    linked = target("ordinal_logits")
    task = parser.parse("tasks", {"type": "ordinal", "target": "y"}).build(linked)
    output, truth = logits(6, 3), torch.tensor([0, 1, 2, 3, 1, -1])
    probability = task.predict(output)["probability"].float()
    torch.testing.assert_close(probability.sum(1), torch.ones(6))
    expected = -probability[torch.arange(5), truth[:5]].log().mean()
    torch.testing.assert_close(mean(build("ordinal", linked), output, truth), expected)


def test_focal_without_focus_is_cross_entropy():
    """`gamma: 0` counts every sample the same."""
    output, truth = logits(5, 4), torch.tensor([0, 3, -1, 2, 1])
    focal = build({"type": "focal", "gamma": 0.0}, target())
    torch.testing.assert_close(
        mean(focal, output, truth), mean(build("cross_entropy", target()), output, truth)
    )


def test_focal_counts_hard_samples_more():
    """Against the formula (1 - p)^gamma * -log p, for classes and for labels."""
    output, truth = logits(4, 4), torch.tensor([0, 1, 2, 3])
    p = output.softmax(1)[torch.arange(4), truth]
    expected = ((1 - p) ** 2 * -p.log()).mean()
    torch.testing.assert_close(mean(build("focal", target()), output, truth), expected)
    labels = torch.tensor([[1.0, 0.0, 1.0, NAN]])
    p = torch.where(labels == 1, output[:1].sigmoid(), 1 - output[:1].sigmoid())[:, :3]
    expected = ((1 - p) ** 2 * -p.log()).mean()
    torch.testing.assert_close(mean(build("focal", target("label_logits")), output[:1], labels), expected)


def test_bce_is_torchs_over_the_known_labels():
    """Labels that are NaN are left out; `pos_weight` weighs the positive part."""
    output, truth = logits(3, 2), torch.tensor([[1.0, 0.0], [NAN, 1.0], [0.0, NAN]])
    known = ~truth.isnan()
    for weight in (None, 3.0, [3.0, 0.5]):
        loss = build({"type": "bce", "pos_weight": weight}, target("label_logits", 2))
        column = torch.ones(2) if weight is None else torch.tensor(weight).expand(2)
        expected = functional.binary_cross_entropy_with_logits(
            output, truth.nan_to_num(), pos_weight=column, reduction="none"
        )[known].mean()
        torch.testing.assert_close(mean(loss, output, truth), expected)


@pytest.mark.parametrize(
    ("block", "reference"),
    [
        ("mse", functional.mse_loss),
        ("mae", functional.l1_loss),
        ({"type": "huber", "delta": 0.5}, lambda p, t: functional.huber_loss(p, t, delta=0.5)),
    ],
)
@pytest.mark.parametrize("shape", [(5,), (5, 2)])
def test_distances_are_torchs(block, reference, shape):
    """Elements whose target is NaN change neither value nor gradient."""
    output, truth = logits(*shape), torch.randn(*shape, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(
        mean(build(block, target("values", may_miss=False)), output, truth), reference(output, truth)
    )
    truth[1] = NAN
    known = ~truth.isnan()
    value = mean(build(block, target("values")), output, truth)
    torch.testing.assert_close(value, reference(output[known], truth[known]))
    value.backward()
    assert output.grad.isfinite().all()
    assert output.grad[~known].abs().sum() == 0


def test_dice_is_one_minus_the_overlap():
    """A perfect prediction loses nothing, a wrong one nearly everything; images without labels do not count."""
    truth = torch.zeros(2, 4, 4, dtype=torch.int64)
    truth[0, :2] = 1
    truth[1] = -1
    perfect = functional.one_hot(truth.clamp_min(0), 2).movedim(-1, 1).float() * 40 - 20
    loss = build({"type": "dice", "smooth": 1e-6}, target("pixel_logits", 2))
    total, weight = loss(perfect, truth)
    assert (total.item(), float(weight)) == (pytest.approx(0, abs=1e-5), 1.0)
    assert float(mean(loss, -perfect, truth)) == pytest.approx(1, abs=1e-5)


def test_balanced_weights_are_scikit_learns():
    """`balanced` is samples / (classes * count)."""
    import numpy as np
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [5, 20, 75])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    block = parser.parse("losses", {"type": "cross_entropy", "class_weights": "balanced"})
    assert block.class_weights(target(classes=3, counts=(5, 20, 75))) == pytest.approx(expected.tolist())


def test_effective_weights_lie_between_balanced_and_equal():
    """The effective number of samples flattens the weights; they keep a mean of 1 over the samples."""
    block = parser.parse("losses", {"type": "cross_entropy", "class_weights": "effective"})
    rare, common = block.class_weights(target(classes=2, counts=(10, 10_000)))
    assert 1 < rare / common < 1000
    assert (rare * 10 + common * 10_000) / 10_010 == pytest.approx(1)


def test_a_class_without_samples_weighs_nothing():
    """No weight is infinite."""
    block = parser.parse("losses", {"type": "cross_entropy", "class_weights": "balanced"})
    assert block.class_weights(target(classes=3, counts=(5, 0, 5))) == (1.0, 0.0, 1.0)


def test_weights_must_be_one_for_each_class():
    """A list of another length is LOS406, a list of zeros LOS407."""
    block = parser.parse("losses", {"type": "cross_entropy", "class_weights": [1.0, 2.0]})
    assert [problem.code for problem in block.check_target(target(classes=3))] == ["LOS406"]
    assert not list(block.check_target(target(classes=2)))
    block = parser.parse("losses", {"type": "bce", "pos_weight": [0.0, 0.0]})
    assert [problem.code for problem in block.check_target(target("label_logits", 2))] == ["LOS407"]


def test_weights_of_tokens_are_one_for_each_token_and_never_counted():
    """Lists of another length than the vocabulary are LOS406; weights from counts, which nobody has, are LOS440."""
    tokens = Target(prediction="token_logits", output=Shape("sequence", (None, 9)))
    for stated, codes in (
        ([1.0], ["LOS406"]),
        ([1.0] * 9, []),
        ([0.0] * 9, ["LOS407"]),
        ("balanced", ["LOS440"]),
    ):
        block = parser.parse("losses", {"type": "cross_entropy", "class_weights": stated})
        assert [problem.code for problem in block.check_target(tokens)] == codes


@pytest.mark.parametrize(("index", "codes"), [(3, []), (-1, []), (4, ["SCH108"]), (-100, ["SCH108"])])
def test_ignore_index_is_a_class(index, codes):
    """One that no class has would leave nothing out in silence."""
    loss = parser.parse("losses", {"type": "cross_entropy", "ignore_index": index})
    assert [problem.code for problem in loss.check_target(target())] == codes


def test_classes_that_count_for_nothing_are_known():
    """Those that weigh 0, those without a training sample where weights are counted, and `ignore_index`."""
    block = {"type": "cross_entropy", "class_weights": [1, 0, 1, 0], "ignore_index": 2}
    assert parser.parse("losses", block).uncounted_classes(target()) == {1, 2, 3}
    focal = parser.parse("losses", {"type": "focal", "class_weights": "balanced"})
    assert focal.uncounted_classes(target(counts=(3, 0, 1, 2))) == {1}
    assert parser.parse("losses", {"type": "mse"}).uncounted_classes(target()) == frozenset()
