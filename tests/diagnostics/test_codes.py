"""The catalogue: a file per code, whose name is the code's."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

import pytest

from declare.diagnostics import codes as module
from declare.diagnostics.codes import codes, make, page
from declare.diagnostics.diagnostic import Label, Source, Span
from declare.language.compose.compose import load

OWN = re.compile(r"SYN\d{3}|REF204|REF205|REF22\d")


@pytest.mark.parametrize("code", list(codes()))
def test_form(code):
    """Every page states a severity, says what it means and why, and tells the bad from the good."""
    found = page(code)
    assert found.code == code
    assert found is page(found.name) or page(found.name) == found
    assert 20 < len(found.summary) < 500
    assert found.why
    assert found.text.count("\n## Bad\n") == found.text.count("\n## Good\n") == 1


def test_names_are_unique():
    """No name belongs to two codes, and no code to two names."""
    names = list(codes().values())
    assert len(names) == len(set(names)) == len(list(module.FOLDER.glob("*.md")))


@pytest.mark.parametrize("code", [code for code in codes() if OWN.fullmatch(code)])
@pytest.mark.parametrize("kind", ["bad", "good"])
def test_examples(tmp_path, monkeypatch, code, kind):
    """The bad example of a code of the text gives this code and no other, the good one gives none."""
    example = getattr(page(code), kind)
    example.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(example.command or f"validate spec.yaml {example.args}")
    sets = [value for flag, value in pairwise(words) if flag == "--set"]
    _, found = load(words[1], sets, {})
    assert {item.code for item in found} == ({code} if kind == "bad" else set())
    assert all(len(item.title) <= 80 and not item.title.endswith(".") for item in found)
    assert all(len(label.text.split()) <= 8 for item in found for label in item.labels)
    assert all(item.helps for item in found)


def test_every_emitted_code_has_a_page():
    """The codes that the front end emits and the pages of its families are the same set."""
    folder = module.FOLDER.parent.parent / "language"
    text = "".join(file.read_text() for file in folder.rglob("*.py"))
    emitted = {code for code in re.findall(r'"([A-Z]{3}\d{3})"', text) if OWN.fullmatch(code)}
    assert emitted == {code for code in codes() if OWN.fullmatch(code)}


def test_make():
    """A diagnostic takes name and severity from its page; bare spans become labels."""
    span = Span(Source("a", "x: 1"), 0, 1)
    found = make("SYN002", "twice", labels=[span, Label(span, "here")], path="x", helps=["keep one"])
    assert (found.name, found.severity, found.path) == ("duplicate-key", "error", "x")
    assert [label.text for label in found.labels] == ["", "here"]
    assert make("SYN002", "twice", severity="warning").severity == "warning"


@pytest.mark.parametrize("word", ["SYN999", "no-such-name", ""])
def test_unknown(word):
    """An unknown code or name is a lookup error."""
    with pytest.raises(LookupError):
        page(word)
    with pytest.raises(LookupError):
        make(word, "x")


def test_pages_by_any_spelling():
    """A code in lower case and a name lead to the same page."""
    assert page("syn001") == page("syntax") == page("SYN001")


def test_fences(tmp_path, monkeypatch):
    """A page's fences may hold several files, bytes in hex, repeated text, words for the command line and headings."""
    text = (
        "---\nseverity: info\n---\nMeaning.\n\n## Why\nReason.\n\n## Bad\n"
        "````markdown sub/readme.md\n## Good\n```yaml x\n```\n````\n```hex b.bin\nff 00\n```\n"
        "```csv t.csv x3\n1,2\n```\n```sh args\n--set a=1\n```\n\n## Good\n```sh command\ntrain x.yaml\n```\n"
    )
    (tmp_path / "ZZZ001-made-up.md").write_text(text)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    codes.cache_clear()
    try:
        found = page("made-up")
    finally:
        monkeypatch.undo()
        codes.cache_clear()
    assert (found.summary, found.why, found.severity) == ("Meaning.", "Reason.", "info")
    assert found.bad.files == {
        "sub/readme.md": b"## Good\n```yaml x\n```\n",
        "b.bin": b"\xff\0",
        "t.csv": b"1,2\n" * 3,
    }
    assert (found.bad.args, found.good.command) == ("--set a=1", "train x.yaml")
    found.bad.write(tmp_path)
    assert (tmp_path / "sub/readme.md").exists()
