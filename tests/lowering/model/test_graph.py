"""The built graph: what runs on which rows, and with which weights."""

import pytest
import torch

from declare.contract.facts import FieldFacts
from declare.contract.shapes import Shape
from declare.lowering.model.graph import make_graph
from tests.lowering.plans import Sketch, category, classify, dataset, features, two_datasets


def rows(**sizes):
    """Return a batch of `x` for datasets of these many rows."""
    generator = torch.Generator().manual_seed(1)
    return {name: {"x": torch.randn(size, 4, generator=generator)} for name, size in sizes.items()}


def test_children_stand_under_the_paths_of_the_plan():
    """State keys are node paths and the names inside the node."""
    graph = make_graph(classify().plan())
    assert list(graph.state_dict()) == [
        "encoder.0.weight",
        "encoder.0.bias",
        "heads.kind.weight",
        "heads.kind.bias",
    ]


@pytest.mark.parametrize("name", ["training", "type", "forward", "train", "get_submodule"])
def test_names_of_torch_s_own_attributes_are_names_like_any(name):
    """A module and a task may be called as what every module of torch has."""
    sketch = Sketch(lab=dataset({"x": features(), "kind": category()}))
    sketch.module(name, {"type": "mlp", "hidden": [3]}, "x")
    graph = make_graph(sketch.task(name, {"type": "classification", "target": "kind"}, name).plan())
    for mode in (False, True):
        assert all(module.training is mode for module in graph.train(mode).modules())
    modules = dict(graph.named_modules())
    assert graph.get_submodule(name) is modules[name]
    assert graph.get_submodule(f"heads.{name}") is modules[f"heads.{name}"]
    assert graph(rows(lab=2), [name])[name]["lab"].shape == (2, 3)


def test_output_is_that_of_the_modules_called_by_hand():
    """The graph calls encoder and head, nothing else."""
    graph, batch = make_graph(classify().plan()), rows(lab=8)
    by_hand = graph.heads.kind(graph.encoder(batch["lab"]["x"]))
    assert torch.equal(graph(batch, ["kind"])["kind"]["lab"], by_hand)


def test_same_seed_gives_the_same_weights():
    """Weights follow from the plan alone, whatever the global generator did before."""
    plan = classify().plan()
    one = make_graph(plan).state_dict()
    torch.rand(3)
    two = make_graph(plan).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_making_a_graph_leaves_the_global_generator_alone():
    """Random draws of the caller do not depend on the size of the model."""
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    make_graph(classify().plan())
    assert torch.equal(torch.rand(2), expected)


def test_another_node_does_not_change_the_first_weights():
    """Each node's weights come from its own path."""
    alone = make_graph(classify().plan())
    sketch = classify().module("extra", {"type": "mlp", "hidden": [3]}, "x")
    both = make_graph(sketch.plan())
    assert torch.equal(alone.encoder[0].weight, both.encoder[0].weight)


def test_datasets_of_one_shape_share_a_call():
    """The shared encoder sees the rows of both datasets at once, each head its own."""
    graph, seen = make_graph(two_datasets().plan()), []
    graph.encoder.register_forward_hook(lambda module, args, out: seen.append(len(out)))
    outputs = graph(rows(left=5, right=3), ["pain", "kind", "age"])
    assert seen == [8]
    assert {task: {name: len(item) for name, item in found.items()} for task, found in outputs.items()} == {
        "pain": {"left": 5},
        "kind": {"right": 3},
        "age": {"left": 5, "right": 3},
    }


def test_sharing_a_call_changes_no_output():
    """Rows of two datasets together give what each gives alone."""
    graph, batch = make_graph(two_datasets().plan()), rows(left=5, right=3)
    together = graph(batch, ["age"])["age"]
    for name in batch:
        alone = graph({name: batch[name]}, ["age"])["age"][name]
        torch.testing.assert_close(together[name], alone)


def test_joined_outputs_stand_by_lane():
    """With `joined`, a head that ran once gives one tensor over the rows of its datasets in the plan's order."""
    graph, batch = make_graph(two_datasets().plan()), rows(right=3, left=5)
    ((group, output),) = graph(batch, ["age"], joined=True)["age"]
    assert group == ("left", "right")
    split = graph(batch, ["age"])["age"]
    torch.testing.assert_close(output, torch.cat([split["left"], split["right"]]))


def test_only_what_the_tasks_need_is_run():
    """A head of a task that is not asked for is not called."""
    graph = make_graph(two_datasets().plan())
    graph.heads.pain.register_forward_hook(lambda *_: pytest.fail("ran"))
    assert set(graph(rows(left=2, right=2), ["kind"])) == {"kind"}


def test_a_task_without_rows_gives_nothing():
    """Batches that hold one dataset alone (`alternate`) leave the other's tasks out."""
    graph = make_graph(two_datasets().plan())
    assert set(graph(rows(left=2), ["pain", "kind"])) == {"pain"}


def test_per_dataset_nodes_have_an_instance_each():
    """Instances stand under the dataset's name and see their own rows only."""
    sketch = Sketch(
        left=dataset({"x": features(4), "y": category()}), right=dataset({"x": features(6), "y": category()})
    )
    sketch.module("front", {"type": "mlp", "hidden": [8], "per_dataset": True}, "x", per_dataset=True)
    sketch.module("core", {"type": "mlp", "hidden": [5]}, "front")
    sketch.task("kind", {"type": "classification", "target": "y", "datasets": ["left", "right"]}, "core")
    graph = make_graph(sketch.plan())
    assert graph.front.left[0].weight.shape == (8, 4)
    assert graph.front.right[0].weight.shape == (8, 6)
    seen = []
    graph.core.register_forward_hook(lambda module, args, out: seen.append(len(out)))
    batch = {"left": {"x": torch.randn(3, 4)}, "right": {"x": torch.randn(2, 6)}}
    outputs = graph(batch, ["kind"])["kind"]
    assert seen == [5]
    by_hand = graph.heads.kind(graph.core(graph.front.right(batch["right"]["x"])))
    torch.testing.assert_close(outputs["right"], by_hand)


def test_inputs_of_different_length_run_apart():
    """A module whose inputs differ in size between datasets runs for each, and so does what reads its steps."""
    sizes = {"left": 7, "right": 5}
    fields = {
        name: {
            "x": FieldFacts(shape=Shape("sequence", (size, 4))),
            "y": FieldFacts(shape=Shape("sequence", (size, 2))),
        }
        for name, size in sizes.items()
    }
    sketch = Sketch(**{name: dataset(facts) for name, facts in fields.items()})
    sketch.module("encoder", {"type": "mlp", "hidden": [6]}, "x")
    sketch.module("more", {"type": "mlp", "hidden": [6]}, "encoder")
    sketch.task("track", {"type": "regression", "target": "y", "datasets": ["left", "right"]}, "more")
    graph = make_graph(sketch.plan())
    batch = {name: {"x": torch.randn(3, size, 4)} for name, size in sizes.items()}
    outputs = graph(batch, ["track"])["track"]
    assert {name: tuple(item.shape) for name, item in outputs.items()} == {
        "left": (3, 7, 2),
        "right": (3, 5, 2),
    }


def test_pixels_enter_as_numbers_from_0_to_1():
    """A uint8 image becomes float32 / 255 where it enters a module."""
    image = FieldFacts(shape=Shape("image", (1, 8, 8), "uint8"))
    sketch = Sketch(lab=dataset({"image": image, "y": category()}))
    sketch.module("encoder", {"type": "cnn", "channels": [4]}, "image")
    graph = make_graph(sketch.task("kind", {"type": "classification", "target": "y"}, "encoder").plan())
    seen = []
    graph.encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    pixels = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    graph({"lab": {"image": pixels}}, ["kind"])
    assert seen[0].dtype == torch.float32
    torch.testing.assert_close(seen[0], pixels.float() / 255)


def test_a_module_may_be_called_as_torch_calls_its_own():
    """Names such as `train` and `type` are names of modules like any other."""
    sketch = Sketch(lab=dataset({"x": features(4), "y": category()}))
    sketch.module("type", {"type": "mlp", "hidden": [8]}, "x")
    graph = make_graph(sketch.task("train", {"type": "classification", "target": "y"}, "type").plan())
    assert set(graph({"lab": {"x": torch.randn(2, 4)}}, ["train"])) == {"train"}
    assert "heads.train.weight" in graph.state_dict()
