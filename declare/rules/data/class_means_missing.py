"""A class that is called as programs call a missing value usually is one."""

import re
from collections.abc import Iterator, Sequence

from declare.contract import strict_json
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_layout, field_place, fields, target_fields
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "DAT400"
STAGE = "facts"

_MARKS = frozenset({"na", "n/a", "n.a.", "nan", "<na>", "nat", "null", "\\n", "#n/a", "#nv", "?", "."})
"""Missing values as R, pandas, SQL dumps, Excel, Weka, SAS and Stata write them, in lower case."""
_NUMBERS = frozenset({"-9", "-99", "-100", "-999", "-9999"})
_INDEX = re.compile(r"[0-9]+")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target, and each field of names, with a class that may stand for "missing"."""
    for dataset, name, facts in fields(view):
        stated = get(view.spec, "datasets", dataset, "fields", name, "classes")
        named = field_layout(view, dataset, name) == ("id", "id")
        if isinstance(stated, list | dict) or not (named or name in target_fields(view, dataset)):
            continue
        marks = _marks(facts.classes or ()) if facts.shape.layout != "mask" else []
        if not marks:
            continue
        written = ", ".join(mark if _is_number(mark) else strict_json.dumps(mark) for mark in marks)
        yield Problem(
            CODE,
            f'class `{marks[0]}` may mean "missing"',
            at=field_place(view, dataset, name),
            label="read as a name like any other",
            notes=tuple(_with_count(mark, facts) for mark in marks),
            helps=(
                f'if it means "missing", state `missing: [{written}]` on the field',
                "if it is a class, state `classes`" if not named else "if it is a name, nothing is wrong",
            ),
        )


def _marks(classes: Sequence[str]) -> list[str]:
    """Return the classes that are usual marks of missing values; of numbers, those below an index of classes."""
    marks = [text for text in classes if text.strip().lower() in _MARKS]
    rest = [text for text in classes if not _is_number(text) and text not in marks]
    indices = [int(text) for text in classes if _INDEX.fullmatch(text)]
    below = [text for text in classes if _is_number(text) and not _INDEX.fullmatch(text)]
    # -1, 0, 1 may be three classes.
    if (
        len(below) == 1
        and not rest
        and (below[0] in _NUMBERS or (below[0] == "-1" and max(indices, default=0) > 1))
    ):
        marks += below
    return marks


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+", text) is not None


def _with_count(text: str, facts: FieldFacts) -> str:
    index = (facts.classes or ()).index(text)
    count = sum(row[index] for row in facts.counts.values() if index < len(row))
    return f"{count} sample{'s' * (count != 1)} of class `{text}`"
