"""Heads of their own for datasets of different widths, and the bounds that the truth sets."""

import pytest
import torch
from sklearn import metrics as reference

from declare.compiler.pipeline import check
from declare.lowering.data.loader import make_loader
from declare.lowering.data.tables import Tables
from declare.lowering.evaluation.evaluator import Evaluator
from declare.lowering.model.graph import make_graph
from declare.lowering.training.objective import Objective
from declare.lowering.training.task_losses import TaskLosses

CPU = torch.device("cpu")
NEURAL = """
declare: 1
datasets:
  monday:
    source: {type: simulated, name: spikes, samples: 80, neurons: 3, frames: 2, size: 6, behaviour: 2, seed: 1}
    split: {val: 0.25}
  tuesday:
    source: {type: simulated, name: spikes, samples: 60, neurons: 5, frames: 2, size: 6, behaviour: 2, seed: 2}
    split: {val: 0.25}
model:
  core: {type: conv3d, input: stimulus, channels: [3, 3], kernel: [2, 3, 3]}
  state: {type: predictive_coding, input: [core, behaviour]}
tasks:
  response:
    type: counts
    datasets: [monday, tuesday]
    target: spikes
    mask: usable
    head: {type: gaussian_readout, input: state, per_dataset: true}
  surprise: {type: auxiliary, input: state.prediction_error, weight: 0.1}
phases:
  fit:
    epochs: 2
    batch_size: 28
    sampler: {type: curriculum, score: contrast, start: 0.8, end: 0, over: 50%}
    optimizer: {type: adamw, lr: 1e-3}
"""
KINDS = """
declare: 1
datasets:
  lab:
    source: {type: simulated, name: stimulus, samples: 60, subjects: 6, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
  ward:
    source: {type: simulated, name: stimulus, samples: 60, subjects: 6, classes: 4, channels: 3, length: 10, seed: 1}
    transforms: [{type: temporal_pool, field: features}]
model:
  encoder: {type: mlp, input: features, hidden: [4]}
tasks:
  kind:
    type: classification
    datasets: [lab, ward]
    target: stimulus
    head: {type: linear, per_dataset: true}
    loss: {type: cross_entropy, class_weights: balanced}
phases:
  fit: {epochs: 1, batch_size: 20, optimizer: {type: adamw, lr: 1e-3}}
"""


def compiled(folder, text):
    """Return the plan of a spec."""
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan


@pytest.fixture
def neural(tmp_path):
    """Return plan and tables of two recordings of 3 and 5 neurons."""
    plan = compiled(tmp_path, NEURAL)
    return plan, Tables.fit(plan)


def test_each_dataset_has_a_target_of_its_own(neural):
    """Widths and mean rates are those of each recording, and so are head and losses."""
    plan, _ = neural
    task = plan.tasks["response"]
    assert {name: target.output.dims for name, target in task.targets.items()} == {
        "monday": (3,),
        "tuesday": (5,),
    }
    assert [len(task.target_of(name).mean) for name in task.datasets] == [3, 5]
    node = plan.node("heads.response")
    assert {name: variant.outputs["output"].dims for name, variant in node.variants.items()} == {
        "monday": (3,),
        "tuesday": (5,),
    }
    losses = TaskLosses(task)
    assert losses.of("tuesday").losses[0].offset.shape == (5,)


def test_mean_rates_are_of_the_training_split_and_of_what_counts(neural):
    """Validation data and unusable counts leave them alone."""
    plan, tables = neural
    for name in ("monday", "tuesday"):
        table = tables.table(name, "train")
        spikes, usable = table.array("spikes"), table.array("usable")
        expected = (spikes * usable).sum(0) / usable.sum(0)
        assert plan.tasks["response"].target_of(name).mean == pytest.approx(expected.tolist(), rel=1e-5)
        assert plan.tasks["response"].target_of(name).mean != pytest.approx(spikes.mean(0).tolist(), rel=1e-3)


@torch.no_grad()
def test_the_loss_is_that_of_all_counts_together(neural):
    """The objective divides the sums of all recordings by all valid counts; pieces add up to the whole."""
    plan, tables = neural
    phase = plan.phases[0]
    graph = make_graph(plan).eval()
    objective = Objective(plan, phase, graph).eval()
    batch = next(iter(make_loader(plan, phase, tables, CPU).batches(0, 1)))
    total = weight = 0.0
    outputs = graph(batch, ("response",))["response"]
    losses = TaskLosses(plan.tasks["response"])
    for name, output in outputs.items():
        own = losses.of(name)
        [(part, number)] = own(output, own.adapter.target(batch[name]))
        total, weight = total + part, weight + number
    _, parts = objective(batch)
    assert float(parts[objective.names.index("response")]) == pytest.approx(float(total / weight))
    totals = objective.denominators(batch)
    assert float(totals[objective.names.index("response")]) == float(weight)
    halves = [
        {name: {k: v[i::2] for k, v in fields.items()} for name, fields in batch.items()} for i in range(2)
    ]
    summed = sum(objective(half, totals)[1] for half in halves)
    torch.testing.assert_close(summed, parts, rtol=1e-4, atol=1e-5)


def test_nothing_predicted_is_no_bit_and_the_truth_sets_the_bound(neural):
    """A readout without weights has 0 bits about the training rates; the true rates have more, for each dataset."""
    plan, tables = neural
    graph = make_graph(plan)
    with torch.no_grad():
        for name, weight in graph.named_parameters():
            if name.startswith("heads."):
                weight.zero_()
    evaluator = Evaluator(plan, graph, tables, CPU)
    found, best = evaluator.run("train"), evaluator.bounds("train")
    names = [f"train/{task}/bits_per_spike" for task in ("response", "response@monday", "response@tuesday")]
    assert [found[name] for name in names] == pytest.approx([0, 0, 0], abs=1e-5)
    assert all(best[name] > 0.2 for name in names)
    assert (
        best[names[1]] < best[names[0]] < best[names[2]] or best[names[2]] < best[names[0]] < best[names[1]]
    )
    assert set(best) < set(found)
    assert evaluator.bounds("val").keys() == {name.replace("train", "val") for name in best}


def test_ranks_take_slices_of_the_same_curriculum(neural):
    """Each epoch's order is the same for every process, high contrasts first; the slices are the whole batch."""
    plan, tables = neural
    phase = plan.phases[0]
    whole = next(iter(make_loader(plan, phase, tables, CPU).batches(0, 1)))
    parts = [next(iter(make_loader(plan, phase, tables, CPU, rank, 3).batches(0, 1))) for rank in range(3)]
    for name, fields in whole.items():
        joined = torch.cat([part[name]["behaviour"] for part in parts])
        torch.testing.assert_close(joined, fields["behaviour"], rtol=0, atol=0)
        spread = fields["stimulus"].flatten(1).std(1)
        assert (spread > 0.75).all()


def test_classes_may_differ_where_heads_do(tmp_path):
    """Datasets with 3 and 4 classes train with heads of their own; overall figures are means over datasets."""
    plan = compiled(tmp_path, KINDS)
    tables = Tables.fit(plan)
    graph = make_graph(plan)
    found = Evaluator(plan, graph, tables, CPU).run("val")
    both = [found[f"val/kind@{name}/accuracy"] for name in ("lab", "ward")]
    assert found["val/kind/accuracy"] == pytest.approx(sum(both) / 2)
    table = tables.table("ward", "val")
    fields = {name: torch.from_numpy(table.array(name)) for name in ("features", "stimulus")}
    with torch.no_grad():
        said = graph.eval()({"ward": fields}, ("kind",))["kind"]["ward"].argmax(1)
    expected = reference.accuracy_score(fields["stimulus"], said)
    assert found["val/kind@ward/accuracy"] == pytest.approx(expected)
    objective = Objective(plan, plan.phases[0], graph)
    loss, _ = objective(next(iter(make_loader(plan, plan.phases[0], tables, CPU).batches(0, 1))))
    assert loss.isfinite()
