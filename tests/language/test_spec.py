"""The spec's models are the contract of the language."""

from __future__ import annotations

import pytest

from declare.language.spec import NotSupported, Spec
from declare.parsing.parser import read

SPEC = {
    "declare": 1,
    "datasets": {"lab": {"source": {"type": "simulated", "name": "stimulus"}}},
    "model": {"encoder": {"type": "mlp"}},
    "tasks": {"kind": {"type": "classification"}},
    "phases": {"fit": {"epochs": 1, "batch_size": 8, "optimizer": {"type": "adamw", "lr": 0.1}}},
}


def changed(path: str, value: object) -> dict[str, str]:
    *front, last = path.split(".")
    whole = {key: dict(item) if isinstance(item, dict) else item for key, item in SPEC.items()}
    block = whole
    for name in front:
        block[name] = dict(block.get(name, {}))
        block = block[name]
    block[last] = value
    return {problem.at: problem.code for problem in read(Spec, whole)[1]}


def test_smallest_spec():
    """What has a sensible default may be left out."""
    spec, problems = read(Spec, SPEC)
    assert problems == []
    assert (spec.seed, spec.name, spec.hardware.precision) == (0, "run", "auto")
    assert spec.datasets["lab"].split.val == 0.1
    assert spec.phases["fit"].checkpoint.keep == 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "a-b_2"),
        ("seed", 2**32 - 1),
        ("datasets.lab.split", {"train": "train.csv", "val": 0.2}),
        ("datasets.lab.on_corrupt", {"action": "skip", "limit": "1%"}),
        ("phases.fit.batch_size", {"lab": 4}),
        ("phases.fit.mix", {"lab": 0.7}),
        ("phases.fit.mix", "equal"),
        ("phases.fit.init", [{"from": "phase:fit", "rename": {"a.b": "c.d"}}]),
        ("phases.fit.early_stop", {"metric": "val/kind@lab/f1", "mode": "max", "patience": "10%"}),
        ("hardware.memory_limit", "20GB"),
        ("hardware.compile", False),
        ("expect", {"test/kind/accuracy": ">= .9"}),
        ("tracking", ["tensorboard"]),
        ("tracking", "tensorboard"),
        ("tune", {"metric": "val/kind/f1", "mode": "max", "space": {"a.b": {"log": [1e-4, 1e-2]}}}),
    ],
)
def test_legal(path, value):
    """Every documented form of a value is legal."""
    assert changed(path, value) == {}


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("name", "A b", "SCH112"),
        ("seed", -1, "SCH108"),
        ("seed", 2**32, "SCH108"),
        ("datasets", {}, "SCH109"),
        ("hardware.memory_limit", "lots", "SCH112"),
        ("expect.score", "about 3", "SCH112"),
        ("expect.score", ">= .", "SCH112"),
        ("phases.fit.init", [{"from": "somewhere"}], "SCH112"),
        ("phases.fit.evaluate", {"every": "1"}, "SCH112"),
        ("tune", {"metric": "m", "mode": "max", "space": {"a": {"log": [1]}}}, "SCH108"),
    ],
)
def test_illegal(path, value, code):
    """A value of the wrong form is one error of its code."""
    assert list(changed(path, value).values()) == [code]


@pytest.mark.parametrize(
    ("mark", "value", "covered"),
    [
        (NotSupported("x"), None, False),
        (NotSupported("x"), [], False),
        (NotSupported("x"), {"a": 1}, True),
        (NotSupported("x", ("ddp",)), "single", False),
        (NotSupported("x", ("ddp",)), "ddp", True),
        (NotSupported("x", above=1), 1, False),
        (NotSupported("x", above=1), 2, True),
    ],
)
def test_later(mark, value, covered):
    """A mark covers any stated value, certain words, or what is above a number."""
    assert mark.covers(value) is covered


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", "x" * 65, "lab\n"])
def test_names_of_runs_stay_names(name):
    """What could leave the folder of runs, or is too long for a file, is refused in words that fit it."""
    (problem,) = read(Spec, SPEC | {"name": name})[1]
    assert (problem.at, problem.code) == ("name", "SCH112")
    assert problem.helps == ("write at most 64 lower-case letters, digits, `-` and `_`",)
