"""Parts of libraries that do not work are findings of the compiler, at the parameter that they are due to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from declare.compiler.pipeline import check
from declare.system.worker_process import WORKER

IMAGES = """\
declare: 1
datasets:
  images:
    source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16}
    transforms:
      - {type: random_horizontal_flip, field: image}
      - {type: gaussian_blur, field: image, kernel_size: 4}
      - {type: elastic_transform, field: image}
model:
  encoder: {type: cnn, channels: [4], input: image}
tasks:
  texture: {type: classification, dataset: images, target: label}
phases:
  first: {epochs: 1, batch_size: 10, optimizer: {type: nadam, lr: 1e-3, betas: [1.5, 0.9]}}
  second: {epochs: 1, batch_size: 10, optimizer: {type: nadam, lr: 1e-3}}
  third: {epochs: 1, batch_size: 10, optimizer: {type: lamb, lr: 1e-3, betas: [0.9]}}
"""
TEXTS = """\
declare: 1
datasets:
  lines:
    source: {type: jsonl, path: lines.jsonl}
    fields: {text: {type: text, tokenizer: {type: file, path: tokenizer.json}, max_length: 16}}
model:
  encoder: {type: transformer, input: text, dim: 8, depth: 1, heads: 2}
tasks:
  kind: {type: classification, dataset: lines, target: kind}
phases:
  fit: {epochs: 1, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}}
"""


def places(path: Path) -> list[tuple[str, str]]:
    """Return code and place of each error."""
    return [(item.code, item.path) for item in check(path).diagnostics if item.severity == "error"]


def test_all_of_them_are_found_at_once_and_asked_once(tmp_path: Path) -> None:
    """Each stands at its parameter, or at its type where no parameter is the cause; the second time nothing is tried.

    Where the tables are of the versions that are installed, ranges tell of optimizers, at the very number.
    """
    (tmp_path / "spec.yaml").write_text(IMAGES)
    found = places(tmp_path / "spec.yaml")
    assert sorted(found)[:2] == [
        ("DAT347", "datasets.images.transforms.1.kernel_size"),
        ("DAT347", "datasets.images.transforms.2.type"),
    ]
    assert sorted(found)[2:] in (
        [("PHS632", "phases.first.optimizer.betas"), ("PHS632", "phases.third.optimizer.betas")],
        [("SCH108", "phases.first.optimizer.betas.0"), ("SCH108", "phases.third.optimizer.betas")],
    )
    before = WORKER.num_calls
    assert places(tmp_path / "spec.yaml") == found
    assert WORKER.num_calls == before


@pytest.mark.parametrize(
    ("pattern", "unknown", "says"), [(r"(a+)+$", "<unk>", "Regex"), (r"\s", "none", "UNK")]
)
def test_a_tokenizer_that_fails_on_the_texts_is_refused(
    tmp_path: Path, pattern: str, unknown: str, says: str
) -> None:
    """A pattern that panics and an unknown token that is missing are found before any text is cut here."""
    real = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    real.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    stated = json.loads(real.to_str())
    stated["model"]["unk_token"] = unknown
    (tmp_path / "tokenizer.json").write_text(json.dumps(stated))
    rows = [{"text": "a" * (30 + row) + "! b", "kind": "pq"[row % 2]} for row in range(20)]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "spec.yaml").write_text(TEXTS)
    (found,) = [item for item in check(tmp_path / "spec.yaml").diagnostics if item.code == "DAT362"]
    assert found.path == "datasets.lines.fields.text.tokenizer"
    assert says in found.notes[0]
