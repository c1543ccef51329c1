"""Paths that exist on the machine of the spec's author alone."""

from __future__ import annotations

import json

import pytest

from declare.compiler import pipeline

SPEC = """\
declare: 1
datasets:
  lab:
    source: {{type: csv, path: {path}}}
    fields: {{a: {{type: number}}, kind: {{type: category}}}}
model:
  encoder: {{type: mlp, input: a, hidden: [4]}}
tasks:
  kind: {{type: classification, dataset: lab, target: kind}}
phases:
  fit: {{epochs: 1, batch_size: 8, optimizer: {{type: adamw, lr: 1e-3}}{init}}}
"""


@pytest.fixture
def lint(tmp_path):
    """Return the STY901 findings of a spec that names its data by `path`."""
    for folder in ("here", "elsewhere"):
        (tmp_path / folder).mkdir()
        rows = "".join(f"{n % 7},{'left' if n % 2 else 'right'}\n" for n in range(40))
        (tmp_path / folder / "t.csv").write_text(f"a,kind\n{rows}")

    def check(path, sets=(), init=""):
        spec = tmp_path / "here" / "spec.yaml"
        spec.write_text(SPEC.format(path=path, init=init))
        checked = pipeline.check(spec, sets)
        return [item for item in checked.diagnostics if item.code == "STY901"]

    return check


def test_an_absolute_path_outside_is_said(lint, tmp_path):
    """An absolute path outside of the spec's folder is a note at its place, without a fix."""
    (item,) = lint(tmp_path / "elsewhere" / "t.csv")
    assert (item.path, item.severity, item.fixes) == ("datasets.lab.source.path", "info", ())
    assert item.primary.span.text == str(tmp_path / "elsewhere" / "t.csv")
    assert "environment" in item.helps[0]


def test_an_absolute_path_inside_has_a_fix(lint, tmp_path):
    """An absolute path inside of the spec's folder can be written from there."""
    (item,) = lint(tmp_path / "here" / "t.csv")
    assert [edit.new_text for edit in item.fixes[0].edits] == ["t.csv"]
    assert item.fixes[0].applicability == "safe"


def test_a_run_to_start_from_counts_too(lint, tmp_path):
    """Weights that a phase starts from are named by a path as well."""
    place = tmp_path / "elsewhere" / "w.safetensors"
    header = json.dumps({"encoder.0.bias": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    place.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    found = lint("t.csv", init=f", init: [{{from: 'file:{place}', strict: false}}]")
    assert [item.path for item in found] == ["phases.fit.init.0.from"]


@pytest.mark.parametrize("path", ["t.csv", "../elsewhere/t.csv", "${env:DATA:-t.csv}"])
def test_paths_that_travel_are_not_said(lint, path):
    """Relative paths and those of the environment are meant for other machines too."""
    assert lint(path) == []


def test_an_override_is_of_this_machine_anyway(lint, tmp_path):
    """What `--set` says is not part of the spec that travels."""
    assert lint("t.csv", [f"datasets.lab.source.path={tmp_path / 'elsewhere' / 't.csv'}"]) == []
