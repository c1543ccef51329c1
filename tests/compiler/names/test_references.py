"""Names of datasets, tasks, heads, fields and modules are checked against what there is."""

from __future__ import annotations

from typing import Any

import pytest

from declare.compiler.names.fields import clashes, field_references, stated_fields
from declare.compiler.names.inputs import cycles, input_references
from declare.compiler.names.references import references
from declare.compiler.names.unsupported import not_yet
from declare.compiler.stages import ReadSpec
from declare.language.spec import Spec
from declare.parsing.parser import read

FIELDS = {"image": {"type": "image"}, "label": {"type": "category"}, "who": {"type": "id"}}


def spec(**keys: Any) -> dict[str, Any]:
    whole = {
        "declare": 1,
        "datasets": {"lab": {"source": {"type": "simulated", "name": "textures"}, "fields": FIELDS}},
        "model": {"encoder": {"type": "cnn", "input": "image"}},
        "tasks": {"kind": {"type": "classification", "dataset": "lab", "target": "label"}},
        "phases": {"fit": {"epochs": 1, "batch_size": 8, "optimizer": {"type": "adamw", "lr": 0.1}}},
    }
    for path, value in keys.items():
        *front, last = path.split("__")
        block: Any = whole
        for name in front:
            block = block.setdefault(name, {})
        block[last] = value
    return whole


def findings(**keys: Any) -> dict[str, str]:
    block, problems = read(Spec, spec(**keys))
    assert problems == []
    stage = ReadSpec(block)
    known = stated_fields(stage)
    found = [
        *references(stage),
        *field_references(stage, known),
        *clashes(stage, known),
        *input_references(stage, known),
        *cycles(stage, known),
        *not_yet(block),
    ]
    return {problem.at: problem.code for problem in found}


def test_nothing_wrong():
    """A spec whose names all exist has no finding."""
    assert findings() == {}


@pytest.mark.parametrize(
    ("keys", "at", "code"),
    [
        ({"tasks__kind__dataset": "lap"}, "tasks.kind.dataset", "REF201"),
        ({"tasks__kind__target": "lable"}, "tasks.kind.target", "REF201"),
        ({"tasks__kind__mask": "no"}, "tasks.kind.mask", "REF201"),
        ({"tasks__kind__head": "liner"}, "tasks.kind.head", "REF201"),
        ({"tasks__kind__head": "kind"}, "tasks.kind.head", "REF209"),
        ({"tasks__kind__head": {"type": "linear", "input": "encodr"}}, "tasks.kind.head.input", "REF201"),
        ({"phases__fit__tasks": ["kinds"]}, "phases.fit.tasks.0", "REF201"),
        ({"phases__fit__tasks": {"kinds": 1.0}}, "phases.fit.tasks.kinds", "REF201"),
        ({"datasets__lab__split": {"val": 0.1, "by": "whom"}}, "datasets.lab.split.by", "REF201"),
        ({"datasets__lab__split": {"val": 0.1, "stratify": "lab"}}, "datasets.lab.split.stratify", "REF201"),
        ({"model__encoder__input": "imagee"}, "model.encoder.input", "REF201"),
        ({"model__encoder__input": {"inptu": "image"}}, "model.encoder.input.inptu", "REF201"),
        ({"model__image": {"type": "cnn", "input": "image"}}, "model.image", "REF207"),
        ({"model__heads": {"type": "cnn", "input": "image"}}, "model.heads", "REF207"),
        ({"model__encoder__input": "encoder.map"}, "model.encoder.input", "REF209"),
        ({"phases__fit__batch_size": "auto"}, "phases.fit.batch_size", "REF206"),
    ],
)
def test_one_mistake(keys, at, code):
    """Each wrong name is one finding at the name."""
    assert findings(**keys) == {at: code}


def test_ring_is_told_once():
    """Modules that read each other in a ring are one finding, however long the ring."""
    model = {name: {"type": "mlp", "input": other} for name, other in [("a", "b"), ("b", "c"), ("c", "a")]}
    assert findings(model=model) == {"model.a.input": "REF209"}


def test_heads_in_a_ring_are_told_once():
    """Tasks that take their heads from each other are one finding."""
    tasks = {
        name: {"type": "classification", "target": "label", "head": other}
        for name, other in [("a", "b"), ("b", "a")]
    }
    assert findings(tasks=tasks) == {"tasks.a.head": "REF209"}


def test_head_of_another_task():
    """A head may be another task's, or a component's bare name."""
    other = {"type": "classification", "target": "label", "head": "kind"}
    assert findings(tasks__other=other) == {}
    assert findings(tasks__kind__head="mlp") == {}


def test_unknown_fields_say_nothing():
    """Where a dataset's fields are not stated, nothing is said of inputs and targets before the data are read."""
    bare = {"source": {"type": "simulated", "name": "textures"}}
    assert findings(datasets__lab=bare, tasks__kind__target="x", model__encoder__input="y") == {}


def test_settings_that_are_off_are_legal():
    """What is not supported yet may be stated as off."""
    assert findings(hardware__nodes=1, hardware__strategy="single") == {}
