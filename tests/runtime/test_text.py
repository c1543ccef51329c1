"""Text from end to end: language models, classes of texts and of words, sequences to sequences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from declare.__main__ import main
from declare.compiler.pipeline import check
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.inference.predict import predict
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

ROOT = Path(__file__).parents[2]
SMALL = "dim: 16, depth: 1, heads: 2"
CORPUS = f"""
declare: 1
name: corpus
datasets:
  corpus:
    source: {{type: simulated, name: corpus, samples: 120, length: 10}}
    fields: {{text: {{type: text, tokenizer: {{type: bpe, vocab_size: 300}}, max_length: 12}}}}
model:
  decoder: {{type: transformer, input: text, {SMALL}, causal: true, dropout: 0.1}}
tasks:
  next: {{type: causal_lm, dataset: corpus, target: text}}
phases:
  fit:
    steps: 60
    batch_size: 16
    sampler: length_buckets
    optimizer: {{type: adamw, lr: 1e-2}}
    checkpoint: {{every: 20 steps}}
tracking: csv
"""
REVIEWS = f"""
declare: 1
name: reviews
datasets:
  reviews:
    source: {{type: simulated, name: reviews, samples: 160, length: 8}}
    split: {{val: 0.25}}
model:
  encoder: {{type: transformer, input: text, {SMALL}}}
tasks:
  mlm: {{type: masked_lm, dataset: reviews, target: text}}
  mood: {{type: classification, dataset: reviews, target: mood}}
phases:
  pretrain: {{tasks: [mlm], epochs: 1, batch_size: 16, optimizer: {{type: adamw, lr: 1e-2}}}}
  fit: {{tasks: [mood], epochs: 8, batch_size: 16, optimizer: {{type: adamw, lr: 1e-2}}}}
tracking: csv
"""
PAIRS = f"""
declare: 1
name: pairs
datasets:
  pairs: {{source: {{type: simulated, name: pairs, samples: 400, length: 2}}}}
model:
  encoder: {{type: transformer, input: source, {SMALL}}}
  decoder: {{type: transformer_decoder, input: {{tokens: target, memory: encoder}}, {SMALL}}}
tasks:
  reverse: {{type: seq2seq, dataset: pairs, target: target}}
phases:
  fit: {{epochs: 12, batch_size: 32, optimizer: {{type: adamw, lr: 2e-2}}, schedule: cosine}}
tracking: csv
"""
TAGGED = f"""
declare: 1
name: tagged
datasets:
  news:
    source: {{type: simulated, name: tagged, samples: 120}}
    fields: {{words: {{type: text, tokenizer: {{type: wordpiece, vocab_size: 100}}}}, entity: {{type: tags, of: words}}}}
model:
  encoder: {{type: transformer, input: words, {SMALL}}}
tasks:
  entity: {{type: token_classification, dataset: news, target: entity, loss: {{type: cross_entropy, class_weights: balanced}}}}
phases:
  fit: {{epochs: 8, batch_size: 16, optimizer: {{type: adamw, lr: 2e-2}}}}
tracking: csv
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Train a spec once and return its run."""
    done = {}

    def trained(text):
        if text not in done:
            folder = tmp_path_factory.mktemp("text")
            (folder / "spec.yaml").write_text(text)
            arguments = ["train", str(folder / "spec.yaml"), "--run-dir", str(folder / "run"), "--quiet"]
            assert main(arguments) == 0
            done[text] = folder / "run"
        return Run(done[text])

    return trained


def predicted(run, folder, content, *words, name="new.jsonl"):
    """Return the rows that `predict` prints for an input."""
    (folder / name).write_text(content)
    out = folder / "out.json"
    arguments = ["predict", str(run.path), "--input", str(folder / name), "--output", str(out), *words]
    assert main([*arguments, "--quiet"] if "--quiet" in words else arguments) == 0
    return json.loads(out.read_text())["rows"]


def test_a_language_model_learns_and_goes_on(runs, tmp_path):
    """It beats words taken one by one, and goes on from a beginning the same way every time."""
    run = runs(CORPUS)
    vocabulary = run.plan.datasets["corpus"].fields["text"].shape.classes
    assert run.final["val/next/perplexity"] < vocabulary / 8
    texts = [predicted(run, tmp_path, "ba\nde\n", "--max-new-tokens", "5", name="new.txt") for _ in range(2)]
    assert texts[0] == texts[1]
    assert all(isinstance(row["next"]["text"], str) for row in texts[0])


def test_pretraining_then_classes(runs, tmp_path):
    """An encoder that has filled gaps tells praise from blame; gaps are not filled in predictions."""
    run = runs(REVIEWS)
    assert run.final["val/mood/accuracy"] > 0.9
    rows = predicted(run, tmp_path, '{"text": "a superb film"}\n{"text": "the plot was boring and dull"}\n')
    assert [row["mood"]["class"] for row in rows] == ["pos", "neg"]
    assert "mlm" not in rows[0]


def test_sequences_to_sequences_are_written(runs, tmp_path):
    """Pairs of words come out reversed; the column that is written need not be there."""
    run = runs(PAIRS)
    assert run.final["val/reverse/exact_match"] > 0.9
    first, second = run.plan.datasets["pairs"].fields["source"].facts.extra["vocabulary"]["pieces"][:2]
    (row,) = predicted(run, tmp_path, json.dumps({"source": f"{first} {second}"}) + "\n")
    assert row["reverse"]["text"] == f"{second} {first}"
    (row,) = predicted(run, tmp_path, f"{first} {second}\n", name="new.txt")
    assert row["reverse"]["text"] == f"{second} {first}"


def test_columns_of_a_table_stand_for_no_others(runs, tmp_path, capsys):
    """Those of a table that are called as the columns of a text file are not taken for what the model reads."""
    (tmp_path / "new.jsonl").write_text(json.dumps({"text": "a b", "file": "x"}) + "\n")
    assert main(["predict", str(runs(PAIRS).path), "--input", str(tmp_path / "new.jsonl")]) == 2
    assert "RES817" in capsys.readouterr().err


def test_words_get_their_classes(runs, tmp_path):
    """Of words in pieces each has one class; every word of the input gets one."""
    run = runs(TAGGED)
    assert run.final["val/entity/accuracy"] > 0.8
    (row,) = predicted(run, tmp_path, '{"words": ["Bala", "sold", "house", "in", "Bala"]}\n')
    assert len(row["entity"]["tags"]) == 5
    assert set(row["entity"]["tags"]) <= {"O", "PERSON", "PLACE"}


@pytest.mark.parametrize("text", [CORPUS, REVIEWS, PAIRS, TAGGED], ids=lambda text: text.split()[3])
def test_reports_and_figures_come_from_the_run(runs, text, capsys):
    """`evaluate` gives the figures that the run ended with; `report` counts the modules."""
    run = runs(text)
    capsys.readouterr()
    assert main(["evaluate", str(run.path), "--split", "val", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    found = said.get("metrics", said)
    for name, value in run.final.items():
        if name in found:
            assert found[name] == pytest.approx(value, rel=1e-5), name
    assert main(["report", str(run.path)]) == 0
    assert "Attention" in capsys.readouterr().out
    assert all(node.flops and node.activation_bytes for node in run.plan.nodes if node.role == "module")


def test_a_stopped_run_goes_on_to_the_same_bits(runs, tmp_path):
    """Windows, buckets and dropout come again as they would have come."""
    (tmp_path / "spec.yaml").write_text(CORPUS)
    plan = check(tmp_path / "spec.yaml").plan
    assert plan is not None

    class Stop(Listener):
        def next_step(self, step):
            return 13 if step < 13 else None

        def on_event(self, event):
            return Request.STOP_RUN if event.total == 13 else None

    assert train(plan, CORPUS, tmp_path / "run", listeners=[Stop()]).status == 75
    assert train(plan, CORPUS, tmp_path / "run", resume=True).status == 0
    whole, resumed = (read_tensors(run.weights_path("last")) for run in (runs(CORPUS), Run(tmp_path / "run")))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_warm_validation_imports_no_library(tmp_path):
    """The second check needs neither torch nor numpy nor tokenizers."""
    (tmp_path / "spec.yaml").write_text(CORPUS)
    code = (
        "import sys; from declare.compiler.pipeline import check; assert check('spec.yaml').plan;"
        "print([name for name in ('torch', 'numpy', 'tokenizers', 'transformers') if name in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT), "DECLARE_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code]
    runs = [
        subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[1].stdout.strip() == "[]"


TAGS = f"""
declare: 1
datasets:
  d:
    source: {{type: jsonl, path: d.jsonl}}
    fields: {{words: {{type: text, tokenizer: word, max_length: 3, overlong: OVERLONG}}, tag: {{type: tags, of: words}}}}
    split: {{val: 0.25}}
model: {{enc: {{type: transformer, input: words, {SMALL}}}}}
tasks: {{k: {{type: token_classification, dataset: d, target: tag}}}}
phases: {{fit: {{epochs: 6, batch_size: 8, optimizer: {{type: adamw, lr: 3e-2}}}}}}
hardware: {{accelerator: cpu, precision: fp32, workers: 0, compile: false}}
tracking: csv
"""


@pytest.mark.parametrize("overlong", ["tail", "windows"])
def test_tags_are_learned_with_the_words_that_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overlong: str
) -> None:
    """Where a tag follows from its word all are got right; predictions of windows are those of the whole text."""
    monkeypatch.chdir(tmp_path)
    words = [[("Rome", "lives")[number >> bit & 1] for bit in range(7)] for number in range(3, 125, 4)]
    tags = {"Rome": "P", "lives": "O"}
    lines = [json.dumps({"words": row, "tag": [tags[word] for word in row]}) + "\n" for row in words]
    (tmp_path / "d.jsonl").write_text("".join(lines))
    (tmp_path / "spec.yaml").write_text(TAGS.replace("OVERLONG", overlong))
    assert main(["train", "spec.yaml", "--run-dir", "run", "--quiet"]) == 0
    assert Run(tmp_path / "run").final["val/k/accuracy"] == 1.0
    assert main(["evaluate", "run", "--split", "val", "--quiet"]) == 0
    row = ["Rome"] * 3 + ["lives"] * 4 + ["Rome"]
    (tmp_path / "new.jsonl").write_text(json.dumps({"words": row}) + "\n" + json.dumps({"words": []}) + "\n")
    found = predict(Run(tmp_path / "run"), tmp_path / "new.jsonl")
    read = [tags[word] for word in row]
    first, second = found.rows
    assert first["k"]["tags"] == (read if overlong == "windows" else [None] * 5 + read[5:])
    assert second["k"]["tags"] == []
    assert len(found.unread) == (overlong == "tail")
