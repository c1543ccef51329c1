"""What the passes work out: wiring, shapes, losses, phases."""

from __future__ import annotations

import json

import pytest

from declare.compiler.phases.memory import of_plan
from tests.compiler.specs import ONE, TWO, codes, run


def plan(folder, text=ONE, *changes):
    checked = run(folder, text, *changes)
    assert not [found for found in checked.diagnostics if found.severity == "error"], codes(checked)
    assert checked.plan is not None
    return checked.plan


def test_shapes_and_costs(tmp_path):
    """Widths follow from the data through transforms and modules to the head, and parameters with them."""
    made = plan(tmp_path)
    assert str(made.datasets["lab"].fields["features"].shape) == "vector[3]"
    encoder, head = made.nodes
    assert (encoder.path, head.path) == ("encoder", "heads.stimulus")
    assert encoder.parameters == 3 * 8 + 8
    assert head.parameters == 8 * 3 + 3
    assert made.tasks["stimulus"].target.classes is not None
    assert len(made.tasks["stimulus"].target.classes) == 3


def test_input_is_inferred(tmp_path):
    """A module without `input` reads the only field that fits, the next one the module before it."""
    changes = [("type: mlp, input: features, hidden: [8]", "type: mlp, hidden: [8]")]
    made = plan(tmp_path, ONE, *changes)
    assert made.node("encoder").wires[0].name == "features"
    stacked = ONE.replace("hidden: [8]}", "hidden: [8]}\n  second: {type: mlp, input: encoder, hidden: [4]}")
    assert plan(tmp_path, stacked).node("heads.stimulus").wires[0].name == "second"


def test_ambiguous_head(tmp_path):
    """A head that could read two modules is told both."""
    text = ONE.replace("hidden: [8]}", "hidden: [8]}\n  second: {type: mlp, input: features, hidden: [4]}")
    checked = run(tmp_path, text)
    assert codes(checked) == {"tasks.stimulus": "REF208"}
    assert "`encoder`, `second`" in checked.diagnostics[0].helps[0]


def test_unused_module(tmp_path):
    """A module that no head reads is a warning, and stands in no plan."""
    text = ONE.replace("hidden: [8]}", "hidden: [8]}\n  second: {type: mlp, input: features, hidden: [4]}")
    text = text.replace("target: stimulus}", "target: stimulus, head: {type: linear, input: encoder}}")
    checked = run(tmp_path, text)
    assert codes(checked) == {"model.second": "REF210"}
    assert checked.plan is not None
    assert [node.path for node in checked.plan.nodes] == ["encoder", "heads.stimulus"]


def test_shared_weights_need_one_shape(tmp_path):
    """Datasets of different widths cannot share a module, unless each has its own."""
    text = TWO.replace(
        "channels: 3, length: 10}\n    transforms", "channels: 5, length: 10}\n    transforms", 1
    )
    checked = run(tmp_path, text)
    assert codes(checked) == {"model.encoder.input": "SHP515"}
    assert "vector[5]" in checked.diagnostics[0].title
    own = plan(tmp_path, text, ("input: features,", "input: features, per_dataset: true,"))
    variants = own.node("encoder").variants
    assert {name: item.parameters for name, item in variants.items()} == {"lab": 48, "field": 32}


def test_field_missing_in_one_dataset(tmp_path):
    """A field that a task's dataset lacks is told with the task that needs it."""
    text = TWO.replace(
        "  field:\n",
        "  field:\n    fields: {stimulus: {type: category}, subject: {type: id}, signal: {type: series, key: features}}\n",
    )
    text = text.replace(
        "field: features}]\n    split: {val: 0.25, by: subject}\nmodel",
        "field: signal}]\n    split: {val: 0.25, by: subject}\nmodel",
    )
    checked = run(tmp_path, text)
    assert codes(checked) == {"model.encoder.input": "REF201"}
    assert len(checked.diagnostics[0].labels) == 2


def test_shared_head(tmp_path):
    """A task may use another's head, and the plan has that head once."""
    made = plan(
        tmp_path,
        ONE,
        (
            "target: stimulus}",
            "target: stimulus}\n  again: {type: classification, dataset: lab, target: stimulus, head: stimulus}",
        ),
    )
    assert made.tasks["again"].head == made.tasks["stimulus"].head == "heads.stimulus"
    assert [node.path for node in made.nodes] == ["encoder", "heads.stimulus"]


def test_class_weights(tmp_path):
    """Balanced weights are computed from the training split, one for each class."""
    made = plan(
        tmp_path,
        ONE,
        ("target: stimulus}", "target: stimulus, loss: {type: cross_entropy, class_weights: balanced}}"),
    )
    weights = made.tasks["stimulus"].losses[0].class_weights
    assert weights is not None
    assert len(weights) == 3


def test_losses_and_metrics_by_default(tmp_path):
    """A task without loss and metrics gets those of its type; doubled ones get numbers."""
    made = plan(tmp_path)
    assert [loss.name for loss in made.tasks["stimulus"].losses] == ["cross_entropy"]
    assert made.tasks["stimulus"].metrics
    doubled = plan(
        tmp_path,
        ONE,
        ("target: stimulus}", "target: stimulus, loss: [cross_entropy, {type: cross_entropy, weight: 0.5}]}"),
    )
    assert [(loss.name, loss.weight) for loss in doubled.tasks["stimulus"].losses] == [
        ("cross_entropy", 1.0),
        ("cross_entropy_2", 0.5),
    ]


@pytest.mark.parametrize(
    ("length", "steps", "per_epoch"),
    [("epochs: 2", 6, 3), ("epochs: 0.5", 2, 3), ("steps: 7", 7, 3)],
)
def test_steps(tmp_path, length, steps, per_epoch):
    """Steps follow from epochs, and every cadence is in steps."""
    phase = plan(tmp_path, ONE, ("epochs: 2", length)).phases[0]
    assert (phase.steps, phase.steps_per_epoch) == (steps, per_epoch)
    assert phase.evaluate_every == phase.checkpoint_every == min(steps, per_epoch)


def test_durations(tmp_path):
    """Durations in any unit become steps."""
    keys = "epochs: 10, schedule: {type: cosine, warmup: 10%}, evaluate: {every: 2 epochs, best: {metric: val/stimulus/accuracy, mode: max}}, early_stop: {metric: val/stimulus/loss, mode: min, patience: 3 epochs}"
    phase = plan(tmp_path, ONE, ("epochs: 2", keys)).phases[0]
    assert (phase.warmup_steps, phase.evaluate_every) == (3, 6)
    assert phase.early_stop is not None
    assert phase.early_stop.patience_steps == 9
    assert phase.rates[0][1] < phase.rates[4][1]
    assert max(rate for _, rate in phase.rates) == pytest.approx(1e-3)


def test_freeze_and_groups(tmp_path):
    """Patterns become exact names of parameters, each in one group; what is frozen is not counted as trained."""
    keys = (
        "lr: 1e-3}",
        'lr: 1e-3, groups: [{match: "heads.*", lr: 1e-2}, {match: "*.bias", weight_decay: 0.0}]}, freeze: [{match: "encoder.*"}]',
    )
    phase = plan(tmp_path, ONE, keys).phases[0]
    heads, biases = phase.groups
    assert sorted(heads.parameters) == ["heads.stimulus.bias", "heads.stimulus.weight"]
    assert all(name.startswith("encoder.") and name.endswith(".bias") for name in biases.parameters)
    assert (heads.lr, biases.lr) == (1e-2, 1e-3)
    assert phase.trainable_parameters == 27
    assert phase.freeze[0].parameters


def test_pattern_matches_nothing(tmp_path):
    """A pattern that matches no parameter is an error that names what there is."""
    checked = run(tmp_path, ONE, ("lr: 1e-3}}", 'lr: 1e-3}, freeze: [{match: "encodr.*"}]}'))
    assert codes(checked)["phases.fit.freeze.0.match"] == "REF202"


def test_memory(tmp_path):
    """A phase's memory counts weights, gradients, two moments and the batch."""
    made = plan(tmp_path)
    phase = made.phases[0]
    memory = of_plan(made, phase)
    assert memory is not None
    assert memory.total == phase.memory_bytes
    assert memory.weights == memory.gradients == 4 * phase.trainable_parameters
    assert memory.optimizer == 2 * memory.weights
    assert memory.activations == 10 * sum(node.activation_bytes or 0 for node in made.nodes)


def test_memory_of_each_process(tmp_path):
    """Processes share the rows of a batch, and with `fsdp` all that belongs to a parameter."""
    alone, whole, shared = (
        plan(tmp_path, ONE + f"hardware: {{accelerator: cpu, {keys}}}\n")
        for keys in ("devices: 1", "devices: 2, strategy: ddp", "devices: 2, strategy: fsdp")
    )
    one, two, half = (of_plan(made, made.phases[0]) for made in (alone, whole, shared))
    assert two == one._replace(activations=one.activations // 2, data=one.data // 2)
    assert half[:3] == tuple(-(-part // 2) for part in two[:3])
    assert half[4:] == two[4:]


def test_memory_of_shares_in_half_precision(tmp_path):
    """Copies count where phases do not agree on one; gradients stay whole between micro-batches."""
    shares = "hardware: {devices: 2, strategy: fsdp, precision: bf16}\n"
    second = "  more: {steps: 10, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}, WORDS}\n"
    made = [
        plan(tmp_path, ONE + second.replace("WORDS", words) + shares)
        for words in ("accumulate: 1", "accumulate: 2", "precision: fp32")
    ]
    alike, whole, mixed = ([of_plan(each, phase) for phase in each.phases] for each in made)
    assert [each.copies for each in alike] == [0, 0]
    assert [each.copies for each in mixed] == [mixed[0].weights, 0]
    assert whole[1].gradients == 2 * alike[1].gradients
    assert mixed[0].total == made[2].phases[0].memory_bytes


def test_init_from_a_file_is_absolute(tmp_path):
    """A file to start from is found from the folder of the spec."""
    header = json.dumps({"encoder.0.bias": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(32))
    entry = '{from: "file:w.safetensors", modules: [encoder], strict: false}'
    made = plan(tmp_path, ONE, ("lr: 1e-3}}", f"lr: 1e-3}}, init: [{entry}]}}"))
    assert made.phases[0].init[0].reference == str(tmp_path / "w.safetensors")


def test_targets_of_other_widths(tmp_path):
    """A task whose datasets need heads of different widths is told both."""
    checked = run(tmp_path, TWO, ("seed: 1, subjects: 8, classes: 3", "seed: 1, subjects: 8, classes: 4"))
    assert "LOS409" in codes(checked).values()
    assert checked.plan is None
