"""Fields of text and of tags: windows, ends, empty texts, places of words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.contract.kinds.field import Uses, resolve_fields
from declare.contract.problem import ProblemError
from declare.parsing import parser

TEXTS = ["a b c d e f g", "a b", "", "c c c", None]


def text(uses=None, **block):
    field = parser.parse("fields", {"type": "text", "tokenizer": "word", **block})
    return field.resolve("text", uses or Uses())


def learned(field, values=TEXTS):
    return field.fit_values(values, field.infer_facts(values))


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
    assert field.num_samples_per_row(TEXTS, learned(field)).tolist() == [1, 1, 0, 1, 0]


def test_what_tasks_want_settles_the_field():
    """Language models alone want windows; texts that a model writes end with a mark; tags want words."""
    assert text(Uses(splits_samples=True)).overlong == "windows"
    assert text().overlong == "cut"
    assert text(Uses(generated=("text",))).ends is True
    assert text(Uses(generated=("other",))).ends is False
    assert text(Uses(generated=("text",)), ends=False).ends is False
    tags = parser.parse("fields", {"type": "tags", "of": "text"})
    assert resolve_fields({"text": text(), "kinds": tags}, Uses())["text"].words is False
    fresh = parser.parse("fields", {"type": "text", "tokenizer": "word"})
    assert resolve_fields({"text": fresh, "kinds": tags}, Uses())["text"].words is True


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
    for value, count in zip(values, field.num_samples_per_row(values, facts).tolist(), strict=True):
        pieces = field.encode(field.take_part([value] * count, np.arange(count)), facts)
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
        text().infer_facts(values)
    assert caught.value.problem.code == "DAT363"


def test_tags_stand_at_the_first_token_of_each_word():
    """Of a word in several pieces the first has the class, the others and missing classes have none."""
    words = [["ab", "c", "def"], ["c"]]
    letters = text(tokenizer="char")
    facts = learned(letters, words)
    places = letters.token_positions(words, facts)
    tags = parser.parse("fields", {"type": "tags", "of": "text"})
    values = [["X", None, "Y"], ["Y"]]
    found = tags.encode_at(values, tags.infer_facts(values), places)
    assert found.tolist() == [[0, -1, -1, 1], [1, -1, -1, -1]]


def test_tags_beyond_the_cut_count_nowhere():
    """A word that the model does not see has no place."""
    field = text(max_length=2)
    words = [["a", "b", "c"]]
    facts = learned(field, words)
    tags = parser.parse("fields", {"type": "tags", "of": "text"})
    values = [["X", "Y", "Z"]]
    assert tags.encode_at(values, tags.infer_facts(values), field.token_positions(words, facts)).tolist() == [
        [0, 1]
    ]


def test_tags_and_words_must_be_as_many():
    """A sample with another number of tags than words is refused and named."""
    tags = parser.parse("fields", {"type": "tags", "of": "text"})
    values = [["X"], ["X", "Y"]]
    with pytest.raises(ProblemError) as caught:
        tags.encode_at(values, tags.infer_facts(values), [[0], [0]])
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT365", 1)


TOKENIZERS = [
    "byte",
    "char",
    "word",
    {"type": "bpe", "vocab_size": 280},
    {"type": "wordpiece", "vocab_size": 60},
]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=str)
@pytest.mark.parametrize("overlong", ["cut", "tail", "windows"])
@given(
    words=st.lists(st.text("ab,9", min_size=1, max_size=4), min_size=1, max_size=9),
    size=st.integers(1, 6),
    ends=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_values_of_words_stand_where_their_words_stand(tokenizer, overlong, words, size, ends):
    """Whatever is cut and however words become tokens, the tag at a place is that of the word whose tokens begin there."""
    field = resolve_fields(
        {
            "text": text(tokenizer=tokenizer, overlong=overlong, max_length=size, ends=ends, words=True),
            "kinds": parser.parse("fields", {"type": "tags", "of": "text"}),
        },
        Uses(),
    )["text"]
    facts = learned(field, [words, ["ab", "a9", ",b"]])
    count = int(field.num_samples_per_row([words], facts)[0])
    parts = field.take_part([words] * count, np.arange(count))
    names = [f"{place}" for place in range(len(words))]
    tags = parser.parse("fields", {"type": "tags", "of": "text", "classes": names})
    usable = parser.parse("fields", {"type": "valid", "of": "text"})
    places = field.token_positions(parts, facts)
    found = tags.encode_at([names] * count, tags.infer_facts([names]), places)
    odd = [place % 2 for place in range(len(words))]
    valid = usable.encode_at([odd] * count, usable.infer_facts([odd]), places)
    coder = field.tokenizer.open(facts.extra["vocabulary"])
    whole, starts = coder.encode([words])[0], coder.starts(words)
    seen = []
    for number, (ids, row) in enumerate(
        zip(field.encode(parts, facts).tolist(), found.tolist(), strict=True)
    ):
        first = (
            number * size
            if overlong == "windows"
            else max(0, len(whole) + ends - size) * (overlong == "tail")
        )
        for place, word in enumerate(row):
            if word >= 0:
                assert starts[word] == first + place
                assert ids[place] == whole[starts[word]]
                assert valid[number, place] == word % 2
                seen.append(word)
    begun = [word for word, start in enumerate(starts) if start >= 0]
    if overlong == "windows":
        assert seen == begun
    elif overlong == "cut":
        assert seen == [word for word in begun if starts[word] < size]
    else:
        assert seen == [word for word in begun if starts[word] >= len(whole) + ends - size]


def test_a_text_that_is_cut_stays_so_beside_the_windows_of_another():
    """Each window of a longer text stands beside the same tokens of one that is cut."""
    field = text(max_length=2)
    facts = learned(field, ["a b c"])
    assert (
        len(
            {tuple(row) for row in field.encode(field.take_part(["a b c"] * 3, np.arange(3)), facts).tolist()}
        )
        == 1
    )


def test_classes_that_no_sample_holds_are_no_classes():
    """The class of words that are cut away goes with them and is named; stated classes stay."""
    tags = parser.parse("fields", {"type": "tags", "of": "text"})
    facts = tags.infer_facts([["X", "O", "Y"], ["X"]])
    column = np.array([[facts.classes.index("X"), facts.classes.index("Y")], [-1, facts.classes.index("X")]])
    column, facts = tags.complete(column, facts)
    assert facts.classes == ("X", "Y")
    assert facts.shape.classes == 2
    assert column.tolist() == [[0, 1], [-1, 0]]
    assert facts.extra["tags"] == {"total": 4, "kept": 3, "lost_classes": ["O"]}
    stated = parser.parse("fields", {"type": "tags", "of": "text", "classes": ["O", "X"]})
    assert stated.complete(np.array([[1]]), stated.infer_facts([["X"]]))[1].classes == ("O", "X")


@pytest.mark.parametrize("values", [[[1, 0], [1]], [[1, 2]], ["ab"]])
def test_values_of_words_must_be_true_or_false_and_as_many(values):
    """A list of another length, or of other values, is refused; without `of` lists of several lengths are too."""
    usable = parser.parse("fields", {"type": "valid", "of": "text"})
    with pytest.raises(ProblemError) as caught:
        usable.encode_at(values, usable.infer_facts(values), [[0, 1]] * len(values))
    assert caught.value.problem.code in {"DAT319", "DAT365"}


def test_lists_of_several_lengths_need_a_text():
    """Truth values that vary in number belong to words: the finding says so."""
    with pytest.raises(ProblemError) as caught:
        parser.parse("fields", {"type": "valid"}).infer_facts([[1, 0], [1]])
    assert caught.value.problem.code == "DAT319"
    assert "of: TEXT" in caught.value.problem.helps[0]
