"""No rule raises, whatever stands in a spec: the sample specs with keys removed, renamed and replaced."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declare.compiler import pipeline
from declare.diagnostics.codes import codes
from declare.language.compose import compose
from tests.combining.places import changed, parameters

RICH = Path(__file__).with_name("rich.yaml")
SPECS = [RICH, *sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))]
VALUES = [
    None,
    True,
    0,
    -1,
    1,
    7,
    64,
    0.5,
    1e300,
    10**30,
    -(10**30),
    "x" * 300,
    "",
    "x",
    "encoder",
    "features",
    "val",
    "label",
    "cross_entropy",
    "mse",
    "300 steps",
    "0 epochs",
    "101%",
    "phase:joint",
    "val/pain_level/qwk",
    "test/digit/accuracy",
    "((",
    [],
    [1],
    ["x", "x"],
    {},
    {"x": 1},
    {"type": "adamw"},
    {"type": "nothing"},
    [[]],
    [None],
]
SCRAPS = [
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "&a ",
    "*a",
    "<<: ",
    "!!x ",
    "|",
    "#",
    "\t",
    "\n",
    "\0",
    "1e999",
    "${vars.x}",
]
NAMES = ["x" * 300, "\u200b", "\uff4e\uff41me", "a.b", "", "1", "A-b", "\x1b[31m", "`", "../.."]


@cache
def tree(name: str):
    """Return a sample spec as plain values, read once."""
    document, _ = compose.load(next(path for path in SPECS if path.stem == name), (), {})
    return json.dumps(document.plain())


def paths(value, prefix=()):
    """Return the path of every value below a tree."""
    found = [prefix] if prefix else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += paths(item, (*prefix, key))
    return found


def mutate(root, path, action, value):
    """Remove, rename or replace the value at a path."""
    parent = root
    for key in path[:-1]:
        parent = parent[key]
    if action == "delete":
        del parent[path[-1]]
    elif action == "rename" and isinstance(parent, dict):
        parent[value if value in NAMES else f"{path[-1]}x"] = parent.pop(path[-1])
    else:
        parent[path[-1]] = value


@pytest.mark.parametrize("name", [path.stem for path in SPECS])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_specs_give_findings_and_never_an_exception(name, data, tmp_path_factory):
    """Checking a damaged spec returns diagnostics, each with a code that has a page."""
    root = json.loads(tree(name))
    for _ in range(data.draw(st.integers(1, 3))):
        known = paths(root)
        if not known:
            break
        action = data.draw(st.sampled_from(["delete", "rename", "replace", "replace"]))
        mutate(
            root,
            data.draw(st.sampled_from(known)),
            action,
            deepcopy(data.draw(st.sampled_from([*VALUES, *NAMES]))),
        )
    file = tmp_path_factory.mktemp(name) / "spec.yaml"
    file.write_text(json.dumps(root))
    sound(pipeline.check(file))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_texts_give_findings_and_never_an_exception(path, data, tmp_path_factory):
    """Checking a spec with stretches of its text cut out, doubled or replaced returns sound diagnostics."""
    text = path.read_text()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(start + data.draw(st.integers(0, 30)), len(text))
        new = data.draw(st.sampled_from(["", text[start:end] * 2, *SCRAPS]) | st.text(max_size=12))
        text = text[:start] + new + text[end:]
    file = tmp_path_factory.mktemp(path.stem) / "spec.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    sound(pipeline.check(file))


def sound(checked):
    """Every finding has a code with a page, a severity, a title that fits its line, and a place."""
    for item in checked.diagnostics:
        assert item.code in codes()
        assert item.severity in {"error", "warning", "info"}
        assert item.title
        assert len(item.title) <= 80, item.title
        assert item.primary is not None or item.code.startswith("SYN"), item
        assert all(len(label.text.split()) <= 8 for label in item.labels), item.labels


@pytest.mark.parametrize(
    "pairs", ["{type: pairs}", "{type: pairs, same: [3]}", "{type: pairs, same: [movie], different: 3}"]
)
def test_pairs_that_cannot_be_read_are_one_finding(pairs, tmp_path):
    """A sampler of pairs with a hole is reported where the hole is, and nothing else is said of it."""
    text = next(path for path in SPECS if path.stem == "eeg").read_text()
    (tmp_path / "spec.yaml").write_text(text)
    checked = pipeline.check(tmp_path / "spec.yaml", [f"phases.align.sampler={pairs}"])
    (found,) = [item for item in checked.diagnostics if item.severity == "error"]
    assert found.path.startswith("phases.align.sampler")
    sound(checked)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rich", "pain"])
def test_every_parameter_that_cannot_be_read_gives_a_finding(name, tmp_path):
    """A value of no type in the place of each parameter, stated or not: a finding, and no rule that trips over it."""
    root, file = json.loads(tree(name)), tmp_path / "spec.yaml"
    for steps, _ in parameters(root):
        file.write_text(json.dumps(changed(root, steps, [{"?": 1}])))
        sound(pipeline.check(file))
