"""Shapes that one set of weights gets from two datasets, or from samples that differ in length."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.specs import codes, run

REVIEWS = "{type: simulated, name: reviews, samples: 25, length: LENGTH}"
TEXTS = """\
declare: 1
datasets:
  a: {source: SHORT, fields: {text: {type: text, tokenizer: TOKENIZER}, mood: category}}
  b: {source: LONG, fields: {text: {type: text, tokenizer: TOKENIZER}, mood: category}}
model:
  first: {type: transformer, input: text, dim: 8, heads: 2, depth: 1}
  second: SECOND
tasks: {t: {type: classification, datasets: [a, b], target: mood, head: {type: linear, input: second}}}
phases: {p: {batch_size: 6, optimizer: {type: adam, lr: 0.01}, steps: 3}}
"""
DECODER = "{type: transformer_decoder, dim: 8, heads: 2, depth: 1, input: {tokens: text, memory: first}}"


def texts(second: str, tokenizer: str) -> str:
    """Return a spec over two datasets whose longest texts are not equally long."""
    spec = TEXTS.replace("SHORT", REVIEWS.replace("LENGTH", "9")).replace(
        "LONG", REVIEWS.replace("LENGTH", "15")
    )
    return spec.replace("SECOND", second).replace("TOKENIZER", tokenizer)


@pytest.mark.parametrize("second", ["{type: transformer, dim: 8, heads: 2, depth: 1, input: first}", DECODER])
def test_masks_of_texts_of_two_lengths_are_one_input(tmp_path, second):
    """Positions of a mask are no features: a module behind another takes the texts of both datasets."""
    assert codes(run(tmp_path, texts(second, "byte"))) == {}


def test_an_input_that_nobody_states_is_refused_at_its_node(tmp_path):
    """Two vocabularies are refused, also where a mask comes with an input by itself."""
    second = "{type: transformer, dim: 8, heads: 2, depth: 1, patch: 9, input: first}"
    found = codes(run(tmp_path, texts(second, "wordpiece")))
    assert found["model.first.input"] == "SHP515"


def test_masks_of_samples_of_several_lengths_are_taken(tmp_path):
    """A transformer over another one masks the padding of uneven series."""
    draws = np.random.default_rng(0)
    rows = [
        f'{{"x": {draws.random((2, 3 + row % 4)).round(2).tolist()}, "y": "{"ab"[row % 2]}"}}'
        for row in range(30)
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(rows))
    spec = """\
declare: 1
datasets: {d: {source: {type: jsonl, path: d.jsonl}, fields: {x: series, y: category}, split: {val: 0.2}}}
model:
  first: {type: transformer, input: x, patch: 1, dim: 8, heads: 2, depth: 1}
  second: {type: transformer, input: first, dim: 8, heads: 2, depth: 1}
tasks: {t: {type: classification, target: y, head: {type: linear, input: second}}}
phases: {p: {batch_size: 6, optimizer: {type: adam, lr: 0.01}, steps: 3}}
"""
    assert "error" not in {found.severity for found in run(tmp_path, spec).diagnostics}
