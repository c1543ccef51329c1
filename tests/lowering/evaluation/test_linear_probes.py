"""Probes read the frozen model, learn from the training split, and are judged on the validation split."""

import math

import pytest
import torch

from declare.compiler.pipeline import check
from declare.contract.shapes import Shape
from declare.lowering.data.tables import Tables
from declare.lowering.evaluation import linear_probes
from declare.lowering.evaluation.linear_probes import Prober
from declare.lowering.model.graph import make_graph

CPU = torch.device("cpu")
SPEC = """
declare: 1
datasets:
  lab: {source: {type: simulated, name: stimulus, samples: 90, subjects: 9, classes: 3, channels: 4, length: 12}}
  ward: {source: {type: simulated, name: stimulus, samples: 60, subjects: 6, classes: 3, channels: 6, length: 12, seed: 1}}
model:
  adapter: {type: channel_project, input: features, channels: 5}
  encoder: {type: series_patch, input: adapter, patch: 4, dim: 8, depth: 1, heads: 2}
tasks:
  one: {type: classification, dataset: lab, target: stimulus}
  both: {type: classification, datasets: [lab, ward], target: stimulus}
  own: {type: classification, datasets: [lab, ward], target: stimulus, head: {type: linear, per_dataset: true}}
phases:
  fit:
    tasks: [one, both, own]
    epochs: 1
    batch_size: 30
    optimizer: {type: adamw, lr: 1e-3}
    probes:
      - {task: one, type: linear}
      - {task: one, type: linear, input: encoder.output}
      - {task: both, type: linear, input: encoder}
      - {task: own, type: linear}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("probing") / "spec.yaml"
    path.write_text(SPEC)
    checked = check(path)
    assert checked.plan is not None, [item.title for item in checked.diagnostics]
    return checked.plan


@pytest.fixture(scope="module")
def graph(plan):
    return make_graph(plan)


@pytest.fixture(scope="module")
def metrics(plan, graph):
    return Prober(plan, graph, Tables.fit(plan), CPU).run(plan.phases[0])


def test_names(metrics):
    """Figures are named by phase and task; a second probe of a task has a number, several datasets their names."""
    found = {name.rpartition("/")[0] for name in metrics}
    assert {"probe/fit/one", "probe/fit/one_2", "probe/fit/both", "probe/fit/both@lab"} <= found
    assert all(math.isfinite(value) for value in metrics.values())


def test_datasets_with_targets_of_their_own(metrics):
    """Where each dataset has a head of its own it has a probe of its own, and no metric stands over all."""
    found = {name.split("/")[2] for name in metrics if "/own" in name}
    assert found == {"own@lab", "own@ward"}


def test_leaves_no_trace(plan, graph, metrics):
    """Probing again gives the same metrics; weights, modes and the random generator are as they were."""
    graph.train()
    before = {name: value.clone() for name, value in graph.state_dict().items()}
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert Prober(plan, graph, Tables.fit(plan), CPU).run(plan.phases[0]) == metrics
    assert torch.equal(torch.get_rng_state(), state)
    assert graph.training
    assert all(torch.equal(value, before[name]) for name, value in graph.state_dict().items())


def test_features_matter(plan, graph, metrics):
    """Features without content leave chance; the model's own do better on these data."""
    blind = make_graph(plan)
    for parameter in blind.encoder.parameters():
        parameter.data.zero_()
    chance = Prober(plan, blind, Tables.fit(plan), CPU).run(plan.phases[0])
    assert metrics["probe/fit/one/accuracy"] > chance["probe/fit/one/accuracy"]


def test_reads_what_the_head_reads(plan, graph):
    """Without `input` a probe reads the wires of its task's head; nothing that they do not need is run."""
    probe = plan.phases[0].probes[0]
    assert [(wire.name, wire.output) for wire in probe.wires] == [("encoder", "pooled")]
    fields = {"features": torch.randn(3, 4, 12)}
    ((found, lengths),) = graph.eval().read(fields, "lab", probe.wires)
    assert lengths is None
    torch.testing.assert_close(
        found, graph.encoder(graph.adapter(fields["features"], dataset="lab"))["pooled"]
    )


def test_padding_is_no_part_of_features():
    """A series of some length gives the features of its real steps, whatever stands behind them."""
    values, lengths = torch.rand(3, 2, 6), torch.tensor([6, 2, 4])
    found = linear_probes._vectors(values, Shape("series", (2, 6)), lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(found[row], values[row, :, :length].mean(1))


def test_losses_count_by_their_weight(plan, graph):
    """A second loss that hardly counts hardly changes what a probe learns; one that counts pulls it to a class."""
    task = plan.tasks["one"]
    (loss,) = task.losses
    pull = {"name": "pull", "block": loss.block | {"class_weights": [1.0, 0.0, 0.0]}}
    found = []
    for weight in (None, 1e-6, 1e3):
        more = () if weight is None else (loss.model_copy(update=pull | {"weight": weight}),)
        tasks = plan.tasks | {"one": task.model_copy(update={"losses": (loss, *more)})}
        changed = plan.model_copy(update={"tasks": tasks})
        found.append(
            Prober(changed, graph, Tables.fit(changed), CPU).run(plan.phases[0])["probe/fit/one/accuracy"]
        )
    assert found[0] == found[1] != found[2]
