"""What is said of a sample does not depend on what else stands in the file: runs of many modules and tasks at once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from declare.compiler.pipeline import check
from declare.contract.problem import ProblemError
from declare.lowering.data.tables import Tables
from declare.lowering.evaluation.evaluator import Evaluator
from declare.lowering.model.graph import make_graph
from declare.lowering.model.padding import join_padded
from declare.nn.tasks.next_token import Sampling
from declare.parsing import parser
from declare.runtime.inference.activations import inspect
from declare.runtime.inference.loaded_run import Loading, open_run
from declare.runtime.inference.predict import predict
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

WORDS = ("red", "green", "blue", "cat", "dog", "sun")
TEXTS = """
declare: 1
name: texts
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    fields:
      text: {type: text, tokenizer: word}
      tags: {type: tags, of: text}
      lab: {type: category}
    split: {val: 0.25}
model:
  embedding: {type: transformer, input: text, dim: 8, depth: 1, heads: 2}
  both: {type: rnn, input: embedding, dim: 8, bidirectional: true, depth: 2}
  mean: {type: rnn, input: both.sequence, dim: 8, pool: mean, cell: gru}
  batch: {type: conv1d, input: embedding, channels: [8, 8, 8], kernel: 3}
  group: {type: conv1d, input: both.sequence, channels: [8, 8], kernel: 5, norm: group, downsample: mean, pool: max}
  stride: {type: conv1d, input: embedding, channels: [8, 8], kernel: 3, downsample: stride, norm: none}
  again: {type: rnn, input: stride.series, dim: 8}
  steps: {type: mlp, input: both.sequence, hidden: [8], norm: batch}
  over: {type: transformer, input: steps, dim: 8, depth: 1, heads: 2}
  joined: {type: concat, input: [embedding, both.sequence]}
  last: {type: rnn, input: joined, dim: 8}
tasks:
  both: {type: classification, dataset: d, target: lab, head: {type: linear, input: both.output}}
  mean: {type: classification, dataset: d, target: lab, head: {type: linear, input: mean.output}}
  batch: {type: classification, dataset: d, target: lab, head: {type: linear, input: batch.output}}
  group: {type: classification, dataset: d, target: lab, head: {type: mlp, hidden: [4], input: group.output}}
  again: {type: ordinal, dataset: d, target: lab, head: {type: linear, input: again.output}}
  over: {type: classification, dataset: d, target: lab, head: {type: linear, input: over.pooled}}
  last: {type: classification, dataset: d, target: lab, head: {type: linear, input: last.output}}
  words: {type: token_classification, dataset: d, target: tags, head: {type: linear, input: both.sequence}}
phases: {fit: {epochs: 1, batch_size: 6, accumulate: 2, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: csv
"""
SERIES = """
declare: 1
name: series
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    fields: {x: {type: series, rate: 10}, c: {type: number}, sign: {type: category}, y: {type: number}}
    transforms: [{type: resample, field: x, rate: 15}, {type: standardize, field: x}]
    split: {val: 0.25}
model:
  recurrent: {type: rnn, input: x, dim: 8, bidirectional: true}
  conv: {type: conv1d, input: x, channels: [8, 8, 8], kernel: 3, downsample: mean}
  patches: {type: transformer, input: x, patch: 2, dim: 8, depth: 1, heads: 2}
  channels: {type: channel_perceiver, input: x, channels: 4, dim: 8, heads: 2}
  modulated: {type: film, input: [channels, c]}
  coded: {type: predictive_coding, input: [modulated, c], causes: 2}
  behind: {type: rnn, input: coded, dim: 8, pool: mean}
  project: {type: channel_project, input: x, channels: 4}
  end: {type: conv1d, input: project, channels: [8], kernel: 3, pool: max}
tasks:
  recurrent: {type: classification, dataset: d, target: sign, head: {type: linear, input: recurrent.output}}
  conv: {type: regression, dataset: d, target: y, head: {type: linear, input: conv.output}}
  patches: {type: classification, dataset: d, target: sign, head: {type: linear, input: patches.pooled}}
  behind: {type: regression, dataset: d, target: y, head: {type: linear, input: behind.output}}
  end: {type: classification, dataset: d, target: sign, head: {type: linear, input: end.output}}
  surprise: {type: auxiliary, dataset: d, input: coded.prediction_error}
phases: {fit: {epochs: 1, batch_size: 6, optimizer: {type: adamw, lr: 1e-2}, augment: [{type: mixup}]}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: csv
"""
STATED = """
declare: 1
name: stated
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    fields: {x: {type: series, length: 12}, sign: {type: category}}
    transforms: [{type: standardize, field: x}]
    split: {val: 0.25}
model:
  adapter: {type: channel_project, input: x, channels: 3}
  encoder: {type: series_patch, input: adapter, patch: 2, dim: 8, depth: 1, heads: 2}
  flat: {type: conv1d, input: x, channels: [4, 4], kernel: 3, pool: flatten}
tasks:
  hidden: {type: reconstruction, dataset: d, target: x, block: 2, head: {type: decoder, input: encoder}}
  sign: {type: classification, dataset: d, target: sign, head: {type: linear, input: encoder.pooled}}
  flat: {type: classification, dataset: d, target: sign, head: {type: linear, input: flat.output}}
phases: {fit: {epochs: 1, batch_size: 6, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: csv
"""


def words(count: int, seed: int) -> list[str]:
    return list(np.random.default_rng(seed).choice(WORDS, count))


def text(count: int, seed: int) -> dict:
    found = words(count, seed)
    return {"text": found, "tags": ["a" if "e" in word else "b" for word in found], "lab": "pqr"[seed % 3]}


def wave(count: int, seed: int) -> dict:
    x = np.random.default_rng(seed).normal(size=(3, count)).round(3)
    return {"x": x.tolist(), "c": seed % 5, "sign": "up" if seed % 2 else "down", "y": seed % 7}


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def trained(folder: Path, spec: str, rows: list[dict]) -> Run:
    """Return a short run."""
    write(folder / "d.jsonl", rows)
    (folder / "spec.yaml").write_text(spec)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    outcome = train(checked.plan, spec, folder / "run")
    assert outcome.status == 0, outcome.problems
    return Run(folder / "run")


@pytest.fixture(scope="module", params=["texts", "series", "stated"])
def runs(request, tmp_path_factory):
    """A run, and samples of one, two and more steps to predict."""
    folder = tmp_path_factory.mktemp(request.param)
    spec, make = {"texts": (TEXTS, text), "series": (SERIES, wave), "stated": (STATED, wave)}[request.param]
    least = 1 if request.param == "texts" else 2
    rows = [make(least + number % 9, number) for number in range(24)]
    return (
        folder,
        trained(folder, spec, rows),
        [make(steps, 50 + steps) for steps in (max(1, least), 2, 5, 10)],
        make,
    )


def numbers(value: object) -> list[float]:
    """Return all numbers of a prediction, classes and tags as they are."""
    if isinstance(value, dict):
        return [item for each in value.values() for item in numbers(each)]
    if isinstance(value, list):
        return [item for each in value for item in numbers(each)]
    return [value]


def test_a_prediction_is_the_same_alone_and_beside_longer_samples(runs):
    """Samples of 1, 2 and more steps are given the same alone, together, and beside one far longer."""
    folder, run, samples, make = runs
    longest = make(11 if "length" in (folder / "spec.yaml").read_text() else 60, 99)
    beside = predict(run, write(folder / "all.jsonl", [*samples, longest])).rows
    for number, sample in enumerate(samples):
        (alone,) = predict(run, write(folder / "one.jsonl", [sample])).rows
        for task in set(alone) - {"sample"}:
            assert numbers(alone[task]) == pytest.approx(numbers(beside[number][task]), abs=1e-5), task


def test_an_evaluation_is_the_same_for_any_size_of_batches(runs, monkeypatch):
    """Losses and metrics of a split do not change where its samples are evaluated one by one."""
    _, run, *_ = runs
    plan = run.plan
    tables = Tables(plan, run.statistics)
    graph = make_graph(plan)
    tasks = [name for name, task in plan.tasks.items() if task.block["type"] != "reconstruction"]
    found = []
    for size in (1, 3, 64):
        monkeypatch.setattr(Evaluator, "_batch_size", lambda *_, size=size: size)
        found.append(Evaluator(plan, graph, tables, torch.device("cpu")).run("val", tasks))
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-5, nan_ok=True)


def test_a_text_without_words_has_no_prediction(tmp_path):
    """An empty text is named as without a prediction; the others are what they are without it."""
    run = trained(tmp_path, TEXTS, [text(1 + number % 9, number) for number in range(24)])
    rows = [text(3, 70), text(0, 71), text(1, 72)]
    found = predict(run, write(tmp_path / "new.jsonl", rows))
    whole = predict(run, write(tmp_path / "whole.jsonl", [rows[0], rows[2]]))
    assert found.rows[1]["both"] == {"class": None, "probability": None}
    assert found.rows[1]["words"] == {"tags": []}
    assert len(found.without) == 1
    for one, other in zip((found.rows[0], found.rows[2]), whole.rows, strict=True):
        assert numbers(one["both"]) == pytest.approx(numbers(other["both"]), abs=1e-6)


WRITING = """
declare: 1
name: writing
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    fields: {source: {type: text, tokenizer: word}, target: {type: text, tokenizer: word}}
    split: {val: 0.25}
model:
  embedding: {type: transformer, input: source, dim: 8, depth: 1, heads: 2}
  encoder: {type: rnn, input: embedding, dim: 4, bidirectional: true}
  decoder: {type: transformer_decoder, input: {tokens: target, memory: encoder.sequence}, dim: 8, depth: 1, heads: 2}
tasks: {write: {type: seq2seq, dataset: d, target: target, head: {type: lm, input: decoder}}}
phases: {fit: {epochs: 2, batch_size: 4, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: csv
"""


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_written_does_not_depend_on_other_texts(tmp_path, temperature):
    """A text is written from its own source and its own draws, whatever stands behind it in the file."""
    rows = [
        {"source": " ".join(words(1 + number % 7, number)), "target": " ".join(words(1 + number % 3, number))}
        for number in range(16)
    ]
    run = trained(tmp_path, WRITING, rows)
    sampling = Sampling(8, temperature, None, 3)
    sources = [{"source": "sun"}, {"source": "red cat"}, {"source": " ".join(WORDS * 3)}]
    written = [
        predict(run, write(tmp_path / "new.jsonl", sources[:count]), sampling=sampling).rows
        for count in (1, 2, 3)
    ]
    assert [row["write"] for row in written[2]][:2] == [row["write"] for row in written[1]]
    assert written[0][0]["write"] == written[1][0]["write"]


def test_blocks_are_hidden_inside_each_sample():
    """Hidden steps lie before a sample's end, a share of its own blocks, whatever the length of others."""
    from declare.nn.tasks.reconstruction import Reconstruction

    task = Reconstruction(target="x", ratio=0.5, block=2)
    values = torch.randn(3, 2, 12)
    hidden = []
    for longest in (12, 7):
        fields = {"x": values, "x.lengths": torch.tensor([2, 5, longest])}
        view = task.mask_inputs(fields, torch.Generator().manual_seed(4))
        hidden.append(view["x.hidden"])
        target = task.target(fields | {"x.hidden": view["x.hidden"]})
        assert not target[1, :, 5:].isfinite().any()
    assert not hidden[0][0].any()  # no longer than a block: nothing would be left to see
    assert hidden[0][1, :, :5].any()
    assert not hidden[0][1, :, 5:].any()
    assert not hidden[0][1].all()
    assert torch.equal(hidden[0][:2], hidden[1][:2])
    assert math.isnan(float(task.target({"x": values, "x.lengths": torch.tensor([2, 5, 12])})[0, 0, 2]))


def test_a_sample_of_another_size_is_named(tmp_path):
    """Where all training samples are equally long, one of another length is refused, or filled up as stated."""
    spec = STATED.replace("length: 12", "channels: 3")
    run = trained(tmp_path, spec, [wave(12, number) for number in range(24)])
    with pytest.raises(ProblemError) as caught:
        predict(run, write(tmp_path / "new.jsonl", [wave(12, 1), wave(9, 2)]))
    assert caught.value.problem.code == "SHP524"
    assert "new.jsonl line 2" in caught.value.problem.notes[0]


def test_nothing_is_seen_of_padding_by_those_who_look_inside(runs):
    """Statistics of activations are the same over samples one by one and together."""
    folder, run, samples, _ = runs
    write(folder / "each.jsonl", samples)
    opened = open_run(run, folder / "each.jsonl", dataset=None, split="test", loading=Loading())
    stated = any(task.block["type"] == "reconstruction" for task in run.plan.tasks.values())
    if stated:  # tensors are equally long, but zeros up to the stated length are not looked at
        seen = inspect(opened, ["flat.stages.0", "encoder.embed"], samples=9, keep=True).activities
        lengths = {item.name: {part.shape[2] for part in item.values} for item in seen}
        assert lengths == {"flat.stages.0": {2, 5, 10}, "encoder.embed": {1, 2, 5}}
        return
    seen = {item.name: item for item in inspect(opened, ["*"], samples=9, keep=True).activities}
    for name in [name for name in seen if name.endswith((":sequence", ":series"))]:
        axis = 1 if name.endswith(":sequence") else 2
        assert len({part.shape[axis] for part in seen[name].values}) > 1, name
        assert join_padded(seen[name].values).shape[0] == len(samples)


def test_series_of_similar_length_stand_together(runs):
    """`length_buckets` sorts series by their lengths as it sorts texts."""
    _, run, *_ = runs
    plan = run.plan
    table = Tables(plan, run.statistics).table("d", "train")
    shapes = {name: field.shape for name, field in plan.datasets["d"].fields.items()}
    made = parser.parse("samplers", {"type": "length_buckets", "fields": ["x" if "x" in shapes else "text"]})
    sampler = made.with_fields(shapes).for_batches(3)
    (name,) = sampler.columns()
    lengths = table.lengths(name)
    order = sampler.order(len(lengths), {name: lengths}, np.random.default_rng(0), 0.0)
    spread = np.ptp(lengths[order].reshape(-1, 3), axis=1).sum()
    assert spread < 0.5 * np.ptp(lengths.reshape(-1, 3), axis=1).sum()


@pytest.mark.parametrize(("width", "found"), [(1, ["DAT304"]), (4, [])])
def test_a_last_batch_of_one_short_sample_is_refused(tmp_path, width, found):
    """A batch norm over one step of one sample has no variance: said before training, by the shortest sample."""
    rows = [wave(max(width, 4) + number % 3 if number else width, number) for number in range(13)]
    write(tmp_path / "d.jsonl", rows)
    spec = (
        SERIES[: SERIES.index("model:")]
        + """
model: {conv: {type: conv1d, input: x, channels: [4, 4], kernel: 3}}
tasks: {sign: {type: classification, dataset: d, target: sign}}
phases: {fit: {epochs: 1, batch_size: 3, optimizer: {type: adamw, lr: 1e-2}}}
"""
    )
    (tmp_path / "spec.yaml").write_text(spec.replace("split: {val: 0.25}", "split: {val: 0.24}"))
    assert [
        item.code for item in check(tmp_path / "spec.yaml").diagnostics if item.severity == "error"
    ] == found
