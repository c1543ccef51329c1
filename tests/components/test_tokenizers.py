"""Tokenizers: what they learn, and that texts come back from their ids."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.parsing import parser

TEXTS = ["the cat saw the dog", "the dog, the cat and the cow!", "Cafe au lait", "naive cats see cows"] * 3
BLOCKS = {
    "byte": {},
    "char": {},
    "word": {},
    "bpe": {"vocab_size": 300},
    "wordpiece": {"vocab_size": 80},
}


def tokenizer(name, **block):
    return parser.parse("tokenizers", {"type": name, **BLOCKS.get(name, {}), **block})


def opened(name, texts=TEXTS, **block):
    made = tokenizer(name, **block)
    return made.open(made.fit(texts))


@pytest.mark.parametrize("name", ["byte", "bpe"])
@given(text=st.text(max_size=30))
def test_byte_tokenizers_know_every_text(name, text):
    """Nothing is unknown to bytes and to pieces of bytes."""
    coder = opened(name)
    ids = coder.encode([text])[0]
    assert coder.special["unk"] not in ids
    assert coder.decode(ids) == text


def test_unknown_words_are_unknown():
    """A word that the training split lacks is `unk`; rare ones are, where `min_count` says so."""
    assert opened("word").encode(["zebra"])[0] == [3]
    assert opened("word", min_count=4).encode(["the lait"])[0][1] == 3


def test_the_most_frequent_words_stay():
    """With `vocab_size` the special tokens count, and the most frequent words take what is left."""
    coder = opened("word", vocab_size=6)
    assert coder.names()[4:] == ["the", "cat"]


@pytest.mark.parametrize(("name", "size"), [("bpe", 260), ("wordpiece", 20)])
def test_a_vocabulary_needs_room_for_what_it_starts_from(name, size):
    """Too small a vocabulary is found before anything is read."""
    _, problems = parser.read("tokenizers", {"type": name, "vocab_size": size})
    assert [problem.code for problem in problems] == ["DAT361"]


def test_a_file_is_used_as_it_is(tmp_path):
    """A tokenizer.json of the library gives the library's own ids, with its special tokens found by name."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "the", "cat"]
    real = Tokenizer(
        models.WordLevel({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    real.pre_tokenizer = pre_tokenizers.Whitespace()
    real.save(str(tmp_path / "tokenizer.json"))
    made = tokenizer("file", path=str(tmp_path))
    vocabulary = made.fit([])
    (tmp_path / "tokenizer.json").unlink()
    coder = made.open(vocabulary)
    assert coder.special == {"bos": 0, "eos": 1, "mask": 2, "unk": 3}
    assert coder.encode(["the cat dog"]) == [[4, 5, 3]]


@pytest.mark.parametrize("name", ["word", "bpe"])
def test_another_runs_tokenizer_is_used_as_it_was_learned(name, tmp_path):
    """The field of the other run's plan gives the rules and the vocabulary; the run may go afterwards."""
    made = tokenizer(name)
    learned = made.fit(TEXTS)
    field = {"block": {"tokenizer": made.dump()}, "facts": {"extra": {"vocabulary": learned}}}
    (tmp_path / "plan.json").write_text(json.dumps({"datasets": {"corpus": {"fields": {"text": field}}}}))
    other = tokenizer("run", path=str(tmp_path), field="corpus.text")
    vocabulary = other.fit(["quite other texts"])
    (tmp_path / "plan.json").unlink()
    assert other.open(vocabulary).encode(TEXTS) == made.open(learned).encode(TEXTS)


@pytest.mark.parametrize("field", ["corpus.other", "text"])
def test_a_run_without_that_text_is_said(field, tmp_path):
    """The texts that the run has are named."""
    text = {"block": {"tokenizer": "byte"}, "facts": {"extra": {"vocabulary": {}}}}
    (tmp_path / "plan.json").write_text(json.dumps({"datasets": {"corpus": {"fields": {"text": text}}}}))
    with pytest.raises(ProblemError) as caught:
        tokenizer("run", path=str(tmp_path), field=field).stamp()
    assert caught.value.problem.code == "DAT362"
    assert "corpus.text" in caught.value.problem.helps[0]


def test_a_missing_file_is_said():
    """A path without a tokenizer is a problem of the spec."""
    with pytest.raises(ProblemError) as caught:
        tokenizer("file", path="/nowhere/at/all").stamp()
    assert caught.value.problem.code == "DAT362"
