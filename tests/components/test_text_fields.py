"""Fields of text and of tags: windows, ends, empty texts, places of words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract import reading
from declare.contract.field import Uses, settled
from declare.contract.problem import ProblemError

TEXTS = ["a b c d e f g", "a b", "", "c c c", None]


def text(uses=None, **block):
    field = reading.parse("fields", {"type": "text", "tokenizer": "word", **block})
    return field.settled("text", uses or Uses())


def learned(field, values=TEXTS):
    return field.learn(values, field.examine(values))


def test_facts_hold_vocabulary_and_length():
    """Four special tokens and seven words; the longest text gives the length where none is stated."""
    facts = learned(text())
    assert facts.shape.classes == 11
    assert facts.shape.dims == (7,)
    assert facts.num_missing == 1
    assert facts.extra["tokens"]["longest"] == 7
    assert learned(text(max_length=4)).shape.dims == (4,)


def test_texts_are_padded_with_minus_one():
    """An empty text is all padding; numbers below 0 mark the end of the others."""
    field = text()
    found = field.encode(TEXTS, learned(field))
    assert found.shape == (5, 7)
    assert (found >= 0).sum(1).tolist() == [7, 2, 0, 3, 0]


def test_empty_texts_make_no_sample():
    """A text without a token makes none, every other one makes one."""
    field = text()
    assert field.parts(TEXTS, learned(field)).tolist() == [1, 1, 0, 1, 0]


def test_what_tasks_want_settles_the_field():
    """Language models alone want windows; texts that a model writes end with a mark; tags want words."""
    assert text(Uses(streams=True)).overlong == "windows"
    assert text().overlong == "cut"
    assert text(Uses(generated=("text",))).ends is True
    assert text(Uses(generated=("other",))).ends is False
    assert text(Uses(generated=("text",)), ends=False).ends is False
    tags = reading.parse("fields", {"type": "tags", "of": "text"})
    assert settled({"text": text(), "kinds": tags}, Uses())["text"].words is False
    fresh = reading.parse("fields", {"type": "text", "tokenizer": "word"})
    assert settled({"text": fresh, "kinds": tags}, Uses())["text"].words is True


@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=8),
    size=st.integers(1, 7),
    ends=st.booleans(),
)
def test_windows_cover_every_token_once(lengths, size, ends):
    """The windows of a text, one after another, are the text and its end mark."""
    values = ["x y " * 3, *(" ".join("xyz"[place % 3] for place in range(length)) for length in lengths)]
    field = text(overlong="windows", max_length=size, ends=ends)
    facts = learned(field, values)
    coder = field.tokenizer.open(facts.extra["vocabulary"])
    for value, count in zip(values, field.parts(values, facts).tolist(), strict=True):
        pieces = field.encode(field.part([value] * count, np.arange(count)), facts)
        whole = [int(item) for row in pieces for item in row if item >= 0]
        mark = [coder.special["eos"]] if ends and value else []
        assert whole == coder.encode([value])[0] + mark
        assert pieces.shape[1] <= size


def test_a_text_that_was_cut_has_no_end():
    """The end mark stands at the end of the text, not at the cut."""
    field = text(max_length=3, ends=True)
    found = field.encode(["a b c d", "a b"], learned(field))
    assert (found == 1).sum(1).tolist() == [0, 1]


def test_a_prompt_keeps_its_end_and_has_no_mark():
    """Of a beginning that is too long the last tokens stay, and nothing says that it has ended."""
    field = text(max_length=3, ends=True)
    facts = learned(field)
    found = field.prompt().encode(["a b c d e"], facts)
    assert field.decode(found, facts) == ["c d e"]


@pytest.mark.parametrize("values", [[1, 2], [["a", 3]], [{"a": 1}]])
def test_values_that_are_no_text_are_refused(values):
    """Numbers and other things are no texts."""
    with pytest.raises(ProblemError) as caught:
        text().examine(values)
    assert caught.value.problem.code == "DAT363"


def test_tags_stand_at_the_first_token_of_each_word():
    """Of a word in several pieces the first has the class, the others and missing classes have none."""
    words = [["ab", "c", "def"], ["c"]]
    letters = text(tokenizer="char")
    facts = learned(letters, words)
    places = letters.places(words, facts)
    tags = reading.parse("fields", {"type": "tags", "of": "text"})
    values = [["X", None, "Y"], ["Y"]]
    found = tags.encode_at(values, tags.examine(values), places)
    assert found.tolist() == [[0, -1, -1, 1], [1, -1, -1, -1]]


def test_tags_beyond_the_cut_count_nowhere():
    """A word that the model does not see has no place."""
    field = text(max_length=2)
    words = [["a", "b", "c"]]
    facts = learned(field, words)
    tags = reading.parse("fields", {"type": "tags", "of": "text"})
    values = [["X", "Y", "Z"]]
    assert tags.encode_at(values, tags.examine(values), field.places(words, facts)).tolist() == [[0, 1]]


def test_tags_and_words_must_be_as_many():
    """A sample with another number of tags than words is refused and named."""
    tags = reading.parse("fields", {"type": "tags", "of": "text"})
    values = [["X"], ["X", "Y"]]
    with pytest.raises(ProblemError) as caught:
        tags.encode_at(values, tags.examine(values), [[0], [0]])
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT365", 1)
