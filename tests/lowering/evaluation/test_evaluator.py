"""Evaluation: metrics per dataset and overall, over uneven batches, missing labels, and weights that stand."""

import math
from types import SimpleNamespace

import pytest
import torch
from sklearn import metrics as reference

from declare.ir.composites import NotArithmeticError, evaluate
from declare.lowering.evaluation.evaluator import Evaluator
from declare.lowering.model.graph import make_graph
from declare.lowering.training.ema import EMA
from declare.nn.distributed.process_group import ProcessGroup
from tests.lowering.plans import Sketch, category, classify, dataset, features, two_datasets

CPU = torch.device("cpu")


def evaluator(plan, graph, data, pieces=3, **changes):
    """Return an evaluator over data in memory: dataset -> fields, cut into pieces."""

    def batches(name, split, size, numbers):
        for index in range(pieces):
            yield {field: tensor.tensor_split(pieces)[index] for field, tensor in data[name].items()}

    return Evaluator(plan, graph, None, CPU, batches=batches, **changes)


def both(seed=0):
    """Return data of the two datasets, some labels missing."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "left": {
            "x": torch.randn(11, 4, generator=generator),
            "pain": torch.tensor([0, 1, 2, -1, 0, 2, 1, -1, 1, 2, 0]),
            "age": torch.randn(11, generator=generator) * 9 + 40,
        },
        "right": {
            "x": torch.randn(7, 4, generator=generator),
            "kind": torch.tensor([0, 1, 2, 1, 0, 2, 1]),
            "age": torch.randn(7, generator=generator) * 9 + 30,
        },
    }


def test_names_say_split_task_dataset_and_metric():
    """A task with several datasets is reported for each and overall, the others once."""
    plan = two_datasets().plan()
    found = evaluator(plan, make_graph(plan), both()).run("val")
    assert set(found) == {
        *(f"val/pain/{name}" for name in ("loss", "accuracy", "mae", "qwk")),
        *(f"val/kind/{name}" for name in ("loss", "accuracy", "f1")),
        *(
            f"val/{task}/{name}"
            for task in ("age", "age@left", "age@right")
            for name in ("loss", "mae", "rmse", "r2")
        ),
    }


def test_figures_are_those_of_all_samples_at_once():
    """Batches of uneven size change nothing; regression is in the target's own units."""
    plan, data = two_datasets().plan(), both()
    graph = make_graph(plan)
    found = evaluator(plan, graph, data).run("val")
    assert found == pytest.approx(evaluator(plan, graph, data, pieces=1).run("val"))
    graph.eval()
    said = graph(data, ["kind"])["kind"]["right"].argmax(1)
    assert found["val/kind/accuracy"] == pytest.approx(reference.accuracy_score(data["right"]["kind"], said))
    spread = plan.tasks["age"].target.std[0]
    values = {
        name: graph(data, ["age"])["age"][name].detach() * spread + plan.tasks["age"].target.mean[0]
        for name in data
    }
    true = torch.cat([data[name]["age"] for name in data])
    expected = reference.mean_absolute_error(true, torch.cat([values[name] for name in data]))
    assert found["val/age/mae"] == pytest.approx(expected, rel=1e-5)
    expected = reference.mean_absolute_error(data["left"]["age"], values["left"])
    assert found["val/age@left/mae"] == pytest.approx(expected, rel=1e-5)


def test_heads_of_their_own_rank_apart_though_their_targets_are_alike():
    """Scores of two heads do not compare: a ranking over both is the mean of theirs, for equal class counts too."""
    parts = {name: dataset({"x": features(4), "kind": category()}) for name in ("left", "right")}
    sketch = Sketch(**parts).module("encoder", {"type": "mlp", "hidden": [16]}, "x")
    task = {"type": "classification", "target": "kind", "datasets": ["left", "right"]}
    head = {"type": "linear", "per_dataset": True}
    plan = sketch.task("kind", task, "encoder", head=head, metrics=["auroc", "accuracy"]).plan()
    data = {"left": {"x": both()["left"]["x"], "kind": torch.arange(11) % 3}, "right": both()["right"]}
    found = evaluator(plan, make_graph(plan), data).run("val")
    each = [found[f"val/kind@{name}/auroc"] for name in parts]
    assert found["val/kind/auroc"] == pytest.approx(sum(each) / 2)
    rows = [found[f"val/kind@{name}/accuracy"] * size for name, size in (("left", 11), ("right", 7))]
    assert found["val/kind/accuracy"] == pytest.approx(sum(rows) / 18)


def test_loss_is_the_mean_over_labelled_samples():
    """The loss of a split divides by valid targets, as training does."""
    plan, data = two_datasets().plan(), both()
    graph = make_graph(plan)
    found = evaluator(plan, graph, data).run("val", ["pain"])
    kept = data["left"]["pain"] >= 0
    alone = {"left": {name: item[kept] for name, item in data["left"].items()}}
    assert found["val/pain/loss"] == pytest.approx(
        evaluator(plan, graph, alone).run("val", ["pain"])["val/pain/loss"]
    )


def test_weighted_losses_are_those_of_all_samples():
    """Losses of a task count by their weights, and class weights by what they are on the whole split."""
    sketch = Sketch(lab=dataset({"x": features(4), "y": category()}))
    losses = [
        {"type": "cross_entropy", "weight": 0.25, "class_weights": [0.1, 1.0, 4.0]},
        {"type": "focal", "weight": 2.0},
    ]
    sketch.module("encoder", {"type": "mlp", "hidden": [16]}, "x")
    plan = sketch.task("kind", {"type": "classification", "target": "y"}, "encoder", loss=losses).plan()
    graph = make_graph(plan).eval()
    truth = torch.tensor([0, 0, 0, 0, 2, 2, 1, 0, 2])
    data = {"lab": {"x": torch.randn(9, 4, generator=torch.Generator().manual_seed(1)), "y": truth}}
    logs = graph(data, ["kind"])["kind"]["lab"].detach().log_softmax(1)
    own = logs.gather(1, truth[:, None])[:, 0]
    weights = torch.tensor([0.1, 1.0, 4.0])[truth]
    weighted = -(weights * own).sum() / weights.sum()
    focal = -((1 - own.exp()) ** 2 * own).mean()
    for pieces in (1, 2, 4):
        found = evaluator(plan, graph, data, pieces=pieces).run("val")["val/kind/loss"]
        assert found == pytest.approx(float(0.25 * weighted + 2 * focal), rel=1e-5)


def test_evaluation_leaves_the_graph_as_it_was():
    """No gradient, evaluation mode inside (dropout off), every module's mode as before."""
    sketch = Sketch(lab=dataset({"x": features(4), "y": category()}))
    sketch.module("encoder", {"type": "mlp", "hidden": [16], "dropout": 0.5}, "x")
    plan = sketch.task("kind", {"type": "classification", "target": "y"}, "encoder").plan()
    graph = make_graph(plan)
    graph.train()
    graph.heads.eval()
    data = {"lab": {"x": torch.randn(9, 4), "y": torch.randint(0, 3, (9,))}}
    run = evaluator(plan, graph, data)
    assert run.run("val") == run.run("val")
    assert graph.encoder.training
    assert not graph.heads.kind.training


def test_a_split_without_samples_has_no_figures():
    """Nothing is made up for a split that is empty."""
    plan = classify().plan()
    assert evaluator(plan, make_graph(plan), {}).run("test") == {}


def test_a_single_class_and_no_labels_are_no_crash():
    """Figures that are not defined are NaN."""
    plan = two_datasets().plan()
    data = both()
    data["left"]["pain"] = torch.full((11,), -1)
    data["right"]["kind"] = torch.full((7,), 2)
    found = evaluator(plan, make_graph(plan), data).run("val", ["pain", "kind"])
    assert all(math.isnan(found[f"val/pain/{name}"]) for name in ("loss", "accuracy", "mae", "qwk"))
    assert 0 <= found["val/kind/accuracy"] <= 1


def test_composites_are_computed_where_all_parts_are_there():
    """A composite over the split's metrics comes with them; one over others does not."""
    formulas = {"score": "0.5 * val/kind/accuracy - val/age@left/mae / 2", "later": "test/kind/f1 + 1"}
    plan = two_datasets().plan(composites=formulas)
    found = evaluator(plan, make_graph(plan), both()).run("val")
    expected = 0.5 * found["val/kind/accuracy"] - found["val/age@left/mae"] / 2
    assert found["score"] == pytest.approx(expected)
    assert "later" not in found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a/b + 2 * a/c", 5.0),
        ("-(a/b) ** 2 / 4", -0.25),
        ("a/b/2", 0.5),
        ("a/b / 0", math.nan),
        ("(0 - a/b) ** 0.5", math.nan),
        ("9.0 ** 9 ** 9 * a/b", math.nan),
        ("1e300 * a/b * 1e300", math.nan),
        ("a/z + 1", math.nan),
    ],
)
def test_arithmetic(text, value):
    """Composites follow the rules of arithmetic; what has no value is NaN."""
    assert evaluate(text, {"a/b": 1.0, "a/c": 2.0}) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "a/b if 1 else 2",
        "[a/b][0]",
        "a/b.real",
        "lambda: 1",
        "x + 1",
        "'a'",
        "a/b +",
    ],
)
def test_nothing_but_arithmetic_is_evaluated(text):
    """Calls, attributes, names and the rest of Python are refused."""
    with pytest.raises(NotArithmeticError):
        evaluate(text, {"a/b": 1.0})


def test_average_follows_the_weights():
    """The average lags behind the weights; swapping shows it and puts the weights back."""
    graph = make_graph(classify().plan())
    average = EMA(graph, decay=0.5)
    before = graph.encoder[0].weight.detach().clone()
    with torch.no_grad():
        graph.encoder[0].weight.add_(1.0)
    average.update()
    with average.average_parameters():
        # The first update keeps (1 + 0) / (10 + 0) of the old average.
        torch.testing.assert_close(graph.encoder[0].weight, before + 0.9)
    torch.testing.assert_close(graph.encoder[0].weight, before + 1.0)
    for _ in range(40):
        average.update()
    with average.average_parameters():
        torch.testing.assert_close(graph.encoder[0].weight, before + 1.0)


def test_an_average_without_warm_up_has_its_decay_at_once():
    """Each update keeps the stated share of the old average."""
    graph = make_graph(classify().plan())
    average = EMA(graph, decay=0.75, warmup=False)
    before = graph.encoder[0].weight.detach().clone()
    with torch.no_grad():
        graph.encoder[0].weight.add_(1.0)
    average.update()
    with average.average_parameters():
        torch.testing.assert_close(graph.encoder[0].weight, before + 0.25)


def test_average_survives_saving():
    """State taken over by a new average continues as the old one would."""
    one, two = make_graph(classify().plan()), make_graph(classify().plan())
    first, second = EMA(one, 0.9), EMA(two, 0.9)
    with torch.no_grad():
        one.encoder[0].weight.add_(1.0)
        two.encoder[0].weight.add_(1.0)
    first.update()
    second.load_state_dict(first.state_dict())
    first.update()
    second.update()
    for name, item in first.state_dict()["weights"].items():
        torch.testing.assert_close(second.state_dict()["weights"][name], item)


@pytest.mark.parametrize("readable", [0, 4, 11])
def test_processes_share_the_samples_that_can_be_read(readable):
    """A split that lost samples since it was planned is cut by what is left of it: no process looks beyond its end."""
    plan = two_datasets().plan()
    fields = both()["left"]
    seen = []

    def batches(name, split, size, numbers):
        for number in range(-(-readable // size)) if numbers is None else numbers:
            rows = range(number * size, min((number + 1) * size, readable))
            assert rows
            seen.extend(rows)
            yield {field: tensor[rows.start : rows.stop] for field, tensor in fields.items()}

    def table(name, split):
        return SimpleNamespace(num_samples=readable)

    for rank in range(3):
        world = ProcessGroup()
        world.rank, world.size = rank, 3
        tables = SimpleNamespace(table=table)
        judge = Evaluator(plan, make_graph(plan), tables, CPU, batches=batches, world=world)
        judge.run("val", ["pain"])
    assert sorted(set(seen)) == [*range(readable)]


@pytest.mark.parametrize("readable", [(2, 2, 2), (2, 0, 1), (0, 0, 2), (0, 0, 0)])
def test_every_process_goes_through_the_graph_as_often(readable):
    """Processes that hold shares of a model wait for each other: one whose batches cannot be read repeats another."""
    plan = two_datasets().plan()
    graph = make_graph(plan)
    fields = both()["left"]
    passes = []

    def batches(name, split, size, numbers):
        for rank, number in enumerate(readable):
            for at in range(2 * rank, 2 * rank + number):
                if numbers is None or at in numbers:
                    yield {field: tensor[:size] for field, tensor in fields.items()}

    for rank in range(3):
        world = ProcessGroup()
        world.rank, world.size = rank, 3
        tables = SimpleNamespace(table=lambda name, split: SimpleNamespace(num_samples=2 * 3 * 4096))
        judge = Evaluator(plan, graph, tables, CPU, batches=batches, world=world)
        handle = graph.register_forward_pre_hook(lambda *_: passes.append(rank))  # noqa: B023
        judge.run("val", ["pain"])
        handle.remove()
    assert [passes.count(rank) for rank in range(3)] == [max(readable)] * 3


def test_trivial_figures_are_those_of_training_targets_alone():
    """The trivial baseline gives the most frequent class and the mean of the training split, however batches are cut."""
    plan, data = two_datasets().plan(), both()
    counts = plan.tasks["kind"].target.counts
    judge = evaluator(plan, make_graph(plan), data)
    assert judge.baseline_metrics("val") == {}
    judge.run("val")
    found = judge.baseline_metrics("val")
    true = data["right"]["kind"]
    often = torch.tensor(counts).argmax().expand_as(true)
    assert found["val/kind/accuracy"] == pytest.approx(reference.accuracy_score(true, often))
    shares = (torch.tensor(counts).double() / sum(counts)).expand(len(true), -1)
    assert found["val/kind/loss"] == pytest.approx(reference.log_loss(true, shares, labels=[0, 1, 2]))
    for name, item in data.items():
        mean = torch.full_like(item["age"], plan.tasks["age"].target.mean[0])
        expected = reference.mean_absolute_error(item["age"], mean)
        assert found[f"val/age@{name}/mae"] == pytest.approx(expected, rel=1e-5)


def test_trivial_figures_are_measured_once():
    """A second evaluation leaves them as they are; other tasks are added when they are evaluated."""
    plan, data = two_datasets().plan(), both()
    judge = evaluator(plan, make_graph(plan), data)
    judge.run("val", ["kind"])
    once = judge.baseline_metrics("val")
    assert {name.split("/")[1] for name in once} == {"kind"}
    data["right"]["kind"] = data["right"]["kind"].flip(0) * 0
    judge.run("val", ["kind", "age"])
    assert once.items() <= judge.baseline_metrics("val").items()
    assert "val/age/mae" in judge.baseline_metrics("val")
