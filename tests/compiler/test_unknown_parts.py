"""What a mistake leaves unknown is taken for right: no second finding stands beside it."""

from __future__ import annotations

import pytest

from declare.compiler.pipeline import check

SPEC = """
declare: 1
datasets:
  a: {source: {type: csv, path: a.csv}, fields: {x: number, y: category, who: id}, split: {val: 0.2}}
  b: {source: {type: csv, path: b.csv}, fields: {x: number, y: category, who: id}, split: {val: 0.2}}
model: {encoder: {type: mlp, input: x}}
tasks:
  kind: {type: classification, datasets: [a, b], target: y, head: {type: linear, per_dataset: true}}
  pairs: {type: contrastive, dataset: a}
phases:
  fit: {tasks: [kind], epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
  align:
    tasks: [pairs]
    epochs: 1
    batch_size: 8
    optimizer: {type: adamw, lr: 1e-3}
    sampler: {type: pairs, same: [who], different: y}
"""


@pytest.fixture
def findings(tmp_path, monkeypatch):
    """Return what is found in the spec with one text of it changed."""
    monkeypatch.chdir(tmp_path)
    for name, words in (("a", "pq"), ("b", "rst")):
        rows = "".join(f"{i / 60},{words[i % len(words)]},w{i // 2 % 9}\n" for i in range(60))
        (tmp_path / f"{name}.csv").write_text("x,y,who\n" + rows)

    def found(old, new):
        (tmp_path / "spec.yaml").write_text(SPEC.replace(old, new))
        return {(item.code, item.path) for item in check("spec.yaml").diagnostics if item.severity == "error"}

    return found


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("{type: linear, per", "{type: lineaxx, per", ("SCH106", "tasks.kind.head.type")),
        ("head: {type: linear, per_dataset: true}", "head: 3.5", ("SCH104", "tasks.kind.head")),
        ("per_dataset: true", "per_dataset: 3.5", ("SCH104", "tasks.kind.head.per_dataset")),
        ("tasks: [pairs]", "tasks: [zzz]", ("REF201", "phases.align.tasks.0")),
        ("tasks: [pairs]", "tasks: {pairs: heavy}", ("SCH104", "phases.align.tasks.pairs")),
    ],
)
def test_one_mistake_is_one_finding(findings, old, new, mistake):
    """A head or a phase that cannot be read is not blamed for what it may well have said."""
    assert findings("", "") == set()
    assert findings(old, new) == {mistake}


def test_a_field_behind_an_unreadable_transform_has_any_shape(tmp_path):
    """A transform of a field that is not there may have been any field's, so that no shapes are compared."""
    source = "{type: simulated, name: eeg, samples: 12, channels: 2, rate: %d, seconds: 2, seed: 1}"
    (tmp_path / "spec.yaml").write_text(
        f"""
declare: 1
datasets:
  a:
    source: {source % 40}
    fields: {{eeg: {{type: series, channels: 2, rate: 40}}, age: number, subject: id}}
    transforms: [{{type: resample, field: zzz, rate: 20}}]
    split: {{val: 0.2}}
  b:
    source: {source % 20}
    fields: {{eeg: {{type: series, channels: 2, rate: 20}}, age: number, subject: id}}
    split: {{val: 0.2}}
model: {{encoder: {{type: series_patch, input: eeg, patch: 10, dim: 8, depth: 1, heads: 2}}}}
tasks: {{age: {{type: regression, datasets: [a, b], target: age}}}}
phases: {{fit: {{epochs: 1, batch_size: 4, optimizer: {{type: adamw, lr: 1e-3}}}}}}
"""
    )
    found = check(tmp_path / "spec.yaml").diagnostics
    assert [(item.code, item.path) for item in found if item.severity == "error"] == [
        ("REF201", "datasets.a.transforms.0.field")
    ]


def test_a_field_whose_name_has_a_dot_is_one_finding(tmp_path):
    """The dot ends no path within the block: what is left of the data is read."""
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40)))
    (tmp_path / "spec.yaml").write_text("""\
declare: 1
datasets: {a: {source: {type: csv, path: a.csv}, fields: {x: number, y: category, "b.c": datetime}}}
model: {encoder: {type: tabular, input: x}}
tasks: {kind: {type: classification, dataset: a, target: y}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}}
""")
    found = check(tmp_path / "spec.yaml").diagnostics
    assert {(item.code, item.path) for item in found if item.severity == "error"} == {
        ("SCH110", "datasets.a.fields.b.c")
    }


def test_nothing_is_read_from_a_module_that_fits_one_dataset_alone(tmp_path):
    """Modules with a copy for each dataset are not judged behind one whose datasets contradict each other."""
    for name, words in (("a", ["red", "on"]), ("b", ["green", "blue", "on", "under"])):
        texts = [" ".join(words[: 1 + i % len(words)]) for i in range(20)]
        rows = "".join(f'{{"text": "{text}", "kind": "{len(text) % 2}"}}\n' for text in texts)
        (tmp_path / f"{name}.jsonl").write_text(rows)
    (tmp_path / "spec.yaml").write_text("""
declare: 1
datasets:
  a: {source: {type: jsonl, path: a.jsonl}, fields: {text: {type: text, tokenizer: word}, kind: category}}
  b: {source: {type: jsonl, path: b.jsonl}, fields: {text: {type: text, tokenizer: word}, kind: category}}
model:
  shared: {type: transformer, dim: 4, depth: 1, heads: 1, input: text}
  apart: {type: conv1d, per_dataset: true, channels: [4], input: shared}
tasks: {t: {type: classification, target: kind, datasets: [a, b], head: {type: linear, input: apart}}}
phases: {p: {steps: 1, batch_size: 2, optimizer: {type: sgd, lr: 0.1}}}
""")
    codes = [item.code for item in check(tmp_path / "spec.yaml").diagnostics if item.severity == "error"]
    assert codes == ["SHP515"]
