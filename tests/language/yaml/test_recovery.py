"""After a syntax error the broken block is found and blanked, and offsets stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.language.yaml.recovery import blank, block_at, key_of

TEXT = '# head\na: 1\n"b": [1,\n  2\n- x\nc: 3\r\n'


@pytest.mark.parametrize(
    ("needle", "block"),
    [
        ("a:", "a: 1\n"),
        ("2", '"b": [1,\n  2\n- x\n'),
        ("- x", '"b": [1,\n  2\n- x\n'),
        ("3", "c: 3\r\n"),
        ("\r", "c: 3\r\n"),
    ],
)
def test_block(needle, block):
    """A block goes from a key in the first column to the next one; items in the first column belong to it."""
    start, end = block_at(TEXT, TEXT.index(needle))
    assert TEXT[start:end] == block


def test_past_the_end():
    """The end of the text belongs to the last block."""
    assert block_at(TEXT, len(TEXT)) == (TEXT.index("c:"), len(TEXT))


@pytest.mark.parametrize("text", ['{"a": 1,\n"b": 2}', "[1]\na: 2", "", "word", "  a: 1\n  b: 2\n"])
def test_no_blocks(text):
    """JSON, lists and indented maps have no blocks to leave out."""
    assert block_at(text, 0) is None


def test_text_before_the_first_key():
    """Stray text above the first key is a block of its own, without a key."""
    assert block_at("%YAML 9\na: 1\n", 3) == (0, 8)
    assert key_of("%YAML 9\na: 1\n", 0) is None


@pytest.mark.parametrize(("text", "key"), [("abc: 1", "abc"), ("'a b' : 1", "a b"), ('"x": 1', "x")])
def test_key(text, key):
    """The key of a block is read without its quotes."""
    name, start, end = key_of(text, 0)
    assert (name, start, text[end:].lstrip()[0]) == (key, 0, ":")


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_blanking_keeps_lines(text, first, second):
    """Blanking changes neither the length nor any line end, and nothing outside of the block."""
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    done = blank(text, start, end)
    assert len(done) == len(text)
    assert (done[:start], done[end:]) == (text[:start], text[end:])
    assert not done[start:end].strip(" \r\n")
    assert [i for i, char in enumerate(done) if char in "\r\n"] == [
        i for i, char in enumerate(text) if char in "\r\n"
    ]
