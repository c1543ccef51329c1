"""Trivial baselines: frequencies among the training samples that can be read, as each loss weighs them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import metrics as reference

from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.lowering.data.tables import Tables
from declare.lowering.evaluation.evaluator import Evaluator
from declare.lowering.model.graph import make_graph
from declare.parsing import parser
from tests.compiler.specs import run
from tests.lowering.plans import Sketch, category, dataset, features, number

CPU = torch.device("cpu")

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    on_corrupt: {action: skip, limit: 60%}
    fields:
      image: {type: image}
      kind: {type: category, missing: [""]}
      traits: {type: labels}
      words: {type: text, tokenizer: word, max_length: 8}
      usable: {type: valid}
      part: {type: category}
    split: {column: part}
model: {encoder: {type: cnn, input: image, channels: [2]}, texts: {type: transformer, input: words, dim: 4, depth: 1, heads: 1, causal: true}}
tasks:
  kind: {type: classification, dataset: d, target: kind, head: HEAD, metrics: [accuracy]}
  marked: {type: classification, dataset: d, target: kind, mask: usable, head: HEAD, metrics: [accuracy]}
  level: {type: ordinal, dataset: d, target: kind, head: HEAD, metrics: [mae]}
  traits: {type: multilabel, dataset: d, target: traits, mask: usable, head: HEAD, metrics: [f1]}
  words: {type: causal_lm, dataset: d, target: words, head: {type: lm, input: texts}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
""".replace("HEAD", "{type: linear, input: encoder}")


@pytest.fixture
def samples(tmp_path):
    """Return samples of which the training images of most `b` are broken."""
    draws = np.random.default_rng(4)
    rows = []
    for index in range(48):
        kind = ["a", "b", "a", "c"][index % 4]
        part = "train" if index < 32 else "val"
        path = tmp_path / f"{index}.png"
        Image.fromarray(draws.integers(0, 255, (8, 8, 3)).astype("uint8")).save(path)
        is_broken = part == "train" and kind == "b" and index % 3 > 0
        if is_broken:
            path.write_bytes(b"broken")
        traits = [name for name, flag in zip("uv", draws.random(2) < 0.5, strict=True) if flag]
        traits += ["u"] if is_broken else []
        words = ["one", "two"] * 3 if is_broken else ["one"] * int(draws.integers(1, 5))
        rows.append(
            {
                "image": path.name,
                "kind": "" if index % 11 == 5 else kind,
                "traits": sorted(set(traits)),
                "words": " ".join(words),
                "usable": bool(index % 5),
                "part": part,
                "broken": is_broken,
            }
        )
    shown = [{key: value for key, value in row.items() if key != "broken"} for row in rows]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shown))
    return rows


def baselines(folder):
    """Return what trivial baselines reach on validation data, and the plan."""
    checked = run(folder, SPEC)
    plan = checked.plan
    assert plan is not None, [item.title for item in checked.diagnostics]
    judge = Evaluator(plan, make_graph(plan), Tables.fit(plan), CPU)
    judge.run("val")
    return judge.baseline_metrics("val"), plan


def shares(rows):
    """Return how often each kind occurs among rows with a label."""
    kinds = [row["kind"] for row in rows if row["kind"]]
    return np.array([kinds.count(kind) for kind in "abc"]) / len(kinds)


def test_skipped_samples_enter_no_baseline(tmp_path, samples):
    """Losses and metrics are those of frequencies among the readable training samples, with and without a mask."""
    found, plan = baselines(tmp_path)
    train = [row for row in samples if row["part"] == "train" and not row["broken"]]
    val = [row for row in samples if row["part"] == "val"]
    assert sum(plan.tasks["kind"].target.counts) > len(train), "the plan decodes no files"
    for task, is_marked in (("kind", False), ("level", False), ("marked", True)):
        known = shares([row for row in train if row["usable"] or not is_marked])
        true = [row["kind"] for row in val if row["kind"] and (row["usable"] or not is_marked)]
        expected = reference.log_loss(true, [known] * len(true), labels=list("abc"))
        if task == "level":
            median = int(np.searchsorted(known.cumsum(), 0.5))
            steps = [abs("abc".index(kind) - median) for kind in true]
            assert found["val/level/mae"] == pytest.approx(np.mean(steps))
        else:
            assert found[f"val/{task}/loss"] == pytest.approx(expected, rel=1e-5)
            often = ["abc"[known.argmax()]] * len(true)
            assert found[f"val/{task}/accuracy"] == pytest.approx(reference.accuracy_score(true, often))


def test_skipped_samples_enter_no_rates_of_labels(tmp_path, samples):
    """The rates of labels are those of usable samples that can be read."""
    found, _ = baselines(tmp_path)
    table = np.array([[name in row["traits"] for name in "uv"] for row in samples], float)
    usable = np.array([row["usable"] for row in samples])
    broken = np.array([row["broken"] for row in samples])
    train = np.array([row["part"] == "train" for row in samples])
    rates = table[train & usable & ~broken].mean(0)
    true = table[~train & usable]
    expected = -(true * np.log(rates) + (1 - true) * np.log(1 - rates)).mean()
    assert found["val/traits/loss"] == pytest.approx(expected, rel=1e-5)


def test_skipped_samples_enter_no_unigrams(tmp_path, samples):
    """Texts beside broken images do not count: `two`, which these alone hold, is a token never seen."""
    found, plan = baselines(tmp_path)
    pieces = plan.datasets["d"].fields["words"].facts.extra["vocabulary"]["pieces"]
    assert sorted(pieces) == ["one", "two"]
    train = [row for row in samples if row["part"] == "train" and not row["broken"]]
    ones = sum(len(row["words"].split()) for row in train)
    size = len(plan.tasks["words"].target.unigrams)
    # Each count is one higher: some tokens do not occur.
    total = ones + len(train) + size
    val = [row for row in samples if row["part"] == "val"]
    words = sum(len(row["words"].split()) for row in val)
    expected = -(words * np.log((ones + 1) / total) + len(val) * np.log((len(train) + 1) / total))
    assert found["val/words/loss"] == pytest.approx(expected / (words + len(val)), rel=1e-5)


def test_a_constant_has_no_correlation():
    """Its correlation with targets that vary is 0, which a model must beat; nothing without any target."""
    sketch = Sketch(lab=dataset({"x": features(4), "y": number()}))
    sketch.module("encoder", {"type": "mlp", "hidden": [4]}, "x")
    task = {"type": "regression", "target": "y"}
    plan = sketch.task("level", task, "encoder", metrics=["pearson", "spearman", "r2"]).plan()
    for targets, expected in (
        (torch.arange(8.0), {"pearson": 0.0, "spearman": 0.0}),
        (torch.full((8,), torch.nan), {}),
    ):
        fields = {"x": torch.randn(8, 4), "y": targets}
        judge = Evaluator(plan, make_graph(plan), None, CPU, batches=lambda *_, fields=fields: iter([fields]))
        judge.run("val")
        found = judge.baseline_metrics("val")
        assert {name: found[f"val/level/{name}"] for name in expected} == expected
        assert bool(found) == bool(expected)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
@pytest.mark.parametrize("weights", ["balanced", [0.2, 1.0, 5.0]])
def test_a_weighted_loss_is_that_of_weighted_frequencies(loss, weights):
    """No single answer has a smaller weighted loss on the training targets; metrics are the majority's."""
    counts = (60, 30, 10)
    sketch = Sketch(lab=dataset({"x": features(4), "y": category(counts=counts)}))
    sketch.module("encoder", {"type": "mlp", "hidden": [4]}, "x")
    block = {"type": loss, "class_weights": weights} | ({"gamma": 0.0} if loss == "focal" else {})
    task = {"type": "classification", "target": "y"}
    plan = sketch.task("kind", task, "encoder", loss=block, metrics=["accuracy"]).plan()
    truth = torch.arange(3).repeat_interleave(torch.tensor(counts))
    fields = {"x": torch.randn(100, 4), "y": truth}
    judge = Evaluator(plan, make_graph(plan), None, CPU, batches=lambda *_: iter([fields]))
    judge.run("val")
    found = judge.baseline_metrics("val")
    of_class = np.array(plan.tasks["kind"].losses[0].class_weights)
    shares = np.array(counts) * of_class / (counts * of_class).sum()
    assert found["val/kind/loss"] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-5)
    assert found["val/kind/accuracy"] == pytest.approx(0.6)


def test_weighted_positives_are_as_frequent_as_they_weigh():
    """With `pos_weight` the constant that costs least on the training rates is the baseline of the loss."""
    rates, weights = np.array([0.2, 0.5]), [3.0, 1.0]
    target = Target(
        prediction="label_logits", output=Shape("vector", (2,)), classes=("u", "v"), rates=tuple(rates)
    )
    found = np.array(parser.parse("losses", {"type": "bce", "pos_weight": weights}).weigh(target).rates)
    grid = np.linspace(0.001, 0.999, 999)[:, None]
    cost = -(rates * weights * np.log(grid) + (1 - rates) * np.log(1 - grid))
    np.testing.assert_allclose(found, grid[cost.argmin(0), 0], atol=1e-3)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "cross_entropy", "label_smoothing": 0.2},
        {"type": "cross_entropy", "label_smoothing": 0.3, "class_weights": [3.0, 1.0, 0.5]},
        {"type": "cross_entropy", "ignore_index": 0},
        *({"type": "focal", "gamma": gamma} for gamma in (0.5, 1.0, 2.0, 7.0)),
        {"type": "focal", "class_weights": [0.2, 1.0, 5.0]},
    ],
    ids=str,
)
def test_no_constant_costs_less_than_the_baseline_of_the_loss(block):
    """Over training targets, of all answers that are the same for every sample, found by gradient descent."""
    counts = (600, 300, 100)
    target = Target(
        prediction="class_logits", output=Shape("vector", (3,)), classes=tuple("abc"), counts=counts
    )
    component = parser.parse("losses", block)
    truth, loss = torch.arange(3).repeat_interleave(torch.tensor(counts)), component.build(target)
    constant = torch.tensor(component.weigh(target).counts, dtype=torch.float64)
    constant = constant + (0 if constant.all() else 1)

    def cost(logits):
        total, weight = loss(logits.expand(1000, 3), truth)
        return total / weight

    cheapest = least(cost, torch.zeros(3, dtype=torch.float64))
    assert float(cost(constant.log())) == pytest.approx(cheapest, abs=1e-5 if constant.min() > 1 else 1e-2)


@pytest.mark.parametrize(
    "block", [{"gamma": 2.0}, {"gamma": 0.5, "class_weights": [4.0, 0.5]}, {"gamma": 0.0}]
)
def test_no_constant_rate_costs_less_than_the_baseline_of_focal(block):
    """Of labels each has its own rate."""
    rates = (0.2, 0.6)
    target = Target(
        prediction="label_logits",
        output=Shape("vector", (2,)),
        classes=("u", "v"),
        rates=rates,
        counts=(2, 6),
    )
    component = parser.parse("losses", {"type": "focal"} | block)
    truth = (torch.arange(10).unsqueeze(1) < torch.tensor(rates) * 10 - 0.5).double()
    loss = component.build(target)
    best = torch.tensor(component.weigh(target).rates, dtype=torch.float64)
    cheapest = least(lambda logits: loss(logits.expand(10, 2), truth)[0], torch.zeros(2, dtype=torch.float64))
    assert float(loss(best.logit().expand(10, 2), truth)[0]) == pytest.approx(cheapest, abs=1e-5)


def least(cost, start):
    """Return the least cost that descent from `start` reaches."""
    logits = start.requires_grad_()
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = cost(logits)
        value.backward()
        return value

    optimizer.step(closure)
    return float(cost(logits).detach())
