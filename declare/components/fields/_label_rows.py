"""Labels as rows of 0 and 1, and label texts with another separator than expected."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from declare.components.fields._values import Marks, number_of, text_in, text_of
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

_UNKNOWN = {-1, -9, -99, -999, -9999}
"""Numbers that mark unknown values among flags and are never the id of a label."""
_UNKNOWN_OR_ID = {9, 99, 999, 9999}
"""Numbers that may mark unknown values, or be the id of a label."""
_EXACT = 2.0**53
"""Above this, floats no longer represent every integer."""
_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]*)?)"""
_LIST = re.compile(rf"\s*\[\s*(?:{_ITEM}(?:\s*,\s*{_ITEM})*)?\s*\]\s*", re.DOTALL)


def flags(
    rows: Sequence[Any], marks: Marks, stated: Sequence[str] | None, width: int = 0
) -> tuple[Array, set[str]] | None:
    """Return lists as numbers [rows, classes] and the texts that were gaps; None if the lists hold names.

    Lists are flags if all have equal length (`width`, if given) and their known values are 0 or 1. One
    further number may occur if it is used elsewhere to mark unknown values.
    """
    import numpy as np

    lists = [row for row in rows if isinstance(row, list | tuple)]
    width = width or (len(lists[0]) if lists else 0)
    if not width or any(len(row) != width for row in lists):
        return None
    filled, used = [], set[str]()
    for place, row in enumerate(rows):
        if not isinstance(row, list | tuple) and text_in(row, place) not in marks:
            return None
        numbers = [_number(item, marks, used) for item in (row if isinstance(row, list | tuple) else [row])]
        if None in numbers:
            return None
        filled.append(numbers if isinstance(row, list | tuple) else numbers * width)
    table = np.array(filled, np.float64)
    known = np.unique(table[~np.isnan(table)]).tolist()
    known = [number for number in known if text_of(number) not in marks]
    if stated is None and not all(number.is_integer() for number in known):
        raise ProblemError(_shares(next(number for number in known if not number.is_integer())))
    if not _are_flags(known, table, stated):
        return None
    return table, used


def _shares(number: float) -> Problem:
    return Problem(
        "DAT301",
        f"lists of labels hold {number:g}, which is neither 0 nor 1 nor a name",
        label="these labels",
        helps=("write 1 for each label that applies and 0 for others, or names as texts",),
    )


def _number(item: Any, marks: Marks, used: set[str]) -> float | None:
    """Return a value as a number, NaN for a gap or a missing-value mark (added to `used`), None for a name."""
    if isinstance(item, str) and item:
        if item not in marks:
            return None
        used.add(item.strip())
        return math.nan
    text = None if isinstance(item, bytes) else text_of(item)
    if text is None:
        return None if isinstance(item, bytes) and item else math.nan
    number = float(text == "true") if text in {"true", "false"} else number_of(text)
    return None if number is not None and abs(number) > _EXACT else number


def _are_flags(known: list[float], table: Array, stated: Sequence[str] | None) -> bool:
    others = set(known) - {0, 1}
    names = {f"{number:g}" for number in known}
    if stated is not None and names and names <= set(stated) and (others or len(stated) != table.shape[1]):
        return False
    if not others:
        return True
    if len(others) == len(known):
        return False
    # The ids of a sample's labels are distinct: what recurs in a row are flags.
    repeats = any((table == flag).sum(1).max() > 1 for flag in (0, 1))
    return others <= _UNKNOWN | (_UNKNOWN_OR_ID if repeats else set())


def another_separator(
    texts: Sequence[str | None], separator: str, is_stated: bool, codes: Array
) -> Iterable[Problem]:
    """Yield a problem if the texts are written lists, or if `separator` does not separate their names."""
    known = [text for text in texts if text is not None]
    if known and all(map(_LIST.fullmatch, known)):
        text = max(known, key=lambda text: text.count(","))
        yield Problem(
            "DAT385",
            f"`{text[:24]}` is a list written as text; it would become one name",
            label="names with a separator are expected",
            helps=(f'write `a{separator}b`, or store the lists in JSON Lines: `["a", "b"]`',),
            row=int((codes == texts.index(text)).argmax()),
        )
        return
    if is_stated or any(separator in text for text in known):
        return
    used = [other for other in ",;" if any(other in text for text in known)]
    if len(used) == 1 and _parts_recur(known, used[0]):
        text = next(text for text in known if used[0] in text)
        yield Problem(
            "DAT385",
            f"no text contains `{separator}`; names seem to be separated by `{used[0]}`",
            label="each text would become one name",
            notes=("parts between `{used[0]}` occur alone or in other texts",),
            helps=(f'set `separator: "{used[0]}"`, or state `separator: "{separator}"` if these are names',),
            row=int((codes == texts.index(text)).argmax()),
        )


def _parts_recur(texts: Sequence[str], separator: str) -> bool:
    """Return whether most of the names split by `separator` also occur in another text."""
    split = [{part.strip() for part in text.split(separator) if part.strip()} for text in texts]
    counts = Counter(part for parts in split for part in parts)
    inner = {part for parts in split if len(parts) > 1 for part in parts}
    return 2 * sum(counts[part] > 1 for part in inner) > len(inner)
