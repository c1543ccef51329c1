"""A class for each word of a text."""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._names import factorise_lists
from declare.components.fields._values import (
    Marks,
    index_of,
    text_in,
    text_of,
    to_list,
    twice,
)
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape


class Tags(Field):
    """A list of classes, one for each word of the text field `of`.

    The text is a list of words, or is split at white space. Encoded as int64 [rows, length]: the class index
    at the first token of each word, -1 at its other tokens, after the end of the text, and where the class is
    missing. Tags are truncated or windowed with their words (`overlong` of the text): a sample has the tags
    of the words that it contains. Classes that no sample contains are left out unless `classes` states them.

    Example:
        ```yaml
        fields:
          words: {type: text, tokenizer: {type: wordpiece, vocab_size: 4000}}
          entity: {type: tags, of: words}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("token_labels",)

    layout: ClassVar[Layout] = "tags"

    of: str = Param(description="the text field whose words have these classes")
    classes: list[str | int | bool] | None = Param(
        None, min_length=1, description="names of the classes, in order; checked against the data"
    )

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the class names; raises `ProblemError` DAT363 if a value is not a list."""
        rows = to_list(values)
        for row, value in enumerate(rows):
            if not isinstance(value, list | tuple | type(None)):
                raise ProblemError(_no_list(value, row))
        factors, _ = factorise_lists(rows, self.missing)
        names = [str(text_of(name)) for name in self.classes] if self.classes else factors.present()
        unused, total = factors.unused, len(factors.codes) - factors.num_missing()
        return FieldFacts(
            shape=Shape("tags", (None,), "int64", len(names)),
            classes=tuple(names),
            num_missing=sum(not value for value in rows),
            extra={"tags": {"total": total}} | ({"unused_marks": unused} if unused else {}),
        )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for a class or a column stated twice."""
        yield from super().check()
        yield from twice(self.classes or (), "classes")

    def complete(self, column: Array, facts: FieldFacts) -> tuple[Array, FieldFacts]:
        """Return the column with the classes that occur, and the facts, with the number of truncated tags."""
        import numpy as np

        names = facts.classes or ()
        kept = np.bincount(column[column >= 0], minlength=len(names))
        lost = [name for name, count in zip(names, kept, strict=True) if not count]
        tags = facts.extra["tags"] | {"kept": int(kept.sum()), "lost_classes": lost}
        facts = facts.model_copy(update={"extra": facts.extra | {"tags": tags}})
        if self.classes or not lost:
            return column, facts
        present = tuple(name for name in names if name not in lost)
        places = np.append(np.cumsum(kept > 0) - 1, -1)
        shape = facts.shape._replace(classes=len(present))
        return places[column], facts.model_copy(update={"shape": shape, "classes": present})

    def aligned_with(self) -> str:
        """Return the text field."""
        return self.of

    def encode_at(self, values: Any, facts: FieldFacts, places: list[list[int]]) -> Array:
        """Return class indices [rows, length]; raises `ProblemError` DAT365 if a text has more or fewer words."""
        import numpy as np

        index, marks = index_of(facts.classes or ()), Marks(self.missing)
        indices = np.full(
            (len(places), 1 + max((max(row, default=0) for row in places), default=0)), -1, np.int64
        )
        for row, (value, spots) in enumerate(zip(to_list(values), places, strict=True)):
            if value and len(value) != len(spots):
                raise ProblemError(_uneven(len(value), len(spots), self.of, row))
            for item, spot in zip(value or (), spots, strict=False):
                text = text_in(item, row)
                if spot >= 0 and text is not None and text not in marks:
                    indices[row, spot] = self._index(text, index, row)
        return indices

    def _index(self, name: str, index: dict[str, int], row: int) -> int:
        if name not in index:
            title = f"label `{name[:40]}` is not one of the {len(index)} classes"
            helps = ("add it to `classes`, or list it under `missing`",)
            raise ProblemError(Problem("DAT301", title, label="these classes", helps=helps, row=row))
        return index[name]


def _no_list(value: Any, row: int) -> Problem:
    return Problem(
        "DAT363",
        f"a sample contains `{str(value)[:24]}`, but a list of classes is needed",
        label="one class for each word",
        helps=("write a list such as `[O, PLACE, O]`, or use `type: category` for one class",),
        row=row,
    )


def _uneven(tags: int, words: int, of: str, row: int) -> Problem:
    return Problem(
        "DAT365",
        f"a sample has {tags} tags for the {words} words of `{of}`",
        label="one tag for each word",
        helps=("correct the sample; `null` marks a word without a class",),
        row=row,
    )
