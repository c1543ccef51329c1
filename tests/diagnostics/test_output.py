"""Findings in every format: excerpts, envelopes, annotations."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.diagnostics.excerpt import excerpt
from declare.diagnostics.output import (
    Settings,
    counts,
    escape,
    formats,
    printable,
    region,
    render,
    visible,
    visible_json,
)

SPEC = Source("spec.yaml", "a: 1\nhead: {type: linear, classes: 100}   # head\nx:\n  y: 2\n")
BASE = Source("sub dir/base.yaml", "# base\r\nclasses: 200\r\n")


def span(source, text):
    start = source.text.index(text)
    return Span(source, start, start + len(text))


@pytest.fixture
def two_sites():
    fix = Fix("remove `classes`", (Edit(span(SPEC, ", classes: 100"), ""),))
    return Diagnostic(
        "LOS401",
        "class-count-mismatch",
        "error",
        "head `species` has 100 classes but dataset `birds` has 200",
        (
            Label(span(SPEC, "100"), "this head predicts 100"),
            Label(span(BASE, "200"), "200 declared here"),
            Label(span(SPEC, "y: 2"), "used here"),
        ),
        "head.classes",
        ("labels 100..199 would be out of range",),
        ("remove `classes`", "set it to 200"),
        (fix,),
    )


def test_excerpt(two_sites):
    """The excerpt shows both files, the lines as written, labels under their characters, advice and the change."""
    assert render("text", [two_sites]) == (
        "error[LOS401]: head `species` has 100 classes but dataset `birds` has 200\n"
        " --> spec.yaml:2:31\n"
        "  |\n"
        "2 | head: {type: linear, classes: 100}   # head\n"
        "  |                               ^^^ this head predicts 100\n"
        "...\n"
        "4 |   y: 2\n"
        "  |   ---- used here\n"
        " ::: sub dir/base.yaml:2:10\n"
        "  |\n"
        "2 | classes: 200\n"
        "  |          --- 200 declared here\n"
        "  = note: labels 100..199 would be out of range\n"
        "  = help: set it to 200\n"
        "  = fix: remove `classes`\n"
        "    - head: {type: linear, classes: 100}   # head\n"
        "    + head: {type: linear}   # head\n"
        "\n"
        "1 error\n"
    )


def test_colours_add_nothing_else(two_sites):
    """With colours the text is the same once the colours are taken away."""
    coloured = render("text", [two_sites], Settings(colour=True))
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render("text", [two_sites])


def test_user_text_is_shown_and_never_obeyed():
    """Control characters, bidirectional marks and markup of a spec are shown, not carried out."""
    source = Source("a\x1b.yaml", "k: [bold]x\x1b[31m\u202ey[/b]\ttab\n")
    found = make(
        "SYN001",
        "title \x1b[2J\u202e",
        labels=[Label(span(source, "y["), "a\x07b")],
        notes=["n\x00"],
        helps=["h\x9b"],
    )
    for name in formats():
        text = render(name, [found])
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text.replace("\\u001b", ""))
    assert "k: [bold]x\\x1b[31m\\u202ey[/b]    tab" in render("text", [found])
    assert "title \\x1b[2J\\u202e" in render("concise", [found])


def test_wide_characters():
    """Underlines stand below their characters, also behind characters that are two cells wide."""
    source = Source("a", "\u6f22\u5b57: \U0001f600 x\n")
    lines = render("text", [make("SYN001", "t", labels=[span(source, "x")])]).splitlines()
    assert lines[3] == "1 | \u6f22\u5b57: \U0001f600 x"
    assert lines[4] == "  | " + " " * 9 + "^"


@pytest.mark.parametrize(
    ("start", "end"), [(0, 3), (500, 503), (997, 1000), (0, 1000), (1000, 1000), (400, 700)]
)
def test_long_lines_are_clipped(start, end):
    """Of a long line the labelled part is in view, within the width."""
    line = "".join(chr(ord("a") + i % 26) for i in range(1000))
    source = Source("a", line)
    text = render(
        "text", [make("SYN001", "t", labels=[Label(Span(source, start, end), "label")])], Settings(width=60)
    )
    shown, marks = text.splitlines()[3:5]
    assert len(shown) <= 60
    assert len(marks.split("^ ")[0]) <= 60
    under = "".join(char for char, mark in zip(shown, marks, strict=False) if mark == "^")
    assert line[start:end].startswith(under.rstrip(".")) or not under


@given(st.text(max_size=80), st.integers(0, 80), st.integers(0, 10), st.integers(20, 60))
def test_excerpt_fits(line, start, length, width):
    """Whatever the line, the excerpt fits, and cells grow with the code points and stay inside of it."""
    line = line.replace("\n", "")
    start = min(start, len(line))
    shown = excerpt(line, start, min(start + length, len(line)), width)
    from rich.cells import cell_len

    assert cell_len(shown.text) <= width
    assert len(shown.cells) == len(line) + 1
    assert shown.cells == sorted(shown.cells)
    assert shown.cells[-1] <= cell_len(shown.text)


def test_spans_over_lines_and_at_the_end():
    """A span over several lines is underlined on its first; one at the end of the text has one mark."""
    source = Source("a", "ab: [1,\n 2]\n")
    text = render(
        "text",
        [
            make("SYN001", "t", labels=[Span(source, 4, 11)]),
            make("SYN001", "t", labels=[Span(source, 12, 12)]),
        ],
    )
    assert "1 | ab: [1,\n  |     ^^^\n" in text
    assert "3 |\n  | ^\n" in text


def test_cap():
    """After the cap findings are only counted, by severity."""
    found = [make("SYN001", f"t{i}") for i in range(4)] + [make("SYN003", "w")]
    text = render("text", found, Settings(cap=2))
    assert "t1" in text
    assert "t2" not in text
    assert "... and 3 more findings (2 errors, 1 warning)" in text
    assert text.endswith("\n4 errors, 1 warning\n")


def test_nothing_to_say():
    """Without findings the text is empty and the document is valid."""
    assert render("text", []) == render("github", []) == render("jsonl", []) == ""
    assert json.loads(render("json", []))["valid"] is True


def test_json(two_sites):
    """The envelope has what the language page promises, with 1-based places and all labels."""
    passes = [{"name": "schema", "status": "done"}]
    data = json.loads(
        render("json", [two_sites, make("SYN004", "no file")], Settings(version="1.2", passes=passes))
    )
    assert list(data) == ["format", "tool", "valid", "counts", "passes", "diagnostics"]
    assert (data["format"], data["valid"], data["passes"]) == ("1.0", False, passes)
    assert data["counts"] == {"error": 2, "warning": 0, "info": 0}
    first, second = data["diagnostics"]
    assert (first["file"], first["line"], first["column"], first["end_line"], first["end_column"]) == (
        "spec.yaml",
        2,
        31,
        2,
        34,
    )
    assert [(label["primary"], label["file"], label["line"], label["text"]) for label in first["labels"]] == [
        (True, "spec.yaml", 2, "this head predicts 100"),
        (False, "sub dir/base.yaml", 2, "200 declared here"),
        (False, "spec.yaml", 4, "used here"),
    ]
    assert first["fixes"][0]["edits"][0]["new_text"] == ""
    assert (second["file"], second["line"], second["labels"]) == (None, None, [])
    assert [json.loads(line) for line in render("jsonl", [two_sites]).splitlines()] == [first]


def test_sarif(two_sites):
    """SARIF names the rule, the primary place, the other places, the change, and what the place is counted in."""
    setting = make("REF225", "no value", labels=[Span(Source("--set #1", "seed", "set"), 0, 4)])
    data = json.loads(render("sarif", [two_sites, setting, two_sites]))
    (run,) = data["runs"]
    assert (data["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["LOS401", "REF225"]
    first, second, third = run["results"]
    assert first == third
    place = first["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "spec.yaml"},
        "region": {"startLine": 2, "startColumn": 31, "endLine": 2, "endColumn": 34},
    }
    related = [item["physicalLocation"]["artifactLocation"]["uri"] for item in first["relatedLocations"]]
    assert related == ["sub%20dir/base.yaml", "spec.yaml"]
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": ""}
    assert first["partialFingerprints"] == {"declare/v1": two_sites.fingerprint}
    assert "locations" not in second


def test_github(two_sites):
    """Annotations escape what workflow commands give a meaning to, and name the other places in words."""
    source = Source("a,b:c%.yaml", "x: [1,\n2]\n")
    many_lines = make("SYN003", "50% of\nit", labels=[Span(source, 3, 9)])
    first, second = render("github", [many_lines, two_sites]).splitlines()
    assert first.startswith(
        "::error title=declare (LOS401 class-count-mismatch),file=spec.yaml,line=2,endLine=2,col=31,endColumn=34::"
    )
    assert "%0Asub dir/base.yaml:2:10: 200 declared here%0A" in first
    assert (
        second
        == "::warning title=declare (SYN003 yaml11-scalar),file=a%2Cb%3Ac%25.yaml,line=1,endLine=2::50%25 of%0Ait"
    )


def test_github_shows_ten():
    """Of each severity ten are shown, and the tenth says how many are left out."""
    found = [make("SYN001", f"t{i}") for i in range(13)] + [make("SYN003", "w")]
    lines = render("github", found).splitlines()
    assert len(lines) == 11
    assert lines[9].endswith("::t9 (and 3 more errors)")


def test_concise(two_sites):
    """One line per finding."""
    text = render("concise", [two_sites, make("SYN004", "no file `x`")])
    assert text.splitlines() == [
        "spec.yaml:2:31: error[LOS401] class-count-mismatch: head `species` has 100 classes but dataset `birds` has 200",
        "error[SYN004] spec-not-found: no file `x`",
    ]


def test_formats():
    """Every file of the folder is a format; others are refused."""
    assert {"text", "concise", "json", "jsonl", "sarif", "github"} <= set(formats())
    for name in formats():
        assert isinstance(render(name, [make("SYN001", "t")]), str)
    with pytest.raises(LookupError):
        render("xml", [])


def test_regions_and_counts():
    """Places count from 1 in code points; every severity is counted."""
    source = Source("a", "x\r\n\U0001f600y: z")
    at = region(Span(source, 4, 7))
    assert (at.line, at.column, at.end_line, at.end_column) == (2, 2, 2, 5)
    assert counts([make("SYN003", "w"), make("REF204", "i")]) == {"error": 0, "warning": 1, "info": 1}


@given(st.characters())
def test_escapes_are_plain(char):
    """What may not be shown becomes ASCII; letters of any script stay."""
    assert escape(char) == char or escape(char).isascii()
    assert printable(f"a{char}b") == f"a{escape(char)}b"


def test_fingerprint_survives_edits(two_sites):
    """A fingerprint does not depend on lines."""
    moved = make("SYN001", "t", path="a", labels=[Span(Source("a", "\n\nx"), 2, 3)])
    assert moved.fingerprint == make("SYN001", "t", path="a").fingerprint
    assert moved.fingerprint != make("SYN001", "t", path="b").fingerprint


def test_plain_text_needs_no_rich():
    """An ASCII excerpt is drawn without importing rich."""
    code = (
        "import sys; from declare.diagnostics.codes import make; from declare.diagnostics.output import render;"
        "from declare.diagnostics.diagnostic import Source, Span;"
        "render('text', [make('SYN001', 't', labels=[Span(Source('a', 'x: 1'), 0, 1)])]);"
        "print([m for m in ('torch', 'numpy', 'pydantic', 'rich', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("text", ["plain", "two\nlines\tand a tab", "Übergröße 漢字 👍"])
def test_texts_without_control_characters_stay(text):
    """Line ends, tabs and letters of every script are what they were."""
    assert visible(text) == text
    assert json.loads(visible_json(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize("char", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2028", "\U000e0001", "\r"])
def test_control_characters_are_shown_and_stay_themselves_in_json(char):
    """A terminal gets an escape; JSON says the same character by an escape of its own."""
    assert char not in visible(f"a{char}b")
    document = visible_json(json.dumps(f"a{char}b", ensure_ascii=False))
    assert char not in document
    assert json.loads(document) == f"a{char}b"
