"""Fixes are edits of the text: what they do not touch stays as it was written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Edit, Fix, Source, Span
from declare.language.compose.compose import load
from declare.language.fix import apply, fix, write


def finding(source, start, end, new, applicability="safe", code="SYN001"):
    span = Span(source, start, end)
    return make(code, "x", labels=[span], fixes=[Fix("x", (Edit(span, new),), applicability)])


def test_safe_fixes_of_a_spec(tmp_path):
    """Safe fixes are applied in one go, comments and spacing stay, and the result is clean."""
    text = "# top\nlr:   1_000 # note\nname:x\nmatch: *.w   # pattern\nrun: 0777\n"
    file = tmp_path / "spec.yaml"
    file.write_text(text)
    for _ in range(3):
        _, found = load(file)
        for change in fix(found).changes:
            write(change)
    assert file.read_text() == '# top\nlr:   1000 # note\nname: x\nmatch: "*.w"   # pattern\nrun: 777\n'
    assert load(file)[1] == []


def test_unsafe_only_on_demand():
    """An unsafe fix is applied when it is asked for; one for display never is."""
    source = Source("a", "x: 1\n")
    unsafe, display = finding(source, 3, 4, "2", "unsafe"), finding(source, 0, 1, "y", "display")
    assert fix([unsafe, display]).changes == ()
    (change,) = fix([unsafe, display], unsafe=True).changes
    assert change.text == "x: 2\n"


def test_overlaps_are_skipped():
    """Of two fixes that touch the same text the error's wins over the warning's."""
    source = Source("a", "x: no\n")
    warning, error = finding(source, 3, 5, '"no"', code="SYN003"), finding(source, 3, 5, "false")
    done = fix([warning, error])
    assert [change.text for change in done.changes] == ["x: false\n"]
    assert done.skipped == warning.fixes


def test_a_fix_that_breaks_the_text_is_left_out():
    """A fix after which the text could be read less than before is not applied."""
    source = Source("a", "x: 1\ny: 2\n")
    done = fix([finding(source, 3, 4, "[")])
    assert (done.changes, len(done.skipped)) == ((), 1)


def test_only_files_are_edited():
    """An argument of the command line cannot be fixed."""
    assert fix([finding(Source("--set #1", "a=1", "set"), 2, 3, "2")]).changes == ()


def test_other_files_stay():
    """Where one file is named, fixes in others are left out."""
    one, two = Source("a", "x: 1\n"), Source("b", "x: 1\n")
    done = fix([finding(one, 3, 4, "2"), finding(two, 3, 4, "2")], only=two)
    assert [change.source for change in done.changes] == [two]


def test_crlf_stays():
    """Inserted lines end like the lines of the file."""
    source = Source("a", "x: 1\r\ny: 2\r\n")
    assert apply(source, [Edit(Span(source, 6, 6), "z: 3\n")]) == "x: 1\r\nz: 3\r\ny: 2\r\n"


def test_diff():
    """The change is shown as a unified diff, a missing last line end included."""
    source = Source("a.yaml", "x: 1\ny: 2")
    (change,) = fix([finding(source, 3, 4, "2")]).changes
    assert (
        change.diff
        == "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,2 +1,2 @@\n-x: 1\n+x: 2\n y: 2\n\\ No newline at end of file\n"
    )


def test_write_keeps_mark_and_mode(tmp_path):
    """Writing keeps the byte-order mark and the permissions, and leaves nothing else behind."""
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1_000\r\n")
    file.chmod(0o640)
    (change,) = fix(load(file)[1]).changes
    write(change)
    assert file.read_bytes() == b"\xef\xbb\xbfa: 1000\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_changed_file_is_not_overwritten(tmp_path):
    """A file that changed since it was read stays as it is."""
    file = tmp_path / "spec.yaml"
    file.write_text("a: 1_000\n")
    (change,) = fix(load(file)[1]).changes
    file.write_text("a: 5\n")
    with pytest.raises(ValueError, match="changed"):
        write(change)
    assert file.read_text() == "a: 5\n"


@given(
    st.text(max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.text("xyz", max_size=3)), max_size=4),
)
def test_apply_is_editing_in_any_order(text, wanted):
    """Edits that do not overlap give what replacing from the end gives, whatever their order; others are refused."""
    source = Source("a", text)
    edits = [Edit(Span(source, min(s, len(text)), min(s + n, len(text))), new) for s, n, new in wanted]
    ordered = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))
    if any(a.span.end > b.span.start for a, b in pairwise(ordered)):
        with pytest.raises(ValueError, match="overlap"):
            apply(source, edits)
        return
    pieces, position = [], 0
    for edit in ordered:
        pieces += [text[position : edit.span.start], edit.new_text]
        position = edit.span.end
    if len({edit.span.start for edit in edits}) == len(edits):
        assert apply(source, edits) == "".join(pieces) + text[position:]
