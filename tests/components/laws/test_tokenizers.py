"""Laws of tokenizers: how text becomes ids, and ids text again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from declare.contract.kinds.tokenizer import SPECIAL
from declare.contract.problem import ProblemError
from declare.parsing import annotation, lookup, parser
from tests.combining.values import edges
from tests.components.conformance import variants

TEXTS = ["the cat saw the dog", "the dog, the cat and the cow!", "Cafe au lait", "naive cats see cows"] * 3
OTHERS = [
    "quite other words, \u00e9t\u00e9 \u6771\u4eac",
    "",
    "  two  spaces\tand\nlines ",
    "x" * 40,
    "123 4.5",
]
WORDS = ["the", "cow", "saw", "cats"]


class Case(NamedTuple):
    """A tokenizer, and how it learns."""

    tokenizer: Any

    def learned(self, texts: Any = None) -> Any:
        """Return what it learns from texts."""
        return self.tokenizer.fit(TEXTS if texts is None else texts)

    def coder(self) -> Any:
        """Return the tokenizer with what it learns from the training texts."""
        return self.tokenizer.open(self.learned())


def the_training_texts_alone_decide(case: Case) -> None:
    """The same texts give the same vocabulary, in any process; other texts before them do not matter."""
    first = case.learned()
    case.learned(OTHERS)
    assert case.learned() == first, "another vocabulary for the same texts"
    assert json.loads(json.dumps(first)) == first, "a vocabulary that cannot be written down"


def ids_lie_within_the_vocabulary(case: Case) -> None:
    """Of any text, known or not, ids are at least 0 and below the size; each has a name."""
    coder = case.coder()
    for ids in coder.encode(TEXTS + OTHERS):
        assert all(0 <= item < coder.size for item in ids), f"{max(ids)} of {coder.size}"
    assert len(coder.names()) == coder.size, "names and size differ"


def texts_come_back(case: Case) -> None:
    """A text without an unknown token comes back from its ids, but for the case of its letters."""
    coder = case.coder()
    for text, ids in zip(TEXTS, coder.encode(TEXTS), strict=True):
        assert coder.special["unk"] in ids or coder.decode(ids).lower() == text.lower(), coder.decode(ids)
        assert ids, f"no token for {text!r}"
    assert coder.encode([""]) == [[]], "an empty text has tokens"


def texts_are_cut_one_by_one(case: Case) -> None:
    """A text has the ids that it has alone, whatever stands beside it."""
    coder = case.coder()
    together = coder.encode(TEXTS + OTHERS)
    assert [coder.encode([text])[0] for text in TEXTS + OTHERS] == together, "neighbours change a text's ids"
    assert case.coder().encode(TEXTS) == together[: len(TEXTS)], "opened again, other ids"


def special_tokens_stand_for_themselves(case: Case) -> None:
    """They have the first ids, no text gives them but `unk`, and they leave no trace in a text."""
    coder = case.coder()
    assert [coder.special[name] for name in SPECIAL] == list(range(len(SPECIAL))), coder.special
    ids = coder.encode(["the cat"])[0]
    hidden = {coder.special[name] for name in ("bos", "eos", "mask")}
    assert not hidden & {item for row in coder.encode(TEXTS + OTHERS) for item in row}, "a text gives a mark"
    framed = [coder.special["bos"], *ids, coder.special["eos"], -1, -1]
    assert coder.decode(framed) == coder.decode(ids), "marks or padding leave a trace"


def words_start_at_their_first_token(case: Case) -> None:
    """Words that come cut already lie one after another, each from its place to the next one's."""
    coder = case.coder()
    ids, starts = coder.encode([WORDS])[0], coder.starts(WORDS)
    assert starts[0] == 0, "the first word does not start at the first token"
    for word, start, end in zip(WORDS, starts, [*starts[1:], len(ids)], strict=True):
        own = ids[start:end]
        assert coder.special["unk"] in own or coder.decode(own).strip() == word, (
            f"{word}: {coder.decode(own)}"
        )


LAWS: list[Callable[[Case], None]] = [
    the_training_texts_alone_decide,
    ids_lie_within_the_vocabulary,
    texts_come_back,
    texts_are_cut_one_by_one,
    special_tokens_stand_for_themselves,
    words_start_at_their_first_token,
]


def learning(names: tuple[str, ...]) -> list[str]:
    """Return the names of tokenizers that learn from texts; those with a `path` take over another's."""
    found = [(name, lookup.find("tokenizers", name)) for name in names]
    return [name for name, made in found if made is None or "path" not in made.model_fields]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", learning(lookup.own_names("tokenizers")))
def test_every_tokenizer_keeps_the_law(name, law):
    """In every variant; pieces are learned from a dozen texts."""
    for tokenizer in variants("tokenizers", name):
        small = {"vocab_size": 300} if "vocab_size" in type(tokenizer).model_fields else {}
        law(Case(tokenizer.model_copy(update=small)))


class Letters:
    """A tokenizer of the letters that it learned."""

    seen: str = ""

    def fit(self, texts):
        return {"letters": sorted({letter for text in texts for letter in text})}

    def open(self, vocabulary):
        return Open(vocabulary["letters"])


class Open:
    def __init__(self, letters):
        self.letters = letters
        self.special = {name: place for place, name in enumerate(SPECIAL)}
        self.size = len(SPECIAL) + len(letters)

    def names(self):
        return [*SPECIAL, *self.letters]

    def encode(self, texts):
        return [[self._id(letter) for letter in (x if isinstance(x, str) else "".join(x))] for x in texts]

    def _id(self, letter):
        return self.letters.index(letter) + len(SPECIAL) if letter in self.letters else self.special["unk"]

    def starts(self, words):
        return [sum(map(len, words[:place])) for place in range(len(words))]

    def decode(self, ids):
        return "".join(self.letters[item - len(SPECIAL)] for item in ids if item >= len(SPECIAL))


class Remembering(Letters):
    """Adds what it learned before to what it learns."""

    def fit(self, texts):
        self.seen += "".join(texts)
        return super().fit([self.seen])


def _with(**methods: Any) -> Letters:
    """Return the tokenizer of letters with other methods when it is open."""
    opened = type("Broken", (Open,), methods)
    return type("Wrong", (Letters,), {"open": lambda self, known: opened(known["letters"])})()


_COUNT = [0]


def _counted(self: Any, texts: Any) -> list[list[int]]:
    _COUNT[0] += 1
    return [row[:: 1 if len(texts) == 1 else -1] for row in Open.encode(self, texts)]


BROKEN: dict[Callable[[Case], None], Any] = {
    the_training_texts_alone_decide: Remembering(),
    ids_lie_within_the_vocabulary: _with(_id=lambda self, letter: ord(letter)),
    texts_come_back: _with(decode=lambda self, ids: Open.decode(self, ids[1:])),
    texts_are_cut_one_by_one: _with(encode=_counted),
    special_tokens_stand_for_themselves: _with(decode=lambda self, ids: " ".join(map(str, ids))),
    words_start_at_their_first_token: _with(starts=lambda self, words: list(range(len(words)))),
}


EDGES: tuple[list[str], ...] = (
    [""],
    ["a"],
    ["a" * 50],
    ["   "],
    ["\x00\x01"],
    ["\u00e9\U0001f600 x"],
    [chr(code) for code in range(0x4E00, 0x4E00 + 40)],
)
"""Training texts with next to nothing to learn, or more letters than a small vocabulary holds."""


def edge_variants(name: str) -> Iterator[Any]:
    """Yield a tokenizer with each number at the edge of what it takes."""
    cls = lookup.find("tokenizers", name)
    assert cls is not None
    for key, (_, item) in annotation.fields(cls).items():
        for value in (*edges(item, strange=False), 6, 300):
            made, problems = parser.read("tokenizers", {"type": name, key: value})
            if not problems and not (isinstance(value, int) and value > 10_000):
                yield made


@pytest.mark.parametrize("name", learning(lookup.own_names("tokenizers")))
def test_edges_are_refused_or_kept(name):
    """A vocabulary smaller than the alphabet, texts of one letter or of none: ids lie within what was stated."""
    for tokenizer in edge_variants(name):
        for texts in EDGES:
            try:
                coder = tokenizer.open(tokenizer.fit(texts))
            except ProblemError:
                continue
            assert coder.size <= (getattr(tokenizer, "vocab_size", None) or coder.size)
            assert len(coder.names()) == coder.size
            for ids in coder.encode([*texts, "zzz", ""]):
                assert all(0 <= item < coder.size for item in ids)
                coder.decode(ids)


@pytest.mark.parametrize("size", [2**31, 2**63])
@pytest.mark.parametrize("name", ["bpe", "wordpiece", "word", "char"])
def test_no_vocabulary_takes_the_process(name, size):
    """A library that reserves room for it at once would abort."""
    _, problems = parser.read("tokenizers", {"type": name, "vocab_size": size})
    assert [problem.code for problem in problems] == ["SCH108"]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A tokenizer that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law]))
    law(Case(Letters()))
