"""Text as token ids."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field as Param

from declare.components.fields._values import Marks, no_text, text_of, to_list
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.component import Slot
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field, Uses
from declare.contract.kinds.tokenizer import Coder, Tokenizer
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape
from declare.parsing.library_trial import refusal

_LONGEST = 512
"""Maximum number of tokens of a sample if `max_length` is not stated."""
_TRIED, _TRIED_LENGTH = 32, 10_000
"""Number of texts, and of characters of each, on which a third-party tokenizer is tried first."""
Value = str | Sequence[str] | None


class _Part(NamedTuple):
    """One of the samples into which a long text is split."""

    value: Value
    number: int


_PAD = '''def pad(rows: list[list[int]]) -> np.ndarray:
    """Return rows of ids as a table, -1 after the end of each."""
    table = np.full((len(rows), max(1, *map(len, rows))), -1, np.int32)
    for number, ids in enumerate(rows):
        table[number, : len(ids)] = ids
    return table'''


class Text(Field):
    """Text, or a list of words, split into tokens by a tokenizer that is trained on the training split only.

    Encoded as int32 [rows, length], padded with -1; a batch is as long as its longest text. Texts without
    tokens make no sample: they are left out and counted. A text with more than `max_length` tokens is
    truncated, or split into several samples (`windows`); `windows` is the default on datasets whose tasks are
    all language models, where every token is a target. Texts that a model generates (targets of `causal_lm`
    and `seq2seq`) end with the token `eos`, which counts in loss and metrics; a truncated text has none.

    Example:
        ```yaml
        fields: {text: {type: text, tokenizer: {type: bpe, vocab_size: 8000}, max_length: 128}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("string", "str", "sequence", "sentence")

    layout: ClassVar[Layout] = "tokens"
    needs_fit: ClassVar[bool] = True

    tokenizer: Annotated[Tokenizer, Slot("tokenizers")] = Param(description="the tokenizer")
    max_length: int | None = Param(
        None,
        ge=1,
        description=(
            "maximum number of tokens of a sample; default: that of the longest training text, at most 512"
        ),
    )
    overlong: Literal["cut", "windows", "tail"] | None = Param(
        None, description="longer texts: keep the start, split into several samples, or keep the end"
    )
    ends: bool | None = Param(
        None, description="append the token `eos`; default: if the model generates the text"
    )
    words: bool | None = Param(
        None, description="split text at white space first; default: if `tags` refer to its words"
    )

    def resolve(self, name: str, uses: Uses) -> Self:
        """Return the field with open settings resolved for the tasks that use it."""
        overlong = self.overlong or ("windows" if uses.splits_samples else "cut")
        ends = name in uses.generated if self.ends is None else self.ends
        words = name in uses.worded if self.words is None else self.words
        return self.model_copy(update={"overlong": overlong, "ends": ends, "words": words})

    def stamp(self) -> str:
        """Return a value that changes with the tokenizer's file."""
        try:
            return self.tokenizer.stamp()
        except ProblemError as error:
            raise ProblemError(*(item.with_prefix("tokenizer") for item in error.problems)) from None

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the number of missing texts; raises `ProblemError` DAT363 for values that are not text."""
        texts = self._texts(values)
        missing = sum(text is None for text in texts)
        marks = Marks(self.missing)
        raw = (text_of(value) for value in to_list(values) if not isinstance(value, list | tuple))
        unused = marks.unused_in(raw) if marks.stated else []
        extra = {"unused_marks": unused} if unused else {}
        return FieldFacts(shape=Shape("tokens", (None,), "int64"), num_missing=missing, extra=extra)

    def fit_values(self, values: Any, facts: FieldFacts) -> FieldFacts:
        """Return facts with the vocabulary of the training split, the length of samples, and counts of both."""
        texts = [text for text in self._texts(values) if text]
        if not texts:
            raise ProblemError(_no_text("the training split contains no text"))
        self._try_tokenizer(texts)
        vocabulary = self.tokenizer.fit(texts)
        if isinstance(vocabulary, Problem):
            raise ProblemError(vocabulary.with_prefix("tokenizer"))
        coder = self.tokenizer.open(vocabulary)
        self._require_specials(coder)
        lengths, unigrams = self._count_tokens(coder, texts)
        if not lengths:
            raise ProblemError(_no_text("no text of the training split has a token"))
        length = self.max_length or min(max(lengths), _LONGEST)
        statistics = {
            "vocabulary": vocabulary,
            "special": coder.special,
            "unigrams": unigrams,
            "tokens": {
                "total": sum(lengths),
                "mean": round(sum(lengths) / len(lengths), 2),
                "longest": max(lengths),
                "overlong": sum(item > length for item in lengths),
            },
        }
        shape = Shape("tokens", (length,), "int64", coder.size)
        return facts.model_copy(update={"shape": shape, "extra": facts.extra | statistics})

    def _try_tokenizer(self, texts: Sequence[str | Sequence[str]]) -> None:
        """Raise `ProblemError` if a third-party tokenizer fails on the longest or the first texts."""
        if not self.tokenizer.third_party:
            return
        plain = [text if isinstance(text, str) else " ".join(text) for text in texts]
        chosen = [*sorted(plain, key=len, reverse=True)[:_TRIED], *plain[:_TRIED]]
        sample = {"stamp": self.tokenizer.stamp(), "texts": [text[:_TRIED_LENGTH] for text in chosen]}
        reason = refusal(self.tokenizer, sample)
        if reason is not None:
            raise ProblemError(self.tokenizer.refusal_problem(reason))

    def _count_tokens(
        self, coder: Coder, texts: Sequence[str | Sequence[str]]
    ) -> tuple[list[int], list[int]]:
        """Return the tokens of each text that has some, and how often each token occurs in the samples."""
        limit, mark = self.max_length or _LONGEST, [coder.special["eos"]] if self.ends else []
        lengths: list[int] = []
        seen: Counter[int] = Counter()
        for ids in coder.encode(texts):
            whole = ids + mark if ids else ids
            if whole:
                lengths.append(len(whole))
                seen.update(_truncate(whole, limit, self.overlong))
        return lengths, [seen[token] for token in range(coder.size)]

    def _require_specials(self, coder: Coder) -> None:
        if self.ends and ("bos" not in coder.special or "eos" not in coder.special):
            title = "the tokenizer has no start and end tokens, which text generation needs"
            helps = ("name them: `special: {bos: ..., eos: ...}`",)
            raise ProblemError(
                Problem("DAT362", title, at="tokenizer", label="no `bos` or `eos`", helps=helps)
            )

    def num_samples_per_row(self, values: Any, facts: FieldFacts) -> Array:
        """Return the number of samples of each text; 0 for an empty text."""
        import numpy as np

        length = facts.shape.dims[0] or 1
        sizes = np.fromiter((len(ids) for ids in self._encode_texts(values, facts)), np.int64, len(values))
        if self.overlong != "windows":
            return np.minimum(sizes, 1)
        return -(-(sizes + bool(self.ends) * (sizes > 0)) // length)

    def take_part(self, values: Any, numbers: Array) -> list[_Part]:
        """Return values paired with the number of their window."""
        return [_Part(value, int(number)) for value, number in zip(values, numbers, strict=True)]

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that gives the ids of texts [rows, longest], -1 after the end of each."""
        if self.missing or self.words or raw.dtype[:1] in {"b", "f", "i", "u"}:
            raise NotWrittenError(f"texts of `{name}` with marks, of numbers, or cut into words first")
        code = self.tokenizer.code(name, facts.extra["vocabulary"])
        length, end = facts.shape.dims[0] or 1, f" + [{facts.extra['special']['eos']}]" if self.ends else ""
        whole = f"ids{end}"
        kept = f"({whole})[-{length}:]" if self.overlong == "tail" else f"({whole})[:{length}]"
        lines = (f"texts = [text or '' for text in {raw.code}]", *code.lines)
        expression = f"pad([{kept} for ids in {code.expression}])"
        return code._replace(expression=expression, lines=lines, definitions=(_PAD,))

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return ids [rows, length of the longest], -1 after the end of each text."""
        import numpy as np

        cut = list(self._windows(values, facts))
        table = np.full((len(cut), max(map(len, cut), default=1) or 1), -1, np.int32)
        for row, ids in enumerate(cut):
            table[row, : len(ids)] = ids
        return table

    def token_positions(self, values: Any, facts: FieldFacts) -> list[list[int]]:
        """Return the position of each word's first token in the output of `encode`; -1 for words left out."""
        coder, length = self._coder(facts), facts.shape.dims[0] or 1
        return [
            [place - first if first <= place < first + length else -1 for place in coder.starts(value or ())]
            for value, first in zip(self._texts(values), self._offsets(values, facts), strict=True)
        ]

    def prompt(self) -> Self:
        """Return the field without the end token; a long text keeps its end."""
        return self.model_copy(update={"ends": False, "overlong": "tail"})

    def decode(self, values: Array, facts: FieldFacts) -> list[str]:
        """Return the texts of ids [rows, length]."""
        coder = self._coder(facts)
        return [coder.decode(row) for row in values.tolist()]

    def _windows(self, values: Any, facts: FieldFacts) -> Iterator[list[int]]:
        """Yield the token ids that are kept of each value."""
        length = facts.shape.dims[0] or 1
        mark = [facts.extra["special"]["eos"]] if self.ends else []
        for ids, first in zip(self._encode_texts(values, facts), self._offsets(values, facts), strict=True):
            yield (ids + mark)[first : first + length]

    def _offsets(self, values: Any, facts: FieldFacts) -> list[int]:
        """Return the position in its text of the first kept token of each value."""
        length = facts.shape.dims[0] or 1
        if self.overlong == "windows":
            return [value.number * length if isinstance(value, _Part) else 0 for value in values]
        if self.overlong == "tail":
            more = bool(self.ends) - length
            return [max(0, len(ids) + more) for ids in self._encode_texts(values, facts)]
        return [0] * len(values)

    def _encode_texts(self, values: Any, facts: FieldFacts) -> list[list[int]]:
        """Return the ids of each text; equal texts are tokenized once."""
        texts = self._texts(values)
        keys = [text if isinstance(text, str) else tuple(text or ()) for text in texts]
        distinct = list(dict.fromkeys(keys))
        known = dict(zip(distinct, self._coder(facts).encode(distinct), strict=True))
        return [known[key] for key in keys]

    def _coder(self, facts: FieldFacts) -> Coder:
        return self.tokenizer.open(facts.extra["vocabulary"])

    def _texts(self, values: Any) -> list[Value]:
        """Return raw values as texts or lists of words, None if missing."""
        marks = Marks(self.missing)
        bare = (value.value if isinstance(value, _Part) else value for value in to_list(values))
        texts = [_text(value, row) for row, value in enumerate(bare)]
        if marks.stated:
            texts = [None if isinstance(text, str) and text in marks else text for text in texts]
        return [text.split() if isinstance(text, str) else text for text in texts] if self.words else texts


def _truncate(ids: Sequence[int], limit: int, overlong: str | None) -> Sequence[int]:
    """Return the tokens of a text that its samples contain."""
    if overlong == "windows":
        return ids
    return ids[-limit:] if overlong == "tail" else ids[:limit]


def _text(value: Any, row: int) -> Value:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise ProblemError(no_text(value, row)) from None
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return value
    kind = "numbers" if isinstance(value, int | float) else f"a {type(value).__name__}"
    raise ProblemError(
        Problem(
            "DAT363",
            f"the column contains {kind}, not text",
            label="read as text",
            notes=(f"it contains `{str(value)[:40]}`",),
            helps=("use `type: number` for numbers, `type: category` for classes",),
            row=row,
        )
    )


def _no_text(title: str) -> Problem:
    return Problem("DAT302", title, label="nothing to learn from", helps=("check the column and the split",))
