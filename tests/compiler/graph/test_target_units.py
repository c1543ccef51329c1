"""Targets as they are learned: statistics after transforms, and the way back to the data's own units."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from declare.components.tasks.regression import Regression
from declare.components.transforms.standardize import Standardize
from declare.contract.shapes import Shape
from declare.lowering.data.loader import evaluation_batches
from declare.lowering.data.tables import Tables
from declare.lowering.training.task_losses import TaskLosses
from tests.compiler.specs import codes, run

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {x: {type: vector}, yy: {type: number}, s: {type: category}}
    transforms: []
    split: {column: s}
model: {enc: {type: mlp, input: x, hidden: [4]}}
tasks: {k: {type: regression, dataset: d, target: yy, metrics: [rmse, mae]}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
"""
R = np.random.default_rng(3)
X = R.normal(size=(60, 3)).astype("float32")
SPLIT = np.array(["train"] * 40 + ["val"] * 12 + ["test"] * 8)
Y = np.exp(X @ [1, 0.5, -0.5] + 3)
TRAIN = SPLIT == "train"
LOG = ("transforms: []", "transforms: [{type: log, field: yy}]")
VECTOR = ("yy: {type: number}", "yy: {type: vector}")


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the data and checks a spec over them."""

    def checked(*changes, **columns):
        np.savez(tmp_path / "d.npz", **({"x": X, "yy": Y, "s": SPLIT} | columns))
        return run(tmp_path, SPEC, *changes)

    return checked


def target(checked, task="k"):
    """Return the linked target of a spec without errors."""
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan.tasks[task].target


def moments(values):
    """Return mean and deviation of each output, missing values left out."""
    return np.atleast_1d(np.nanmean(values, 0)).tolist(), np.atleast_1d(np.nanstd(values, 0)).tolist()


def assert_learned(found, values):
    """The target's statistics are those of these training values."""
    mean, std = moments(values)
    assert found.mean == pytest.approx(mean, rel=1e-5, abs=1e-6)
    assert found.std == pytest.approx(std, rel=1e-5)


def test_statistics_are_those_after_a_logarithm(write):
    """Mean and deviation of a target with `log` are those of the logarithms in training."""
    assert_learned(target(write(LOG)), np.log(Y[TRAIN]))


def test_statistics_are_those_after_standardize_and_clip(write):
    """Transforms follow one another; after `standardize` a target has mean 0 and deviation 1."""
    found = target(write((LOG[0], "transforms: [{type: standardize, field: yy}]")))
    assert_learned(found, (Y[TRAIN] - Y[TRAIN].mean()) / Y[TRAIN].std())
    both = "transforms: [{type: clip, field: yy, high: 30}, {type: log, field: yy, offset: 1}]"
    assert_learned(target(write((LOG[0], both))), np.log(np.minimum(Y[TRAIN], 30) + 1))


def test_each_output_has_statistics_of_its_own(write):
    """A vector has a mean and a deviation for each output; missing values are left out of their output alone."""
    y = np.stack([X @ [1, 2, 0] + 1e4, X @ [0, 0, 1], 5 * X[:, 0]], 1)
    y[[1, 5, 50], [0, 1, 2]] = np.nan
    assert_learned(target(write(VECTOR, yy=y.astype("float32"))), y.astype("float32")[TRAIN].astype(float))


def test_what_the_mask_leaves_out_does_not_count(write):
    """Statistics see neither masked samples nor masked outputs."""
    y = np.stack([Y, 2 * Y], 1).astype("float32")
    ok = R.random((60, 2)) > 0.3
    valid = ("s: {type: category}", "s: {type: category}, ok: {type: valid}")
    mask = ("target: yy", "target: yy, mask: ok")
    assert_learned(target(write(VECTOR, valid, mask, yy=y, ok=ok)), np.where(ok, y, np.nan)[TRAIN])
    assert_learned(target(write(LOG, valid, mask, ok=ok[:, 0])), np.log(Y)[TRAIN & ok[:, 0]])


def test_class_weights_leave_out_what_the_mask_leaves_out(write):
    """`balanced` weights come from the training samples that count."""
    kinds = np.array(["a", "b"])[(np.arange(60) % 3 == 0).astype(int)]
    ok = (kinds == "b") | (np.arange(60) % 2 == 0)
    found = write(
        ("yy: {type: number}", "yy: {type: category}, ok: {type: valid}"),
        (
            "regression, dataset: d, target: yy, metrics: [rmse, mae]",
            "classification, dataset: d, target: yy, mask: ok, loss: {type: cross_entropy, class_weights: balanced}",
        ),
        yy=kinds,
        ok=ok,
    )
    counts = [int(((kinds == name) & ok & TRAIN).sum()) for name in "ab"]
    assert target(found).counts == tuple(counts)
    weights = found.plan.tasks["k"].losses[0].class_weights
    assert weights == pytest.approx([sum(counts) / (2 * number) for number in counts])


OK = np.arange(60) % 3 > 0


@pytest.mark.parametrize(
    ("task", "transforms", "counted"),
    [
        ("mask: ok", "[]", lambda maps: maps[TRAIN & OK]),
        ("weight: 1", "[{type: center_crop, fields: [x, yy], size: 4}]", lambda maps: maps[TRAIN, 2:6, 2:6]),
    ],
)
def test_pixels_are_counted_as_the_task_learns_them(write, task, transforms, counted):
    """Class counts of masks see neither masked samples nor pixels that a crop leaves out."""
    maps = R.integers(0, 3, (60, 8, 8)).astype("uint8")
    maps[:, :2] = maps[~OK] = 2
    checked = write(
        ("x: {type: vector}, yy: {type: number}", "x: {type: image}, yy: {type: mask}, ok: {type: valid}"),
        ("mlp, input: x, hidden: [4]", "cnn, input: x, channels: [4]"),
        ("regression", f"segmentation, {task}, head: {{type: segmentation, input: enc.map}}"),
        (", metrics: [rmse, mae]", ""),
        (LOG[0], f"transforms: {transforms}"),
        x=maps[..., None],
        yy=maps,
        ok=OK,
    )
    assert target(checked).counts == tuple(np.bincount(counted(maps).ravel(), minlength=3).tolist())


@pytest.mark.parametrize("overlong", ["cut", "windows"])
def test_tokens_are_counted_as_the_task_learns_them(write, overlong):
    """Unigrams leave out texts that the mask leaves out."""
    texts = np.array(["red green green", "blue blue red red red"])[OK.astype(int)]
    checked = write(
        ("x: {type: vector}, yy: {type: number}", f"x: {{type: text, tokenizer: word, max_length: 4, overlong: {overlong}}}, ok: {{type: valid}}"),
        ("mlp, input: x, hidden: [4]", "transformer, input: x, dim: 4, depth: 1, heads: 1, causal: true"),
        ("regression, dataset: d, target: yy, metrics: [rmse, mae]", "causal_lm, dataset: d, target: x, mask: ok"),
        x=texts,
        ok=OK,
    )  # fmt: skip
    number = int((TRAIN & OK).sum())
    reds, ends = (2, 0) if overlong == "cut" else (3, 1)
    pieces = checked.plan.datasets["d"].fields["x"].facts.extra["vocabulary"]["pieces"]
    expected = {"red": reds * number, "blue": 2 * number, "green": 0}
    found = target(checked).unigrams
    assert {piece: found[4 + place] for place, piece in enumerate(pieces)} == expected
    assert found[checked.plan.tasks["k"].target.special["eos"]] == ends * number


def test_rates_of_counts_are_those_after_a_clip(write):
    """Mean rates of clipped counts are those of what is learned; a logarithm of counts is refused."""
    spikes = R.poisson(3, (60, 2)).astype("float32")
    counts = ("yy: {type: number}", "yy: {type: counts}")
    task = (
        "type: regression, dataset: d, target: yy, metrics: [rmse, mae]",
        "type: counts, dataset: d, target: yy",
    )
    clip = (LOG[0], "transforms: [{type: clip, field: yy, high: 4}]")
    found = write(counts, task, clip, yy=spikes)
    assert target(found).mean == pytest.approx(np.minimum(spikes, 4)[TRAIN].mean(0).tolist())
    refused = write(counts, task, (LOG[0], "transforms: [{type: log, field: yy, offset: 1}]"), yy=spikes)
    assert codes(refused)["datasets.d.transforms.0"] == "LOS430"


def test_labels_are_learned_as_they_are(write):
    """A transform of labels is refused: they would be 0 and log 2."""
    found = write(
        ("yy: {type: number}", "yy: {type: labels}"),
        (
            "type: regression, dataset: d, target: yy, metrics: [rmse, mae]",
            "type: multilabel, dataset: d, target: yy",
        ),
        (LOG[0], "transforms: [{type: log, field: yy, offset: 1}]"),
        yy=(R.random((60, 3)) > 0.5).astype(int),
    )
    assert codes(found) == {"datasets.d.transforms.0": "LOS430"}


def test_a_value_without_a_logarithm_is_found_before_training_in_any_split(write):
    """A zero among validation targets is a finding at the transform, as one among training targets."""
    for row in (3, 45, 55):
        y = Y.copy()
        y[row] = 0
        found = write(LOG, yy=y)
        assert codes(found) == {"datasets.d.transforms.0": "DAT336"}
        assert f"split `{SPLIT[row]}`" in found.diagnostics[0].notes[0]


def test_what_is_cut_is_said(write):
    """A clip that changes targets is a warning with their number, one that changes none or training alone is not."""
    high = float(np.sort(Y[TRAIN])[-4]) + 1e-3
    clip = f"transforms: [{{type: clip, field: yy, high: {high}}}]"
    found = write((LOG[0], clip))
    assert codes(found) == {"datasets.d.transforms.0": "LOS431"}
    assert "3 values" in found.diagnostics[0].title
    assert target(found).not_undone == ("clip",)
    assert not codes(write((LOG[0], clip.replace(f"{high}", f"{high}, on: train"))))
    assert not codes(write((LOG[0], "transforms: [{type: clip, field: yy, high: 1e9}]")))


def test_a_unit_for_one_split_alone_is_refused(write):
    """`log` on training targets alone would be judged in another unit."""
    found = write((LOG[0], "transforms: [{type: log, field: yy, on: train}]"))
    assert codes(found) == {"datasets.d.transforms.0.on": "LOS434"}


def test_an_output_that_never_varies_is_said(write):
    """A constant column among others is a warning and keeps its unit."""
    y = np.stack([Y, np.full(60, 7.0)], 1).astype("float32")
    found = write(VECTOR, yy=y)
    assert codes(found) == {"tasks.k.target": "LOS436"}
    assert target(found).std[1] == 1.0


def test_limits_and_other_splits_leave_statistics_alone(write):
    """With `limit` they are of the training samples that are used."""
    found = write(LOG, ("split: {column: s}", "split: {val: 0.25}\n    limit: 30"))
    table = Tables.fit(found.plan).table("d", "train")
    assert_learned(target(found), table.array("yy").astype(float))
    assert len(table.array("yy")) == 23


TWO = SPEC.replace(
    "model:",
    """\
  e:
    source: {type: npz, path: e.npz}
    fields: {x: {type: vector}, yy: {type: number}, s: {type: category}}
    transforms: []
    split: {column: s}
model:""",
).replace("dataset: d,", "datasets: [d, e],")


def two(folder, first, second, *changes):
    """Check a spec over two datasets whose targets have transforms of their own."""
    np.savez(folder / "d.npz", x=X, yy=Y, s=SPLIT)
    np.savez(folder / "e.npz", x=X, yy=10 * Y + 5, s=SPLIT)
    text = TWO.replace("transforms: []", f"transforms: [{first}]", 1).replace(
        "transforms: []", f"transforms: [{second}]", 1
    )
    return run(folder, text, *changes)


def test_one_head_gives_one_unit(tmp_path):
    """A head for two datasets needs one unit; heads of their own may have two."""
    log = "{type: log, field: yy}"
    assert codes(two(tmp_path, log, "")) == {"tasks.k.datasets.1": "LOS435"}
    own = ("target: yy,", "target: yy, head: {type: linear, per_dataset: true},")
    plan = two(tmp_path, log, "", own).plan
    assert [len(plan.tasks["k"].target_of(name).undo) for name in "de"] == [1, 0]
    assert_learned(plan.tasks["k"].target_of("d"), np.log(Y[TRAIN]))
    assert_learned(plan.tasks["k"].target_of("e"), 10 * Y[TRAIN] + 5)


def test_datasets_are_taken_back_by_their_own_statistics(tmp_path):
    """With one head and `standardize`, each dataset's values come back with its own mean and deviation."""
    plan = two(tmp_path, *["{type: standardize, field: yy}"] * 2).plan
    task = plan.tasks["k"]
    assert not plan.has_own_heads("k")
    tables, losses = Tables.fit(plan), TaskLosses(task)
    for name, raw in (("d", Y), ("e", 10 * Y + 5)):
        (batch,) = evaluation_batches(tables, name, "val", 64, torch.device("cpu"))
        adapter = losses.of(name).adapter
        prediction, truth = adapter.scores(adapter.target(batch), batch)
        np.testing.assert_allclose(truth, raw[SPLIT == "val"], rtol=1e-5)
        np.testing.assert_allclose(prediction, truth, rtol=1e-5)


def test_tasks_that_share_a_head_share_a_unit(write):
    """A head that gives logarithms for one task cannot give plain values for another."""
    other = "}\n  j: {type: regression, dataset: d, target: z, head: k}\nphases:"
    found = write(
        LOG,
        ("yy: {type: number}", "yy: {type: number}, z: {type: number}"),
        ("tasks: {k: {", "tasks:\n  k: {"),
        ("metrics: [rmse, mae]}}\nphases:", "metrics: [rmse, mae]" + other),
        z=Y,
    )
    assert codes(found)["tasks.j.head"] == "LOS435"


def test_a_head_of_one_column_for_a_row_of_targets_is_found(write, monkeypatch):
    """A task type that asks its head for [1] where the target is a number is told so, at its loss."""
    monkeypatch.setattr(Regression, "output", lambda self, facts: Shape("vector", (1,)))
    found = write()
    assert codes(found) == {"tasks.k": "LOS432"}
    assert found.plan is None


def test_a_mask_that_leaves_nothing_is_found(write):
    """Where a mask leaves no training target, or one class of several, nothing could be learned."""
    valid = ("s: {type: category}", "s: {type: category}, ok: {type: valid}")
    mask = ("target: yy", "target: yy, mask: ok")
    assert codes(write(valid, mask, ok=np.zeros(60, bool))) == {"tasks.k.target": "DAT315"}
    kinds = np.array(["a", "b"])[np.arange(60) % 2]
    classes = ("yy: {type: number}", "yy: {type: category}")
    task = (
        "type: regression, dataset: d, target: yy, metrics: [rmse, mae]",
        "type: classification, dataset: d, target: yy",
    )
    found = write(classes, task, valid, mask, yy=kinds, ok=(kinds == "a"))
    assert codes(found)["tasks.k.target"] == "LOS412"


def test_what_is_cut_in_validation_alone_is_said_too(write):
    """Metrics of clipped validation targets are not those of the data."""
    y = np.minimum(Y, 50)
    y[50] = 1000
    found = write((LOG[0], "transforms: [{type: clip, field: yy, high: 60}]"), yy=y)
    assert codes(found) == {"datasets.d.transforms.0": "LOS431"}


def test_a_mistake_beside_a_target_is_one_finding(write):
    """What else cannot be read of a dataset, or a seed that is none, stops no reading of facts and crashes nothing."""
    y = np.stack([Y, 2 * Y], 1).astype("float32")
    found = write(VECTOR, ("split: {column: s}", "split: {column: s}\n    cache: sometimes"), yy=y)
    assert codes(found) == {"datasets.d.cache": "SCH105"}
    found = write(VECTOR, ("declare: 1", "declare: 1\nseed: often"), yy=y)
    assert list(codes(found)) == ["seed"]


def test_what_comes_before_other_places_is_not_undone(write):
    """A logarithm before a transform that chooses or moves values stays, and that is said; one after it is undone."""
    y = np.stack([Y, 2 * Y], 1).astype("float32")
    flat, log = "{type: flatten, field: yy}", "{type: log, field: yy}"
    found = write(VECTOR, (LOG[0], f"transforms: [{log}, {flat}]"), yy=y)
    assert codes(found) == {"datasets.d.transforms.0": "LOS431"}
    assert (target(found).undo, target(found).not_undone) == ((), ("log", "flatten"))
    assert_learned(target(found), np.log(y)[TRAIN].astype(float))
    found = write(VECTOR, (LOG[0], f"transforms: [{flat}, {log}]"), yy=y)
    assert (codes(found), len(target(found).undo), target(found).not_undone) == ({}, 1, ("flatten",))


def test_a_transform_of_batches_changes_no_target(write, monkeypatch):
    """Statistics are those of stored values: a transform of numbers that only batches see is refused."""
    monkeypatch.setattr(Standardize, "stored", False)
    found = write((LOG[0], "transforms: [{type: standardize, field: yy}]"))
    assert codes(found) == {"datasets.d.transforms.0": "LOS433"}
