"""Samples that are not one for each row: windows, empty texts, and what is learned from the training split."""

from __future__ import annotations

import json

import numpy as np
import pytest

from declare.compiler.pipeline import check
from declare.data.check.scan import open_for_scan, summarise
from declare.data.read.fitted_fields import samples_of
from declare.data.store.dataset import Pool
from declare.data.store.split_arrays import Table

SPEC = """
declare: 1
datasets:
  corpus:
    source: {{type: jsonl, path: data.jsonl}}
    fields:
      text: {{type: text, tokenizer: word, max_length: 4}}
      kind: {{type: category}}
      group: {{type: id}}
    split: {{val: 0.3, by: group}}
model:
  decoder: {{type: transformer, input: text, dim: 8, depth: 1, heads: 2, causal: true}}
tasks:
  next: {{type: {task}, dataset: corpus, target: {target}}}
phases:
  fit: {{epochs: 1, batch_size: 4, optimizer: {{type: adamw, lr: 1e-3}}}}
"""


def plan(folder, task="causal_lm", target="text"):
    rows = [
        {"text": " ".join(f"w{row}" for _ in range(row % 11)), "kind": "ab"[row % 2], "group": row // 5}
        for row in range(60)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "spec.yaml").write_text(SPEC.format(task=task, target=target))
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, [item.title for item in checked.diagnostics]
    return rows, checked.plan.datasets["corpus"]


def test_samples_are_rows_and_parts():
    """A row of three parts makes three samples, a row of none none; parts of a row stay together."""
    found = samples_of(np.array([2, 5, 7]), np.array([1, 0, 3]), 10)
    assert found.tolist() == [2, 7, 17, 27]


def test_windows_stay_in_the_split_of_their_text(tmp_path):
    """Every window of a text is in one split, all windows together are the text, empty texts make none."""
    _, corpus = plan(tmp_path)
    pool = Pool(corpus)
    assert {name: len(samples) for name, samples in pool.rows.items()} == corpus.splits
    of_rows = {name: set((samples % 60).tolist()) for name, samples in pool.rows.items()}
    assert not of_rows["train"] & of_rows["val"]
    assert of_rows["train"] | of_rows["val"] == {row for row in range(60) if row % 11}
    seen = dict.fromkeys(range(60), 0)
    for split in ("train", "val"):
        table = Table(pool, split, {})
        for sample, tokens in zip(table.rows.tolist(), table.array("text"), strict=True):
            seen[sample % 60] += int((tokens >= 0).sum())
    assert seen == {row: row % 11 + bool(row % 11) for row in range(60)}
    assert sum(corpus.splits.values()) == sum(-(-(row % 11 + 1) // 4) for row in range(60) if row % 11)


def test_other_fields_follow_the_windows(tmp_path):
    """Each window has the class of its text."""
    _, corpus = plan(tmp_path)
    table = Table(Pool(corpus), "train", {})
    assert table.array("kind").tolist() == [sample % 60 % 2 for sample in table.rows.tolist()]


def test_empty_texts_are_counted_and_named(tmp_path):
    """The facts hold their number; each is listed with its line."""
    _, corpus = plan(tmp_path)
    assert corpus.fields["text"].facts.extra["empty"] == 6
    pool = Pool(corpus)
    assert len(pool.rows) == 2
    lines = [item.where for split in ("train", "val") for item in pool.skipped_samples(split)]
    assert sorted(lines) == sorted(f"data.jsonl line {row + 1}" for row in range(0, 60, 11))


def test_long_texts_are_cut_where_they_have_one_target(tmp_path):
    """A task with one class for each text keeps one sample of each."""
    _, corpus = plan(tmp_path, "classification", "kind")
    assert sum(corpus.splits.values()) == 54
    assert corpus.fields["text"].block["overlong"] == "cut"
    assert corpus.fields["text"].block["ends"] is False


def test_the_vocabulary_is_that_of_the_training_split(tmp_path):
    """Words of validation texts alone are unknown."""
    rows, corpus = plan(tmp_path)
    pool = Pool(corpus)
    train = {rows[row]["text"].split()[0] for row in (pool.rows["train"] % 60).tolist()}
    assert set(corpus.fields["text"].facts.extra["vocabulary"]["pieces"]) == train
    held = Table(pool, "val", {}).array("text")
    assert set(np.unique(held).tolist()) <= {-1, 1, 3}


@pytest.mark.parametrize("task", ["causal_lm", "classification"])
def test_a_kept_count_of_parts_gives_the_same_samples(tmp_path, task):
    """The second opening reads the number of parts from the cache."""
    _, corpus = plan(tmp_path, task, "text" if task == "causal_lm" else "kind")
    first, second = Pool(corpus).rows, Pool(corpus).rows
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_kept_count_is_that_of_its_own_way_of_reading(tmp_path):
    """Texts read as beginnings, one sample each, leave the windows of the run alone."""
    _, corpus = plan(tmp_path)
    text = corpus.fields["text"]
    tail = text.model_copy(update={"block": text.block | {"overlong": "tail", "ends": False}})
    other = corpus.model_copy(update={"fields": corpus.fields | {"text": tail}})
    assert sum(map(len, Pool(other).rows.values())) == 54
    assert sum(map(len, Pool(corpus).rows.values())) == corpus.num_samples > 54


def test_the_same_facts_are_found_without_reading(tmp_path):
    """A second check gives the same plan."""
    _, first = plan(tmp_path)
    again = check(tmp_path / "spec.yaml").plan
    assert again is not None
    assert again.datasets["corpus"] == first


TAGGED = """
declare: 1
datasets:
  news:
    source: {{type: jsonl, path: tagged.jsonl}}
    fields: {{words: {{type: text, tokenizer: char, max_length: 6, overlong: {overlong}}}, kind: {{type: tags, of: words}}}}
    split: {{val: 0.25}}
model: {{encoder: {{type: transformer, input: words, dim: 8, depth: 1, heads: 2}}}}
tasks: {{kind: {{type: token_classification, dataset: news, target: kind}}}}
phases: {{fit: {{epochs: 1, batch_size: 4, optimizer: {{type: adamw, lr: 1e-3}}}}}}
"""


@pytest.mark.parametrize("overlong", ["cut", "tail", "windows"])
def test_counts_of_tags_are_those_of_the_samples(tmp_path, overlong):
    """The plan counts the tags that the samples of each split hold, and says which are lost with their words."""
    rows = [{"words": ["aa"] * 4 + ["bb"], "kind": ["O"] * 4 + ["P"]} for _ in range(8)] + [
        {"words": ["bb"], "kind": ["P"]} for _ in range(8)
    ]
    (tmp_path / "tagged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "spec.yaml").write_text(TAGGED.format(overlong=overlong))
    checked = check(tmp_path / "spec.yaml")
    news = checked.plan.datasets["news"]
    facts, pool = news.fields["kind"].facts, Pool(news)
    for split in ("train", "val"):
        held = Table(pool, split, {}).array("kind")
        assert np.bincount(held[held >= 0], minlength=2).tolist() == list(facts.counts[split])
    kept = {"cut": 32, "tail": 32, "windows": 48}[overlong]
    assert sum(map(sum, facts.counts.values())) == facts.extra["tags"]["kept"] == kept
    assert ("DAT354" in {item.code for item in checked.diagnostics}) == (overlong != "windows")


def test_a_class_that_is_cut_away_everywhere_is_said(tmp_path):
    """With all words of a class beyond the cut, one class is left and the task is refused."""
    rows = [{"words": ["a"] * 10 + ["b"], "kind": ["O"] * 10 + ["P"]} for _ in range(12)]
    (tmp_path / "tagged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "spec.yaml").write_text(TAGGED.format(overlong="cut"))
    codes = {item.code for item in check(tmp_path / "spec.yaml").diagnostics}
    assert {"DAT354", "LOS412"} <= codes
    (tmp_path / "spec.yaml").write_text(TAGGED.format(overlong="tail"))
    assert "LOS412" not in {item.code for item in check(tmp_path / "spec.yaml").diagnostics}


def test_windows_of_a_text_are_no_twins_of_it(tmp_path):
    """A check of the data compares and counts texts, not the windows that they make."""
    plan(tmp_path)
    text = (tmp_path / "spec.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(text.replace("max_length: 4", "max_length: 4, overlong: windows"))
    spec = check(tmp_path / "spec.yaml").spec
    pool = open_for_scan("corpus", spec.datasets["corpus"], 0)
    found = summarise("corpus", pool, (), lambda _: None)
    assert found.num_samples > 54
    assert found.duplicates is None or found.duplicates.within == 0
