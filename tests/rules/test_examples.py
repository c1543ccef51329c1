"""Every rule fires on its page's bad example, at the right place, and is silent on the good one."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from pathlib import Path

import pytest

import declare.rules
from declare.compiler import pipeline
from declare.diagnostics.codes import codes, page
from declare.diagnostics.diagnostic import Source
from declare.language.document import Node, Text
from declare.language.yaml.parse_file import parse


def rules():
    """Return the modules of all rules."""
    found = pkgutil.walk_packages(declare.rules.__path__, "declare.rules.")
    modules = [importlib.import_module(item.name) for item in found if not item.ispkg]
    return [module for module in modules if hasattr(module, "CODE")]


CODES = sorted({rule.CODE for rule in rules()})
SHOWN_ELSEWHERE = {
    "REF201": "of many kinds",
    "SHP545": "needs the weights of a model: shapes/test_pretrained_tokens.py",
}
EXAMPLES = [code for code in CODES if code not in SHOWN_ELSEWHERE]


def findings(example, folder: Path):
    """Return the diagnostics of an example, written into `folder`."""
    example.write(folder)
    return checked(example, folder)


def checked(example, folder: Path):
    """Return the diagnostics of the files of an example as they stand in `folder`."""
    words = list(itertools.pairwise(example.args.split()))
    sets = [word for flag, word in words if flag == "--set"]
    trust = [str(folder / word) for flag, word in words if flag == "--trust"]
    return pipeline.check(folder / "spec.yaml", sets, trust).diagnostics


def scalars(text: str) -> list[object]:
    """Return the values of a spec that are no maps and no lists."""

    def below(node: Node) -> list[object]:
        inside = node.items if node.kind == "list" else list(node.entries.values())
        return (
            [node.scalar] if node.kind == "scalar" else [value for child in inside for value in below(child)]
        )

    root = parse(Source("spec.yaml", text), Text(Path())).node
    assert root is not None
    return below(root)


def test_each_rule_has_a_page_and_a_place():
    """The page of a rule says at which path of its bad example the finding stands."""
    assert set(CODES) <= set(codes())
    without = [code for code in CODES if page(code).place is None]
    assert not without, "say in the page's header where the bad example's finding stands: `place: PATH`"


@pytest.mark.parametrize("code", EXAMPLES)
def test_bad_example_fires_at_its_place(code, tmp_path):
    """The bad example yields this code, where it should, and no error of another code."""
    found = findings(page(code).bad, tmp_path)
    assert [item.path for item in found if item.code == code] == [page(code).place]
    assert {item.code for item in found if item.severity == "error"} <= {code}


@pytest.mark.parametrize("code", EXAMPLES)
def test_good_example_is_silent(code, tmp_path):
    """The good example has no finding above info."""
    found = findings(page(code).good, tmp_path)
    assert [(item.code, item.title) for item in found if item.severity != "info"] == []


@pytest.mark.parametrize("code", EXAMPLES)
def test_message_is_short_and_says_what_to_do(code, tmp_path):
    """Titles fit 80 characters and start in lower case, labels have 8 words at most, a help is there."""
    for item in findings(page(code).bad, tmp_path):
        if item.code != code:
            continue
        assert len(item.title) <= 80, item.title
        assert item.title[0] in "`#" or not item.title[0].isupper()
        assert not item.title.endswith(".")
        assert all(len(label.text.split()) <= 8 for label in item.labels), item.labels
        assert item.primary is not None
        assert item.helps or item.severity == "info"


@pytest.mark.parametrize("code", EXAMPLES)
def test_each_fix_removes_the_finding_and_makes_no_other(code, tmp_path):
    """Applying a proposed change to the bad example leaves no finding of the code and no new one."""
    before = findings(page(code).bad, tmp_path)
    text = (tmp_path / "spec.yaml").read_text()
    for fix in [fix for item in before if item.code == code for fix in item.fixes]:
        fixed = text
        for edit in sorted(fix.edits, key=lambda edit: -edit.span.start):
            fixed = fixed[: edit.span.start] + edit.new_text + fixed[edit.span.end :]
        (tmp_path / "spec.yaml").write_text(fixed)
        if fix.applicability == "safe":
            assert len(scalars(fixed)) >= len(scalars(text)), f"{fix.title}: a value is lost"
        after = checked(page(code).bad, tmp_path)
        assert code not in {item.code for item in after}, fix.title
        above = {item.code for item in after if item.severity != "info"}
        assert above <= {item.code for item in before}, fix.title
