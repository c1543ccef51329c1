"""The JSON Schema of a spec accepts what the reader accepts, and says per `type` what is wrong."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from declare.diagnostics.diagnostic import Source
from declare.language.document import Text, plain
from declare.language.schema import exports, schema
from declare.language.yaml.parse_file import parse
from declare.parsing.lookup import find, kinds, names

SPEC = """\
declare: 1
datasets:
  lab: {source: {type: simulated, name: stimulus, samples: 40}}
model:
  encoder: {type: mlp, input: features, hidden: [8]}
tasks:
  stimulus: {type: classification, dataset: lab, target: stimulus, loss: cross_entropy, head: {type: linear}}
phases:
  fit: {epochs: 2, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}, schedule: {type: cosine, warmup: 5%}}
"""


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(schema())


def tree(text: str):
    node = parse(Source("x", text), Text(Path())).node
    assert node is not None
    return plain(node)


def errors(validator, text: str) -> list[tuple[str, str]]:
    found = validator.iter_errors(tree(text))
    return [(".".join(map(str, error.absolute_path)), error.validator) for error in found]


def test_schemas_are_legal():
    """Every exported schema is a legal schema of its draft."""
    for item in exports().values():
        jsonschema.Draft202012Validator.check_schema(item)


def test_a_good_spec(validator):
    """A legal spec validates, shorthands included."""
    assert errors(validator, SPEC) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("hidden: [8]", "hiden: [8]", "model.encoder"),
        ("type: mlp", "type: mpl", "model.encoder.type"),
        ("batch_size: 10", "batch_size: 0", "phases.fit.batch_size"),
        ("batch_size: 10, ", "", "phases.fit"),
        ("lr: 1e-3", "lr: [1]", "phases.fit.optimizer.lr"),
        ("warmup: 5%", "warmup: 5", "phases.fit.schedule.warmup"),
        ("loss: cross_entropy", "loss: 3", "tasks.stimulus.loss"),
        ("declare: 1", "declare: 2", "declare"),
    ],
)
def test_a_bad_spec(validator, old, new, path):
    """One mistake is reported at its place alone, never for every component of the kind."""
    assert {where for where, _ in errors(validator, SPEC.replace(old, new))} == {path}


def test_interpolation(validator):
    """An interpolation may stand wherever a scalar does."""
    text = SPEC.replace("lr: 1e-3", 'lr: "${vars.lr}"').replace("batch_size: 10", 'batch_size: "${env:N}"')
    assert errors(validator, "vars: {lr: 1e-3}\n" + text) == []


def test_extending_spec_may_be_partial(validator):
    """A spec that extends another may leave out what the base has, and remove it, but not misspell it."""
    assert (
        errors(validator, "extends: base.yaml\nphases: {fit: {epochs: 3, clip: null, optimizer: {lr: 1}}}\n")
        == []
    )
    assert errors(validator, "extends: base.yaml\nphases: {fit: {epoch: 3}}\n") != []


def test_every_component_is_there():
    """The schema knows every component of every kind that a spec can name."""
    found = schema()["$defs"]
    for kind in kinds():
        known = [name for name in names(kind) if find(kind, name) is not None]
        if kind in found:
            assert found[kind]["properties"]["type"]["enum"] == known


def test_descriptions():
    """Every key of the spec's own blocks has a description for editors."""
    found = schema()["$defs"]
    silent = [
        f"{name}.{key}"
        for name in ("Spec", "Dataset", "Phase", "Hardware", "Split", "Tune", "Init")
        for key, entry in found[name]["properties"].items()
        if not entry.get("description") and key != "declare"
    ]
    assert silent == []
