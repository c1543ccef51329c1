"""The objective: pieces add up to the whole, missing labels never bias the gradient."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from declare.contract.problem import ProblemError
from declare.lowering.model.graph import make_graph
from declare.lowering.training.objective import Objective
from tests.lowering.plans import Sketch, category, classify, dataset, features, labels, number, two_datasets


def built(sketch, **changes):
    """Return (graph, objective) of a sketch with one phase."""
    plan = sketch.plan(sketch.phase(**changes))
    graph = make_graph(plan)
    return graph, Objective(plan, plan.phases[0], graph)


def drawn(left, right, seed=0, missing=0.3):
    """Return a batch of two datasets with some labels missing."""
    generator = torch.Generator().manual_seed(seed)

    def values(count):
        target = torch.randn(count, generator=generator) * 9 + 35
        target[torch.rand(count, generator=generator) < missing] = math.nan
        return target

    def classes(count):
        target = torch.randint(0, 3, (count,), generator=generator)
        target[torch.rand(count, generator=generator) < missing] = -1
        return target

    return {
        "left": {"x": torch.randn(left, 4, generator=generator), "pain": classes(left), "age": values(left)},
        "right": {
            "x": torch.randn(right, 4, generator=generator),
            "kind": torch.randint(0, 3, (right,), generator=generator),
            "age": values(right),
        },
    }


def gradient(graph):
    """Return all gradients in one vector, and forget them."""
    found = torch.cat([item.grad.flatten() for item in graph.parameters() if item.grad is not None])
    graph.zero_grad(set_to_none=True)
    return found


def cut(batch, pieces):
    """Yield a batch in pieces."""
    for index in range(pieces):
        piece = {
            name: {field: tensor.tensor_split(pieces)[index] for field, tensor in fields.items()}
            for name, fields in batch.items()
        }
        if piece := {name: fields for name, fields in piece.items() if len(fields["x"])}:
            yield piece


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_pieces_give_the_gradient_of_the_whole_batch(left, right, pieces, seed):
    """However labels are missing and rows are cut, accumulation changes neither loss nor parts nor gradient."""
    graph, objective = built(two_datasets(), regularizers=({"type": "l2", "match": "*", "weight": 0.01},))
    batch = drawn(left, right, seed)
    loss, parts = objective(batch)
    loss.backward()
    whole = gradient(graph)
    totals = objective.denominators(batch)
    results = []
    for piece in cut(batch, pieces):
        piece_loss, piece_parts = objective(piece, totals)
        piece_loss.backward()
        results.append((piece_loss.detach(), piece_parts))
    torch.testing.assert_close(sum(item[0] for item in results), loss.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(sum(item[1] for item in results), parts, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient(graph), whole, rtol=1e-3, atol=1e-5)


def test_missing_labels_give_the_gradient_of_the_others_alone():
    """Rows without a label train as if they were not there."""
    graph, objective = built(classify(missing=2))
    batch = {"lab": {"x": torch.randn(6, 4), "y": torch.tensor([0, -1, 2, 1, -1, 1])}}
    objective(batch)[0].backward()
    masked = gradient(graph)
    kept = batch["lab"]["y"] >= 0
    objective({"lab": {name: item[kept] for name, item in batch["lab"].items()}})[0].backward()
    torch.testing.assert_close(masked, gradient(graph))


def test_a_batch_without_any_label_has_a_loss_of_zero():
    """No division by zero where a whole batch is unlabelled."""
    graph, objective = built(classify(missing=2))
    loss, _ = objective({"lab": {"x": torch.randn(3, 4), "y": torch.full((3,), -1)}})
    loss.backward()
    assert loss.item() == 0.0
    assert gradient(graph).abs().sum() == 0


def test_loss_of_one_task_is_torchs_mean():
    """One task without missing labels is the plain mean loss."""
    graph, objective = built(classify())
    batch = {"lab": {"x": torch.randn(6, 4), "y": torch.tensor([0, 1, 2, 1, 0, 1])}}
    loss, parts = objective(batch)
    expected = functional.cross_entropy(graph(batch, ["kind"])["kind"]["lab"], batch["lab"]["y"])
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(parts, expected.detach().reshape(1))


def test_tasks_weigh_what_the_phase_says():
    """The loss is the sum of parts by phase weight; a task of weight 0 is not computed."""
    _, objective = built(two_datasets(), tasks={"pain": 2.0, "kind": 0.5, "age": 0.0})
    loss, parts = objective(drawn(5, 4, missing=0.0))
    assert objective.names == ("pain", "kind")
    torch.testing.assert_close(loss.detach(), parts @ torch.tensor([2.0, 0.5]))


def test_losses_of_one_task_are_named_and_weighed():
    """A task with several losses reports each; their weights stand in its share."""
    sketch = Sketch(lab=dataset({"x": features(4), "age": number(30.0, 10.0)}))
    sketch.module("encoder", {"type": "mlp", "hidden": [8]}, "x")
    losses = [{"type": "mse"}, {"type": "mae", "weight": 0.25}]
    sketch.task("age", {"type": "regression", "target": "age"}, "encoder", loss=losses)
    graph, objective = built(sketch)
    batch = {"lab": {"x": torch.randn(5, 4), "age": torch.rand(5) * 40}}
    loss, parts = objective(batch)
    assert objective.names == ("age/mse", "age/mae")
    output, truth = graph(batch, ["age"])["age"]["lab"], (batch["lab"]["age"] - 30) / 10
    torch.testing.assert_close(
        parts, torch.stack([functional.mse_loss(output, truth), functional.l1_loss(output, truth)]).detach()
    )
    torch.testing.assert_close(loss.detach(), parts[0] + 0.25 * parts[1])


def test_weights_of_a_batch_are_the_numbers_of_labels():
    """They are known from the targets alone and add up over processes."""
    _, objective = built(two_datasets())
    batch = drawn(9, 7)
    expected = [
        (batch["left"]["pain"] >= 0).sum(),
        7,
        (~batch["left"]["age"].isnan()).sum() + (~batch["right"]["age"].isnan()).sum(),
    ]
    assert objective.denominators(batch).tolist() == [float(item) for item in expected]
    halves = sum(objective.denominators(piece) for piece in cut(batch, 2))
    torch.testing.assert_close(halves, objective.denominators(batch))


def test_tasks_without_rows_count_nothing():
    """With one dataset alone in a batch, the other's loss is 0 and its head gets no gradient."""
    graph, objective = built(two_datasets())
    batch = {"left": drawn(5, 4)["left"]}
    loss, parts = objective(batch)
    loss.backward()
    assert parts[1] == 0
    assert graph.heads.kind.weight.grad is None
    assert objective.denominators(batch)[1] == 0


@pytest.mark.parametrize(
    ("pattern", "names"), [("encoder.*", ["encoder.0.weight", "encoder.0.bias"]), ("*.bias", None)]
)
def test_regularizers_reach_the_parameters_that_match(pattern, names):
    """A penalty adds its weight times the rule over matching parameters."""
    graph, objective = built(classify(), regularizers=({"type": "l1", "match": pattern, "weight": 0.5},))
    batch = {"lab": {"x": torch.randn(6, 4), "y": torch.tensor([0, 1, 2, 1, 0, 1])}}
    loss, parts = objective(batch)
    named = dict(graph.named_parameters())
    names = names or [name for name in named if name.endswith("bias")]
    expected = sum(named[name].abs().sum() for name in names)
    torch.testing.assert_close(parts[1], expected.detach())
    torch.testing.assert_close(loss, parts[0] + 0.5 * expected)
    assert objective.names == ("kind", "regularizer/l1")


def test_labels_of_several_kinds_train_together():
    """Multi-label and mixed targets pass through the same path."""
    sketch = Sketch(lab=dataset({"x": features(4), "tags": labels(missing=1)}))
    sketch.module("encoder", {"type": "mlp", "hidden": [8]}, "x")
    sketch.task("tags", {"type": "multilabel", "target": "tags"}, "encoder")
    graph, objective = built(sketch)
    tags = torch.tensor([[1.0, 0.0, math.nan], [0.0, 0.0, 1.0]])
    loss, _ = objective({"lab": {"x": torch.randn(2, 4), "tags": tags}})
    loss.backward()
    assert gradient(graph).isfinite().all()
    assert objective.denominators({"lab": {"x": torch.zeros(2, 4), "tags": tags}}).tolist() == [5.0]


def test_augments_change_training_batches_only():
    """In training the batch is mixed, in evaluation it is not; missing labels stay out of the loss."""
    graph, objective = built(classify(missing=2), augment=({"type": "mixup", "alpha": 1.0},))
    batch = {"lab": {"x": torch.randn(8, 4), "y": torch.tensor([0, 1, 2, 1, -1, 1, 2, 0])}}
    torch.manual_seed(1)
    mixed, _ = objective(batch, objective.denominators(batch))
    torch.manual_seed(1)
    alone, _ = objective(batch)
    torch.testing.assert_close(mixed, alone)
    objective.eval()
    plain, _ = objective(batch)
    assert not torch.isclose(plain, mixed)
    expected = functional.cross_entropy(
        graph(batch, ["kind"])["kind"]["lab"], batch["lab"]["y"], ignore_index=-1
    )
    torch.testing.assert_close(plain, expected)


@pytest.mark.parametrize("kind", ["classification", "ordinal"])
def test_a_mixed_batch_goes_with_one_of_another_dataset_that_is_not(kind):
    """Where a draw mixes one dataset's batch alone, the loss is that of both, with classes as probabilities."""
    sides = {
        name: dataset({"x": features(4), "y": category(("no", "low", "high"))}) for name in ("left", "right")
    }
    sketch = Sketch(**sides)
    sketch.module("encoder", {"type": "mlp", "hidden": [16]}, "x")
    sketch.task("kind", {"type": kind, "target": "y", "datasets": ["left", "right"]}, "encoder")
    _, objective = built(sketch, augment=({"type": "mixup", "alpha": 1.0, "probability": 0.5},))
    batch = {name: {"x": torch.randn(6, 4), "y": torch.tensor([0, 1, 2, 1, -1, 2])} for name in sides}
    losses = set()
    for seed in range(12):
        torch.manual_seed(seed)
        loss, _ = objective(batch, objective.denominators(batch))
        assert loss.isfinite()
        losses.add(round(loss.item(), 6))
    assert len(losses) > 6


def test_an_augment_without_a_field_is_refused():
    """Cutting boxes out of vectors is LOS415 at the augment's place."""
    with pytest.raises(ProblemError) as caught:
        built(classify(), augment=({"type": "cutmix"},))
    assert (caught.value.problem.code, caught.value.problem.at) == ("LOS415", "phases.fit.augment.0")


@pytest.mark.parametrize("sketch", [classify, two_datasets])
def test_losses_are_computed_in_full_precision(sketch):
    """Under autocast the model's outputs are rounded, but neither losses nor their sum are."""
    _, objective = built(sketch())
    batch = (
        drawn(6, 5) if sketch is two_datasets else {"lab": {"x": torch.randn(6, 4), "y": torch.arange(6) % 3}}
    )
    exact, _ = objective(batch)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, parts = objective(batch)
    assert rounded.dtype == parts.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
    torch.testing.assert_close(
        rounded.detach(), (parts * torch.tensor(objective._loss_weights)).sum(), rtol=1e-6, atol=0.0
    )


def test_compiled_objectives_are_one_graph():
    """torch.compile traces graph, masking and losses without a break."""
    _, objective = built(two_datasets())
    batch = drawn(6, 5)
    compiled = torch.compile(objective, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch)[0], objective(batch)[0])
