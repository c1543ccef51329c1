"""Texts become trees with exact spans, and every mistake is told at its place."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from threading import Thread

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.diagnostics.diagnostic import Diagnostic, Source
from declare.language.compose.compose import load
from declare.language.document import Text, plain, walk
from declare.language.yaml import parse_file as module
from declare.language.yaml.parse_file import MAX_BYTES, open_source, parse
from declare.language.yaml.tree import MAX_DEPTH, MAX_NODES


def read(text):
    return parse(Source("spec.yaml", text), Text(Path()))


def codes(text):
    return [item.code for item in read(text).diagnostics]


def only(text):
    """The one finding of a text."""
    (found,) = read(text).diagnostics
    return found


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\ufdd0"), max_size=12),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, TREES, max_size=4), st.booleans(), st.sampled_from([None, 2]))
def test_json_is_read_as_json_reads_it(tree, ascii_only, indent):
    """A JSON document has the same values here as in Python's JSON reader, surrogate escapes included."""
    text = json.dumps(tree, ensure_ascii=ascii_only, indent=indent)
    if module._UNPRINTABLE.search(text):
        return  # DEL, C1 and noncharacters are no YAML
    parsed = read(text)
    assert parsed.diagnostics == []
    assert plain(parsed.node) == tree


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, TREES, max_size=4), st.sampled_from(["json", "block"]))
def test_spans_cover_the_scalars(tree, style):
    """The text under a scalar's span, read alone, is that scalar; keys likewise."""
    if style == "json":
        text = json.dumps(tree, ensure_ascii=False, indent=1)
    else:
        text = yaml.safe_dump(tree, allow_unicode=True, width=1000)
    parsed = read(text)
    if any(item.severity == "error" for item in parsed.diagnostics):
        return  # characters that no YAML text may hold, and numbers that the dumper writes in 1.1 style
    for _, node in walk(parsed.node):
        if node.kind == "scalar" and "\n" not in node.span.text:
            again = read(node.span.text or "~").node
            assert again.scalar == node.scalar
        if node.key_span is not None:
            assert node.key_span.text.strip("'\"")[:1] or node.key_span.text
            assert node.key_span.end <= node.span.start


@settings(max_examples=400, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=60)
    | st.text(st.sampled_from("ab:- \n\t'\"[]{},&*!|>#?%@`\\<0.1"), max_size=40)
)
def test_never_raises(text):
    """Any text gives a tree or findings, never an exception; labels stay inside of the text."""
    parsed = read(text)
    for item in parsed.diagnostics:
        for label in item.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes(tmp_path_factory, data):
    """Any bytes in a file give a source or a finding."""
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    found = open_source(file, "any.yaml")
    if isinstance(found, Source):
        parse(found, Text(Path()))
    else:
        assert found.code == "SYN006"


@pytest.mark.parametrize(
    ("text", "title", "culprit", "fixed"),
    [
        ("a: b: c", "the value contains a second `: `", ":", 'a: "b: c"'),
        (
            "a: *.weight",
            "`*.weight` starts with `*`, which refers to an anchor in YAML",
            "*.weight",
            'a: "*.weight"',
        ),
        ("a:\n\tb: 1", "the indentation has a tab", "\t", "a:\n  b: 1"),
        ("a: @x", "a value cannot start with `@`", "@", 'a: "@x"'),
        ("a: `x`", "a value cannot start with a backtick", "`", 'a: "`x`"'),
        ("a: [%x, 1]", "a value cannot start with `%`", "%", 'a: ["%x", 1]'),
        ("lr:1e-3\nb: 2", "`lr:` needs a space after the colon", "lr:", "lr: 1e-3\nb: 2"),
        ("b: 2\nlr:1e-3", "`lr:` needs a space after the colon", "lr:", "b: 2\nlr: 1e-3"),
        ("a: {lr:1e-3}", "`lr:` needs a space after the colon", "lr:1e-3", "a: {lr: 1e-3}"),
        ("a: 'abc\nb: 'x'", "quote ' is not closed on its line", "'", None),
        ('a: "abc\nb: 1', 'quote " is not closed on its line', '"', None),
        ("a: 'it's'", "text continues after the closing quote", "s'", None),
        ('a: "\\q"', "`\\q` is not an escape in double quotes", "\\q", None),
        ("a: [1, 2\nb: 3", "`[` is never closed", "[", None),
        ("a: {b: 1\nc: 3", "`{` is never closed", "{", None),
        ("a: [1 2: 3 4]\nb: [1, {x: 1} 2]", "expected `,` or `]` here", "2", None),
        ("a: 1]\nb: [1]]", "`]` closes nothing", "]", None),
        ("a: 1\n  b: 2", "this key is indented below a value that is already complete", "b", None),
        ("a:\n  b: 1\n c: 2", "the indentation of `c:` matches nothing above", "c:", None),
        ("a: 1\nword\nc: 2", "`word` is neither a key nor part of a value", "word", None),
        ("a: - b", "a list item cannot start on the line of its key", "-", None),
        ("a: |text\n  b", "text follows `|` or `>` on the same line", "text", None),
        ("a: x\x1bm", "the text contains the control character U+001B", "\x1b", None),
        ("a: !x!y z", "tags have no meaning in a spec", "!x!y", None),
    ],
)
def test_syntax_in_words(text, title, culprit, fixed):
    """Each kind of syntax error names its repair and the very characters; where the repair is certain, it is a fix."""
    found = only(text)
    assert (found.code, found.title, found.primary.span.text) == ("SYN001", title, culprit)
    assert found.helps
    if fixed is None:
        assert found.fixes == ()
        return
    (edit,) = found.fixes[0].edits
    assert text[: edit.span.start] + edit.new_text + text[edit.span.end :] == fixed
    assert codes(fixed) == []


@pytest.mark.parametrize(
    "broken", ["b: [1", "b: 'x", 'b: "x', "b: @x", "b:\n\tc: 1", "b: x: y", "b:\n  c: 1\n d: 2", "b:1"]
)
def test_recovery(broken):
    """After a syntax error the other sections are read; the broken one is there, poisoned."""
    parsed = read(f"a: 1\n{broken}\nc: {{d: 'y'}}\n")
    assert [item.code for item in parsed.diagnostics] == ["SYN001"]
    assert parsed.complete
    assert {key: node.poison for key, node in parsed.node.entries.items()} == {
        "a": False,
        "b": True,
        "c": False,
    }
    assert plain(parsed.node, "failed") == {"a": 1, "b": "failed", "c": {"d": "y"}}


def test_two_broken_sections():
    """Syntax errors in different sections are told in one go, in the order of the text."""
    parsed = read("a: @x\nb: 2\nc: [1\nd: 4\n")
    assert [item.primary.span.text for item in parsed.diagnostics] == ["@", "["]
    assert plain(parsed.node) == {"a": None, "b": 2, "c": None, "d": 4}


@pytest.mark.parametrize(
    ("inner", "rest"),
    [
        ("c: [1\n  d: 2", {"c": None, "d": 2}),
        ("c: 'x\n  d: 2", {"c": None, "d": 2}),
        ("c:\n    e: {x: [1, 2}\n    f: 3\n  d: 2", {"c": {"e": None, "f": 3}, "d": 2}),
        ("c:\n    e: 1\n   f: 3\n  d: 2", {"c": None, "d": 2}),
        ("c:\n    e 1\n    f: 3\n  d: 2", {"c": None, "d": 2}),
        ("c:\n  - e: [1\n    f: 3\n  - g: 4\n  d: 2", {"c": [{"e": None, "f": 3}, {"g": 4}], "d": 2}),
        ("c: {e: 1,\n    f: [1, 2},\n    g: 3}\n  d: 2", {"c": None, "d": 2}),
        ("c: &x [1\n  d: *x", {"c": None, "d": None}),
    ],
)
def test_recovery_inside_of_a_section(inner, rest):
    """After a syntax error the smallest block around it is left out; all beside it is read."""
    parsed = read(f"a: 1\nb:\n  {inner}\nz: 3\n")
    assert [item.code for item in parsed.diagnostics] == ["SYN001"]
    assert parsed.complete
    assert plain(parsed.node) == {"a": 1, "b": rest, "z": 3}


def test_many_broken_values():
    """Twenty values that are no YAML are told in one go, each once."""
    text = "a:\n" + "".join(f"  b{i}: [1\n  c{i}: {i}\n" for i in range(20))
    parsed = read(text)
    assert [item.primary.span.text for item in parsed.diagnostics] == ["["] * 20
    assert plain(parsed.node)["a"] == {f"b{i}": None for i in range(20)} | {f"c{i}": i for i in range(20)}


def test_duplicate_key_shows_both_places():
    """Of two equal keys both places are shown, and the value counts as failed."""
    text = "lr: 1\nx: 2\nlr: 3\n"
    found = only(text)
    assert [(label.span.start, label.span.text) for label in found.labels] == [(11, "lr"), (0, "lr")]
    assert read(text).node.entries["lr"].poison


def test_duplicate_sections_keep_all_entries():
    """Of two maps under the same key all entries stay, so that nothing else seems to be missing."""
    parsed = read("a: {x: 1}\na: {y: 2, x: 3}\n")
    assert plain(parsed.node) == {"a": {"y": 2, "x": 1}}


@pytest.mark.parametrize(
    ("text", "code", "culprit"),
    [
        ("a: !!float 1", "SYN013", "!!float"),
        ("a: &x !t [1]", "SYN013", "!t"),
        ("a: {{b}}", "SYN015", "{b}"),
        ("? [a]\n: 1", "SYN015", "[a]"),
        ("a: &x 1\nb: {*x : 1}", "SYN015", "*x"),
        ("a:\n  <<: {b: 1}", "SYN016", "<<"),
        ("a: 1e999", "SYN017", "1e999"),
        ("a: *core", "SYN018", "*core"),
        ("a: &x [*x]", "SYN012", "*x"),
        ("a: 1\n---\nb: 2", "SYN014", "---"),
        ("a: no", "SYN003", "no"),
    ],
)
def test_what_yaml_allows_and_a_spec_does_not(text, code, culprit):
    """Tags, complex keys, merge keys, bad aliases and second documents are told at their characters."""
    found = only(text)
    assert (found.code, found.primary.span.text) == (code, culprit)


@pytest.mark.parametrize("inner", ["{b: 1, <<: {c: 2}}", "{{b}}", "{? [1] : 2, b: 1}"])
def test_maps_with_unknown_keys(inner):
    """A map of which an entry was left out is poisoned; in the root map, missing keys mean nothing."""
    assert plain(read(f"a: {inner}\nc: 1").node, "failed") == {"a": "failed", "c": 1}
    assert read(f"a: {inner}").complete
    assert not read("<<: {a: 1}\nc: 1").complete


def test_keys_are_never_ambiguous():
    """`on: train` is a key of transforms, not the YAML 1.1 truth value."""
    assert codes("on: train\nno: 1\n1: 2") == []
    assert list(read("on: train\n1: 2").node.entries) == ["on", "1"]


def test_anchors():
    """An alias stands for the anchored value, whose spans point at the place where it was written."""
    parsed = read("a: &f {x: 1}\nb: *f\n")
    assert parsed.diagnostics == []
    assert plain(parsed.node) == {"a": {"x": 1}, "b": {"x": 1}}
    assert parsed.node.entries["b"].key_span.text == "b"
    assert parsed.node.entries["b"].span.text == "{x: 1}"


def test_spans_of_collections():
    """Block maps and block texts end with their last character, not at the next token."""
    parsed = read("a:\n  b: 1   # note\n\n# more\nc: |\n  text\n\n\nd: [1, 2]\n")
    spans = {key: node.span.text for key, node in parsed.node.entries.items()}
    assert spans == {"a": "b: 1", "c": "|\n  text", "d": "[1, 2]"}


DEEP = ["[" * 300_000, "a: " + "[" * 70 + "]" * 70, "- " * 70 + "x", "{" * 2_000, "a:\n  - " + "[" * 70 + "@"]


@pytest.mark.parametrize("text", DEEP)
def test_depth_limit(text):
    """Nesting beyond the limit is refused before anything is built, 300,000 levels included."""
    assert codes(text) == ["SYN009"]


def test_depth_limit_of_the_parser_itself():
    """A parser that gives up first, at a depth of its own, leaves the finding at the first level too many."""
    found = read("[" * 300_000).diagnostics
    assert [item.primary.span.start for item in found] == [MAX_DEPTH]


def test_depth_through_aliases():
    """Aliases cannot build what could not be written."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH + 1)]
    assert codes("\n".join(lines)) == ["SYN009"]


def test_node_limit():
    """More values than any spec has are refused."""
    assert codes("- 1\n" * (MAX_NODES + 1)) == ["SYN010"]


def test_alias_bomb():
    """Ten lines that expand to billions of values are refused by counting."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join(['*' + before] * 9)}]")
    assert codes("\n".join(lines)) == ["SYN011"]


def test_warnings_are_bounded():
    """A file full of ambiguous scalars gives a hundred warnings, the last of which says that there are more."""
    found = read("a: [" + "no, " * 500 + "]").diagnostics
    assert len(found) == 100
    assert found[-1].notes


def test_crlf_and_byte_order_mark(tmp_path):
    """A byte-order mark is dropped, and line ends of either kind leave columns right."""
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: \xf0\x9f\x98\x80 # x\r\nc: 'y'\r\n")
    source = open_source(file, "spec.yaml")
    assert isinstance(source, Source)
    node = parse(source, Text(tmp_path)).node
    assert plain(node) == {"a": 1, "b": "\U0001f600", "c": "y"}
    assert source.position(node.entries["c"].span.start) == (3, 4)
    assert source.line(2) == "b: \U0001f600 # x"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfea\0:\0", "UTF-16"),
        (b"a: caf\xe9", "byte 6 is 0xe9"),
        (b"a: \0", "binary"),
        (b"\x80\x04\x95", "0x80"),
    ],
)
def test_not_text(tmp_path, data, words):
    """Files that are no UTF-8 text say what they look like instead."""
    file = tmp_path / "spec.yaml"
    file.write_bytes(data)
    found = open_source(file, "spec.yaml")
    assert isinstance(found, Diagnostic)
    assert found.code == "SYN006"
    assert words in found.title


def test_files_that_cannot_be_opened(tmp_path):
    """A missing file, a folder and a path below a file each say so; the nearest spec is suggested."""
    (tmp_path / "spec.yaml").write_text("a: 1")
    missing = open_source(tmp_path / "spce.yaml", "spce.yaml")
    assert (missing.code, missing.helps) == ("SYN004", ("did you mean `spec.yaml`?",))
    assert open_source(tmp_path, "here").code == "SYN005"
    assert open_source(tmp_path / "spec.yaml" / "x", "x").code == "SYN004"
    assert open_source(Path("a\0b"), "x").code == "SYN005"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_no_permission(tmp_path):
    """A file without read permission is unreadable, not missing."""
    file = tmp_path / "spec.yaml"
    file.write_text("a: 1")
    file.chmod(0)
    assert open_source(file, "spec.yaml").code == "SYN005"


def test_too_large(tmp_path):
    """A file beyond the limit is not read."""
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    assert open_source(file, "spec.yaml").code == "SYN008"


@pytest.mark.parametrize(
    "text",
    [
        "a: *.w",
        "a:\n\tb: 1",
        "a: 'x\nb: 'y'",
        "a: [1\nb: 2",
        "lr:1\nb: 2",
        "a: b: c",
        "a: &x [1, *x]",
        "a: {x: !t 1}",
        "a: 1e999",
    ],
)
def test_without_libyaml(monkeypatch, text):
    """Where the C library is missing, the pure parser gives the same tree and the same findings."""
    fast = read(text)
    monkeypatch.setattr(module, "_LOADER", yaml.SafeLoader)
    slow = read(text)
    assert plain(slow.node) == plain(fast.node)
    told = [
        [(d.code, d.title, d.primary.span.start, d.primary.span.end) for d in p.diagnostics]
        for p in (slow, fast)
    ]
    assert told[0] == told[1]


def test_special_floats():
    """`.nan` in a list of missing values is a number."""
    assert math.isnan(read("missing: [.nan]").node.entries["missing"].items[0].scalar)


def test_a_loop_of_links_is_a_finding(tmp_path):
    """A link that points at itself cannot be read, and says so."""
    path = tmp_path / "loop.yaml"
    path.symlink_to(path)
    _, found = load(path, [], {})
    assert [item.code for item in found] == ["SYN005"]


def test_a_base_that_is_a_pipe_is_not_waited_for(tmp_path):
    """A spec cannot make a check wait for ever."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "spec.yaml").write_text("declare: 1\nextends: pipe.yaml\n")
    _, found = load(tmp_path / "spec.yaml", [], {})
    assert "not a regular file" in found[0].title


def test_a_name_beyond_what_files_can_have_is_a_finding(tmp_path):
    """A path that no file system takes is reported like any that cannot be read."""
    _, found = load(tmp_path / f"{'a' * 5000}.yaml", [], {})
    assert [item.code for item in found] == ["SYN005"]
    assert "name too long" in found[0].title


def test_a_pipe_is_read_to_its_end(tmp_path):
    """What a program writes is a spec: at once, in pieces, or once it has begun; paths start at the folder of the call."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write():
        with pipe.open("w") as file:
            for line in ("a: 1\n", "b: 2\n"):
                file.write(line)
                file.flush()
                time.sleep(0.05)

    writer = Thread(target=write)
    writer.start()
    document, found = load(pipe)
    writer.join()
    assert found == []
    assert document.plain() == {"a": 1, "b": 2}
    assert document.at("a").base == Path.cwd()


@pytest.mark.parametrize("begun", [False, True])
def test_a_pipe_without_an_end_is_not_waited_for(tmp_path, monkeypatch, begun):
    """Neither where nobody writes nor where somebody never ends."""
    monkeypatch.setattr(module, "PIPE_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    handle = os.open(tmp_path / "pipe", os.O_RDWR) if begun else None
    if handle is not None:
        os.write(handle, b"a: 1\n")
    found = open_source(tmp_path / "pipe", "pipe")
    assert isinstance(found, Diagnostic)
    assert found.code == "SYN005"
    if handle is not None:
        os.close(handle)
