"""Problems stated in paths become findings with places in the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.compiler.diagnose.locate import diagnose, place
from declare.contract.problem import Problem, Rewrite
from declare.language.compose.compose import load

TEXT = """\
declare: 1
vars: {rate: fast}
phases:
  fit:
    epochs: 2
    optimizer: {type: adamw, lr: "${vars.rate}"}
  empty:
"""


@pytest.fixture
def document(tmp_path: Path):
    path = tmp_path / "spec.yaml"
    path.write_text(TEXT)
    return load(path, ["seed=7"])[0]


@pytest.mark.parametrize(
    ("path", "on", "text"),
    [
        ("phases.fit.epochs", "value", "2"),
        ("phases.fit.epochs", "key", "epochs"),
        ("phases.fit", "value", "fit"),
        ("phases.fit.optimizer", "value", '{type: adamw, lr: "${vars.rate}"}'),
        ("phases.fit.batch_size", "value", "fit"),
        ("phases.empty.optimizer.lr", "value", "empty"),
        ("model.encoder", "value", "declare"),
        ("seed", "value", "7"),
        ("", "value", "declare"),
    ],
)
def test_place(document, path, on, text):
    """The smallest stretch is shown: the value, the key of a long block, the nearest block of what is missing."""
    span = place(document, path, on)
    assert span is not None
    assert span.text == text


def test_variable(document):
    """A value that came from a variable shows the variable as well, and is not edited."""
    problem = Problem(
        "SCH104", "t", at="phases.fit.optimizer.lr", rewrites=(Rewrite("r", "phases.fit.optimizer.lr", 1.0),)
    )
    found = diagnose(problem, document)
    assert found.labels[1].span.text == "fast"
    assert found.fixes == ()


def test_also(document):
    """Second places keep their words, and a place is shown once."""
    also = {"phases.fit.optimizer.type": "here", "phases.fit.epochs": "again"}
    found = diagnose(Problem("SCH104", "t", at="phases.fit.epochs", label="this", also=also), document)
    assert [(label.span.text, label.text) for label in found.labels] == [("2", "this"), ("adamw", "here")]
    assert (found.path, found.name) == ("phases.fit.epochs", "wrong-type")
