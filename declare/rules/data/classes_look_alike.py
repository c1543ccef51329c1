"""Classes that look the same are usually one class, written in two ways."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "DAT379"
STAGE = "facts"

_SHOWN = 4
_POINT_ZERO = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
_LATIN = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0455\u0458\u03bf\u03bd\u03c1\u03b1"
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2018\u2019\u02bc\u2032\u201c\u201d\u201e",
    "abekmhopctyxisjovpa" + "-" * 7 + "'" * 4 + '"' * 3,
)
"""Cyrillic and Greek letters that are drawn as Latin ones are, dashes and quotation marks -> ASCII."""


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field with classes or names that look alike."""
    for dataset, name, facts in fields(view):
        marks = get(view.spec, "datasets", dataset, "fields", name, "missing") or ()
        groups = _groups_alike(facts.classes or (), [mark for mark in marks if isinstance(mark, str)])
        if not groups:
            continue
        more = f" (and {len(groups) - 1} more)" if len(groups) > 1 else ""
        first = " and ".join(_visible_text(text)[:20] for text in groups[0][:2])
        title = f"classes {first} look alike{more}" if len(groups[0]) > 1 else f"class {first} is blank{more}"
        yield Problem(
            CODE,
            title,
            at=field_place(view, dataset, name),
            label="are these different classes?",
            notes=tuple(", ".join(_with_count(text, facts) for text in group) for group in groups[:_SHOWN]),
            helps=("if they are one class, write it in one way in the data",),
        )


def _groups_alike(classes: Sequence[str], marks: Sequence[str] = ()) -> list[list[str]]:
    """Return groups of classes, and missing-value marks, that differ only in ways that are hard to see.

    A blank class is a separate group.
    """
    groups: dict[str, list[str]] = {}
    for text in classes:
        groups.setdefault(_likeness(text), []).append(text)
    for text in marks:
        if _likeness(text) in groups and text.strip():
            groups[_likeness(text)].append(text)
    # The letters a and A are often meant to be two.
    return [group for key, group in groups.items() if (len(group) > 1 and not _are_letters(group)) or not key]


def _likeness(text: str) -> str:
    """Return a class without case, Unicode forms, foreign letters and dashes, invisible characters, spaces, `.0`."""
    form = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    form = unicodedata.normalize("NFKC", " ".join(form.split()).casefold().translate(_LATIN))
    number = _POINT_ZERO.fullmatch(form)
    return number[1] if number else form


def _are_letters(group: Sequence[str]) -> bool:
    return all(len(text) == 1 and text.isascii() for text in group)


def _visible_text(text: str) -> str:
    """Return a class with its invisible characters made visible."""
    plain = text.isascii() and text.isprintable() and text == text.strip() and "  " not in text
    return f"`{text}`" if plain else ascii(text)


def _with_count(text: str, facts: FieldFacts) -> str:
    if text not in (facts.classes or ()):
        return f"{_visible_text(text)} (missing)"
    index = (facts.classes or ()).index(text)
    counts = [row[index] for row in facts.counts.values() if index < len(row)]
    return (
        f"{_visible_text(text)} ({sum(counts)} sample{'s' * (sum(counts) != 1)})"
        if counts
        else _visible_text(text)
    )
