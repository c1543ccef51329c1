"""Keys, names and values of other frameworks each lead to what is written here."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from declare.contract.problem import Problem
from declare.language.spec import Spec
from declare.parsing.annotation import TypeSpec, fields, form
from declare.parsing.block_problems import unknown_component
from declare.parsing.parser import read

BASE = yaml.safe_load("""
declare: 1
name: w
datasets:
  lab:
    source: {type: csv, path: x.csv}
    fields: {x: number, y: category, n: {type: number}}
    split: {val: 0.2}
    transforms: [{type: standardize, field: x}]
model: {encoder: {type: mlp, input: x, hidden: [8]}}
tasks:
  kind: {type: classification, dataset: lab, target: y}
  num: {type: regression, dataset: lab, target: n}
hardware: {accelerator: auto}
phases:
  fit:
    epochs: 2
    batch_size: 8
    optimizer: {type: adamw, lr: 1.0e-3}
    schedule: {type: cosine, warmup: 1 steps}
    evaluate: {every: 1 epoch}
    checkpoint: {every: 1 epoch}
    early_stop: {metric: val/kind/accuracy, mode: max, patience: 2 epochs}
    clip: {norm: 1.0}
    probes: [{task: kind, type: linear}]
""")
OURS = ("epochs", "schedule", "evaluate", "checkpoint", "early_stop", "clip")
ROWS = [
    tuple(part.strip() for part in line.split(" | "))
    for line in (Path(__file__).parent / "foreign_words.txt").read_text().splitlines()
    if not line.startswith("#")
]


def planted(place: str, key: str, value: Any, meant: str) -> dict[str, Any]:
    """Return a spec with a key in one of its blocks, without our own key of the same meaning."""
    tree = copy.deepcopy(BASE)
    block = tree
    for part in place.replace("fields.x", "fields.n").split(".") if place != "top" else ():
        block = block[int(part)] if part.isdigit() else block[part]
    if place == "phases.fit" and meant in OURS:
        block.pop(meant, None)
    block[key] = value
    return tree


def problems(place: str, key: str, value: Any, meant: str) -> list[Problem]:
    """Return what is said of a key in a block; of losses and metrics of tasks, what a later pass says of the name."""
    if place.startswith("tasks.") and key in {"metrics", "loss"}:
        kind = "metrics" if key == "metrics" else "losses"
        return [unknown_component(kind, value[0] if isinstance(value, list) else value, f"{place}.{key}")]
    return read(Spec, planted(place, key, value, meant))[1]


@pytest.mark.parametrize("section", sorted({row[0].partition(".")[0] for row in ROWS}))
def test_words_of_other_frameworks(section):
    """Each word gets a remedy that names what is written here, or says that nothing is."""
    missed = []
    for place, written, meant in (row for row in ROWS if row[0].partition(".")[0] == section):
        key, value = next(iter(yaml.safe_load(written).items()))
        texts = [
            " ; ".join([*item.helps, *(rewrite.title for rewrite in item.rewrites)])
            for item in problems(place, key, value, meant)
        ]
        if not any(meant in text and "`dcl list" not in text.removesuffix(meant) for text in texts):
            missed.append((place, written, meant, texts))
    assert missed == []


def test_no_word_of_a_spec_is_a_value_of_another_framework():
    """A value that a form takes is read as it is: no word of the table replaces one of ours."""
    from declare.diagnostics.foreign_values import our_values

    assert [word for word in _words(form(Spec), set()) if our_values(word) and word in our_values(word)] == []


def _words(item: TypeSpec, seen: set[Any]) -> set[str]:
    """Return the words that the forms of a block allow."""
    found: set[str] = set()
    for option in item.options:
        if option.model is not None and option.slot is None and option.model not in seen:
            seen.add(option.model)
            for _, inner in fields(option.model).values():
                found |= _words(inner, seen)
        found |= {str(word) for word in getattr(option.annotation, "__args__", ()) if isinstance(word, str)}
    return found
