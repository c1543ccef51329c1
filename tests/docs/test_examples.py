"""Examples of the docs and the README: specs, components, commands and Python."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import declare
from declare.cli import command_index, dispatch
from declare.parsing import lookup

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced code blocks of a page in one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def components(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the mappings with a `type` in plain YAML."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        for key, item in value.items():
            if key != "consistency":  # a block of `scales` whose type is a word, not a component
                yield from components(item)
    elif isinstance(value, list):
        for item in value:
            yield from components(item)


def unknown_keys(block: dict[str, Any]) -> set[str] | None:
    """Return the keys that no component called `type` has, the fewest of all kinds; None if there is no such name."""
    rest: list[set[str]] = []
    for kind in lookup.kinds():
        component = lookup.find(kind, block["type"])
        if component is not None:
            fields = component.model_fields
            names = {info.alias or name for name, info in fields.items()} | set(fields)
            rest.append(set(block) - names - {"type"})
    return min(rest, key=len) if rest else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_components_of_examples_exist(page: Path) -> None:
    """Every YAML example parses, and its components have the stated names and parameters."""
    wrong = [
        (block, unknown_keys(block))
        for text in blocks(page, "yaml")
        for block in components(yaml.safe_load(text))
        if unknown_keys(block) != set()
    ]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_examples_exist(page: Path) -> None:
    """Every `dcl` line of an example has a known command and known options."""
    for text in blocks(page, "sh"):
        for line in text.splitlines():
            words = shlex.split(line.split(" # ")[0])
            if "dcl" not in [Path(word).name for word in words]:
                continue
            start = next(place for place, word in enumerate(words) if Path(word).name == "dcl")
            if words[start + 1] == "--help":
                continue
            assert words[start + 1] in command_index.names(), line
            options = {name for item in dispatch.parser(words[start + 1]).params for name in item.opts}
            stated = {word.split("=")[0] for word in words[start + 2 :] if word.startswith("--")}
            assert stated <= options, line


def test_the_readme_spec_is_valid(tmp_path: Path) -> None:
    """The spec of the README has no diagnostic of an error, and is that of `specs/digits.yaml`."""
    path = tmp_path / "spec.yaml"
    path.write_text(blocks(ROOT / "README.md", "yaml")[0], encoding="utf-8")
    assert declare.check(path).valid
    assert yaml.safe_load(path.read_text()) == yaml.safe_load((ROOT / "specs" / "digits.yaml").read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_examples_names_what_exists(page: Path) -> None:
    """Python examples parse, and every `declare.NAME` in them exists."""
    for text in blocks(page, "python"):
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "declare"
            ):
                assert hasattr(declare, node.attr), node.attr
