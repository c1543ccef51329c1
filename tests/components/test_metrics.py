"""Metrics against scikit-learn and scipy, in batches, with missing targets and absent classes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.nn.metrics.metric import AccumulatedMetric
from declare.nn.metrics.regression import Moments, each_output, r_squared
from declare.parsing import parser
from declare.parsing.lookup import find, own_names

NAMES = ("a", "b", "c", "d")


def build(block, prediction="class_logits", classes=4, mean=None):
    """Return a built metric."""
    target = Target(
        prediction=prediction,
        output=Shape("vector", (classes,)),
        classes=NAMES[:classes],
        mean=None if mean is None else (mean,),
    )
    return parser.parse("metrics", block).build(target)


def run(metric, prediction, target, pieces=3):
    """Return a metric's value over a few batches of uneven size."""
    metric.reset()
    for part, truth in zip(prediction.tensor_split(pieces), target.tensor_split(pieces), strict=True):
        metric.update(part, truth)
    return float(metric.compute())


@st.composite
def classified(draw, classes=4):
    """Draw log-probabilities of classes with a clear winner, indices (some missing)."""
    count = draw(st.integers(3, 30))
    truth = draw(st.lists(st.integers(-1, classes - 1), min_size=count, max_size=count))
    seed = draw(st.integers(0, 2**16))
    logits = torch.rand(count, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return logits.log_softmax(1), torch.tensor(truth)


SCORES = {
    "accuracy": reference.accuracy_score,
    "f1": lambda t, p: reference.f1_score(t, p, average="macro", zero_division=0),
    "precision": lambda t, p: reference.precision_score(t, p, average="macro", zero_division=0),
    "recall": lambda t, p: reference.recall_score(t, p, average="macro", zero_division=0),
    "iou": lambda t, p: reference.jaccard_score(t, p, average="macro", zero_division=0),
    "dice": lambda t, p: reference.f1_score(t, p, average="macro", zero_division=0),
}


@settings(max_examples=25, deadline=None)
@given(classified())
def test_class_scores_are_scikit_learns(drawn):
    """Whatever classes are absent, scores over batches are those of scikit-learn over all labelled samples."""
    logits, truth = drawn
    known = truth >= 0
    said = logits.argmax(1)
    for name, score in SCORES.items():
        value = run(build(name), logits, truth)
        if not known.any():
            assert math.isnan(value)
        else:
            assert value == pytest.approx(score(truth[known].numpy(), said[known].numpy())), name


@settings(max_examples=25, deadline=None)
@given(classified())
def test_averages_are_scikit_learns(drawn):
    """`micro` and `weighted` mean what they mean there."""
    logits, truth = drawn
    known = truth >= 0
    if not known.any():
        return
    said = logits.argmax(1)[known].numpy()
    for average in ("micro", "weighted"):
        expected = reference.f1_score(truth[known].numpy(), said, average=average, zero_division=0)
        assert run(build({"type": "f1", "average": average}), logits, truth) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=25, deadline=None)
@given(classified())
def test_agreement_of_ordered_classes_is_scikit_learns(drawn):
    """Quadratic kappa and balanced accuracy; null where nothing varies."""
    logits, truth = drawn
    known = truth >= 0
    said, true = logits.argmax(1)[known].numpy(), truth[known].numpy()
    if len(true):
        expected = reference.balanced_accuracy_score(true, said)
        assert run(build("balanced_accuracy"), logits, truth) == pytest.approx(expected)
    value = run(build("qwk"), logits, truth)
    if len(set(true.tolist()) | set(said.tolist())) < 2:
        assert math.isnan(value)
    else:
        # All classes are named: else an absent class would bring its neighbours nearer to each other.
        expected = reference.cohen_kappa_score(true, said, labels=[0, 1, 2, 3], weights="quadratic")
        assert value == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(classified())
def test_ranking_is_scikit_learns(drawn):
    """AUROC and average precision, one class against the rest, over classes for which they are defined."""
    logits, truth = drawn
    known = truth >= 0
    scores, true = logits[known].exp().numpy(), truth[known].numpy()
    areas, precisions = [], []
    for index in range(4):
        positive = true == index
        if positive.any():
            precisions.append(reference.average_precision_score(positive, scores[:, index]))
        if positive.any() and not positive.all():
            areas.append(reference.roc_auc_score(positive, scores[:, index]))
    for name, values in {"auroc": areas, "average_precision": precisions}.items():
        value = run(build(name), logits, truth)
        assert value == pytest.approx(np.mean(values)) if values else math.isnan(value)


def test_labels_are_scored_one_by_one():
    """Label scores leave out what is NaN and average over labels."""
    probability = torch.tensor([[0.9, 0.2], [0.8, 0.7], [0.1, 0.6], [0.4, 0.9]])
    logits = probability.logit()
    truth = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, math.nan], [math.nan, 1.0]])
    columns = [(truth[:3, 0], probability[:3, 0]), (truth[[0, 1, 3], 1], probability[[0, 1, 3], 1])]
    expected = np.mean([reference.f1_score(true, said > 0.5) for true, said in columns])
    assert run(build("f1", "label_logits", 2), logits, truth) == pytest.approx(expected)
    expected = np.mean([reference.average_precision_score(true, said) for true, said in columns])
    assert run(build("average_precision", "label_logits", 2), logits, truth) == pytest.approx(expected)
    right = sum(((said > 0.5) == true.bool()).sum() for true, said in columns) / 6
    assert run(build("accuracy", "label_logits", 2), logits, truth) == pytest.approx(float(right))


def test_ordinal_errors_are_in_class_steps():
    """The predicted class is the median; `mae`, `mse` and `rmse` count steps between classes."""
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.0, 0.1, 0.2, 0.7], [0.4, 0.1, 0.1, 0.4]]).log()
    truth = torch.tensor([0, 1, -1])
    assert run(build("mae", "ordinal_logits"), logits, truth) == pytest.approx((1 + 2) / 2)
    assert run(build("mse", "ordinal_logits"), logits, truth) == pytest.approx((1 + 4) / 2)
    assert run(build("rmse", "ordinal_logits"), logits, truth) == pytest.approx(math.sqrt(2.5))
    assert run(build("accuracy", "ordinal_logits"), logits, truth) == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.integers(4, 30), st.sampled_from([0.0, 2000.0]))
def test_value_scores_are_those_of_scikit_learn_and_scipy(seed, count, offset):
    """Errors, R^2 and correlations leave out missing values and bear an offset far beyond the spread."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randn(count, generator=generator, dtype=torch.float64) + offset
    truth = torch.randn(count, generator=generator, dtype=torch.float64) + offset
    truth[1] = math.nan
    known = ~truth.isnan()
    p, t = prediction[known].numpy(), truth[known].numpy()
    expected = {
        "mae": reference.mean_absolute_error(t, p),
        "mse": reference.mean_squared_error(t, p),
        "rmse": reference.root_mean_squared_error(t, p),
        "r2": reference.r2_score(t, p),
        "pearson": stats.pearsonr(t, p).statistic,
        "spearman": stats.spearmanr(t, p).statistic,
        "nrmse": math.sqrt(reference.mean_squared_error(t, p)) / t.std(),
    }
    for name, value in expected.items():
        assert run(build(name, "values", mean=offset), prediction, truth) == pytest.approx(value), name


def test_scores_of_several_outputs_are_averaged():
    """R^2 of vectors is the mean over outputs, as in scikit-learn."""
    prediction, truth = torch.randn(2, 9, 3, dtype=torch.float64)
    assert run(build("r2", "values"), prediction, truth) == pytest.approx(
        reference.r2_score(truth, prediction)
    )


def test_ties_share_their_rank():
    """Spearman's correlation with ties is scipy's."""
    prediction, truth = torch.tensor([1.0, 1.0, 2.0, 3.0]), torch.tensor([5.0, 7.0, 7.0, 9.0])
    expected = stats.spearmanr(truth, prediction).statistic
    assert run(build("spearman", "values"), prediction, truth) == pytest.approx(expected)


def test_top_counts_the_likeliest_few():
    """`top: 2` is right where the truth is among the two likeliest."""
    probability = torch.tensor([[0.5, 0.3, 0.1, 0.1], [0.1, 0.5, 0.3, 0.1], [0.4, 0.3, 0.2, 0.1]])
    truth = torch.tensor([1, 3, -1])
    assert run(build({"type": "accuracy", "top": 2}), probability, truth) == 0.5


def test_calibration_error_of_a_known_case():
    """Confidence 0.9 that is right half the time is off by 0.4."""
    logits = torch.tensor([[0.9, 0.1]] * 4).log()
    truth = torch.tensor([0, 0, 1, 1])
    assert run(build("calibration_error", classes=2), logits, truth) == pytest.approx(0.4)


def test_pixels_count_together():
    """IoU of masks is over the pixels of all images, unlabelled ones left out."""
    truth = torch.randint(-1, 3, (4, 5, 5))
    probability = torch.rand(4, 3, 5, 5)
    known = truth >= 0
    expected = reference.jaccard_score(truth[known], probability.argmax(1)[known], average="macro")
    assert run(build("iou", "pixel_logits", 3), probability, truth) == pytest.approx(expected)


@pytest.mark.parametrize("name", own_names("metrics"))
def test_nothing_seen_is_nan(name):
    """A metric without a sample, or with missing targets alone, is NaN and never an error."""
    for prediction in parser.parse("metrics", name).takes:
        metric = build(name, prediction, mean=1.0)
        assert math.isnan(float(metric.compute()))
        if prediction == "values":
            metric.update(torch.zeros(3), torch.full((3,), math.nan))
        elif prediction == "rates":
            metric.update(torch.ones(3, 1), torch.full((3, 1), math.nan))
        elif prediction == "reconstruction":
            metric.update(torch.zeros(3, 2, 2), torch.full((3, 2, 2), math.nan))
        elif prediction == "embedding":
            metric.update(torch.zeros(0, 4), torch.zeros(0, 2))
        elif prediction == "label_logits":
            metric.update(torch.zeros(3, 4), torch.full((3, 4), math.nan))
        elif prediction == "token_logits":
            metric.update(torch.rand(3, 2, 4), torch.full((3, 2), -1))
        else:
            size = (3, 2, 2) if prediction == "pixel_logits" else (3,)
            metric.update(torch.rand(3, 4, *size[1:]), torch.full(size, -1))
        assert math.isnan(float(metric.compute()))


@pytest.mark.parametrize("name", own_names("metrics"))
def test_one_class_alone_is_no_crash(name):
    """An evaluation set of a single class, perfectly predicted, gives a figure within bounds or NaN."""
    block = parser.parse("metrics", name)
    low, high = block.bounds
    others = {
        "values",
        "pixel_logits",
        "label_logits",
        "token_logits",
        "rates",
        "reconstruction",
        "embedding",
    }
    for prediction in block.takes - others:
        metric = build(name, prediction)
        metric.update(torch.tensor([[0.01, 0.01, 0.97, 0.01]] * 3).log(), torch.tensor([2, 2, 2]))
        value = float(metric.compute())
        assert math.isnan(value) or ((low is None or value >= low) and (high is None or value <= high))


def own_heads(block, prediction="class_logits"):
    """Return a metric of two datasets with heads of their own, and (truth, predicted classes) of each."""
    generator, figures, pairs = torch.Generator().manual_seed(3), [], []
    for classes, names in ((3, "abc"), (2, "ba")):
        logits = torch.randn(9 * classes**2, classes, generator=generator)
        truth = torch.randint(0, classes, (len(logits),), generator=generator)
        if prediction == "label_logits":
            truth = torch.randint(0, 2, logits.shape, generator=generator).float()
        target = Target(prediction=prediction, output=Shape("vector", (classes,)), classes=tuple(names))
        figures.append(parser.parse("metrics", block).build(target))
        figures[-1].update(logits, truth)
        pairs.append(
            (truth.numpy(), (logits > 0 if prediction == "label_logits" else logits.argmax(1)).numpy())
        )
    return float(AccumulatedMetric.combine(figures)), pairs


def each_class(score, pairs):
    """Return the mean score over the classes of all datasets."""
    return np.mean(np.concatenate([score(*pair, average=None) for pair in pairs]))


def all_samples(score, pairs):
    """Return the score of all samples together."""
    return np.average([score(*pair) for pair in pairs], weights=[len(pair[0]) for pair in pairs])


def each_dataset(score, pairs):
    """Return the mean of the datasets' scores."""
    return np.mean([score(*pair) for pair in pairs])


@pytest.mark.parametrize(
    ("block", "over", "score"),
    [
        ("accuracy", all_samples, reference.accuracy_score),
        ("f1", each_class, reference.f1_score),
        ("iou", each_class, reference.jaccard_score),
        ({"type": "recall", "average": "micro"}, all_samples, reference.accuracy_score),
        ("balanced_accuracy", each_class, reference.recall_score),
        ("specificity", each_class, lambda t, p, average: [((t != k) & (p != k)).sum() / (t != k).sum() for k in range(t.max() + 1)]),
        ("cohen_kappa", each_dataset, reference.cohen_kappa_score),
        ("matthews_corrcoef", each_dataset, reference.matthews_corrcoef),
    ],
)  # fmt: skip
def test_classes_of_own_heads_stand_side_by_side(block, over, score):
    """Datasets with other classes: samples count alike, and classes too, never by the places of their names."""
    found, pairs = own_heads(block)
    assert found == pytest.approx(over(score, pairs))


def test_labels_of_own_heads_stand_side_by_side():
    """A macro score of labels is the mean over the labels of all datasets."""
    found, pairs = own_heads("f1", "label_logits")
    assert found == pytest.approx(each_class(reference.f1_score, pairs))


@pytest.mark.parametrize("name", own_names("metrics"))
def test_a_dataset_with_other_names_adds_its_own_classes(name):
    """Two datasets with the same counts, of classes or labels with other names, have the value of either."""
    for prediction in find("metrics", name).takes & {"class_logits", "label_logits", "ordinal_logits"}:
        figures = []
        for names in (NAMES, NAMES[::-1]):
            target = Target(prediction=prediction, output=Shape("vector", (4,)), classes=names)
            figures.append(parser.parse("metrics", name).build(target))
            generator = torch.Generator().manual_seed(2)
            logits = torch.randn(40, 4, generator=generator).log_softmax(1)
            truth = torch.randint(0, 2 if prediction == "label_logits" else 4, (40, 4), generator=generator)
            figures[-1].update(logits, truth.float() if prediction == "label_logits" else truth[:, 0])
        assert float(AccumulatedMetric.combine(figures)) == pytest.approx(
            float(figures[0].compute()), nan_ok=True
        )


def test_an_unknown_metric_is_suggested_for():
    """A misspelt name finds its neighbour."""
    _, problems = parser.read("metrics", "matthews_corcoef")
    assert "matthews_corrcoef" in " ".join(problems[0].helps)


def test_units_of_several_targets_stand_side_by_side():
    """R^2 over datasets with targets of their own is the mean of theirs, not that of all values in one heap."""
    parts = []
    for offset in (0.0, 100.0):
        metric = AccumulatedMetric(Moments(), each_output(r_squared))
        target = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64) + offset
        metric.update(target + torch.tensor([0.5, -0.5, 0.5, 0.5]), target)
        parts.append(metric)
    assert float(parts[0].compute()) == pytest.approx(0.8)
    assert float(AccumulatedMetric.combine(parts)) == pytest.approx(0.8)
