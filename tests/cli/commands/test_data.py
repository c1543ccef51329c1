"""`dcl data check` reads all data of a spec and says what is wrong with it."""

import json

import pytest

from declare.__main__ import main

SPEC = """
declare: 1
name: walks
datasets:
  walks:
    source: {type: jsonl, path: walks.jsonl}
    fields: {steps: {type: vector}, label: {type: category}}
    split: {val: 0.25}
model:
  encoder: {type: mlp, hidden: [4], input: steps}
tasks:
  label: {type: classification, target: label}
phases:
  fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A spec whose forty samples differ."""
    rows = [{"steps": [n, -n], "label": "<b>" if n % 2 else "a"} for n in range(40)]
    (tmp_path / "walks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sound_data(spec, capsys):
    """Without findings it exits with 0 and prints what it counted."""
    assert main(["data", "check", "spec.yaml"]) == 0
    assert "40 samples from jsonl (train 30, val 10)" in capsys.readouterr().out


def test_json(spec, capsys):
    """Standard output holds one document with findings and counts."""
    with (spec / "walks.jsonl").open("a") as file:
        file.writelines('{"steps": [1, -1], "label": "a"}\n' for _ in range(30))
    assert main(["data", "check", "spec.yaml", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] is False
    assert "DAT370" in {item["code"] for item in answer["diagnostics"]}
    assert answer["datasets"]["walks"]["num_samples"] == 70


def test_the_page(spec):
    """The page stands alone, shows samples of each class, and takes no markup from the data."""
    assert main(["data", "check", "spec.yaml", "--html", "data.html"]) == 0
    page = (spec / "data.html").read_text()
    assert page.count("<figure") == 16
    assert "<b>" not in page.replace('<b class="', "")
    assert "http" not in page.replace("http-equiv", "")


def test_a_model_that_is_wrong_does_not_matter(spec):
    """Data are read although the model cannot be built."""
    (spec / "spec.yaml").write_text(SPEC.replace("input: steps", "input: strides"))
    assert main(["data", "check", "spec.yaml"]) == 0


def test_datasets_that_are_wrong_are_reported(spec, capsys):
    """Where the dataset's block cannot be understood, that is what is said."""
    (spec / "spec.yaml").write_text(SPEC.replace("type: vector", "type: vectr"))
    assert main(["data", "check", "spec.yaml"]) == 1
    assert "vectr" in capsys.readouterr().out


def test_data_that_are_not_there(spec, capsys):
    """A missing file is a finding at its line."""
    (spec / "walks.jsonl").unlink()
    assert main(["data", "check", "spec.yaml"]) == 1
    assert "DAT312" in capsys.readouterr().err
