"""Ranges of parameters of outside libraries, found by trying values; the generated tables contain them.

A range is `{"works": [low, high], "bounds": {"ge": 0}}`: with any number from `low` to `high` (all else as by
default) the part works on all that it was tried on, and numbers outside of `bounds` work on nothing. `values` are the
texts that work, `lengths` the lengths of a list that do, `items` the range of its numbers. Other values
are tried when a spec asks for them.
"""

import signal
import types
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field as Param

Range = dict[str, Any]
Works = Callable[[Any], Iterable[bool]]
"""Tries a value of a parameter on several samples."""
_NEAR = 1e-6
_LANDMARKS = (0.0, 0.5, 1.0)
_FAR = (-100.0, -1.0, 1e-3, 0.1, 0.9, 2.0, 10.0, 1e3)
_INTS = (-10, -1, 0, 1, 2, 3, 4, 8, 10, 11, 32, 100)
_SECONDS = 2.0
"""Processor time of one try: what takes longer counts as unknown."""
_LENGTHS = range(5)
_NONSENSE = "nothing_of_this_name"


def numbers(kind: str) -> list[float]:
    """Return the numbers to try of a parameter of kind `int` or `float`, in order."""
    if kind == "int":
        return list(_INTS)
    near = {landmark + sign * _NEAR for landmark in _LANDMARKS for sign in (-1, 0, 1)}
    return sorted({*near, *_FAR})


def outcome(work: Callable[[], object], seconds: float = _SECONDS) -> list[bool]:
    """Return whether some work succeeds without an exception; both if it takes too long. Main thread only."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        work()
    except TimeoutError:
        return [True, False]
    except Exception:  # noqa: BLE001 - whatever it raises, it does not work
        return [False]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return [True]


def number_range(kind: str, default: float, works: Works) -> Range:
    """Return the range of a number around a default that works; empty if nothing is certain."""
    tried = sorted({*numbers(kind), default})
    results = {number: list(works(number)) for number in tried}
    if not results[default] or not all(results[default]):
        return {}
    middle = tried.index(default)
    low, below = _end(tried[middle::-1], results)
    high, above = _end(tried[middle:], results)
    step = 1 if kind == "int" else 2 * _NEAR
    bounds: dict[str, float] = {}
    if (
        below is not None
        and low - below <= step
        and not _any_works(tried[:middle], below, results, below=True)
    ):
        bounds |= _bound(kind, low, below, lower=True)
    if (
        above is not None
        and above - high <= step
        and not _any_works(tried[middle:], above, results, below=False)
    ):
        bounds |= _bound(kind, high, above, lower=False)
    return {"works": [low, high]} | ({"bounds": bounds} if bounds else {})


def _end(outward: list[float], results: Mapping[float, list[bool]]) -> tuple[float, float | None]:
    """Return the last number that works on all samples, and the next one, if that works on none."""
    for here, beyond in pairwise(outward):
        if not all(results[beyond]):
            return here, None if any(results[beyond]) else beyond
    return outward[-1], None


def _any_works(tried: list[float], limit: float, results: Mapping[float, list[bool]], *, below: bool) -> bool:
    outside = [number for number in tried if (number <= limit if below else number >= limit)]
    return any(any(results[number]) for number in outside)


def _bound(kind: str, inside: float, outside: float, *, lower: bool) -> dict[str, float]:
    """Return a bound between two numbers that are close together: one of them is a landmark, or whole."""
    if kind == "int" or inside in _LANDMARKS:
        return {"ge" if lower else "le": inside}
    return {"gt" if lower else "lt": outside} if outside in _LANDMARKS else {}


def text_values(candidates: Iterable[str], works: Works) -> list[str]:
    """Return the texts that work; none if even nonsense does, since nothing is known then."""
    if any(works(_NONSENSE)):
        return []
    return sorted({text for text in candidates if all(works(text))})


def lengths(example: float, works: Works) -> list[int]:
    """Return the lengths of a list of equal numbers that work on some samples; none if all of them do."""
    able = [length for length in _LENGTHS if any(works([example] * length))]
    return able if 0 < len(able) < len(_LENGTHS) else []


def is_within(value: Any, known: Range | None) -> bool:
    """Return whether a value is known to work with all other defaults."""
    if known is None or isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value in known.get("values", ())
    if not isinstance(value, int | float) or "works" not in known:
        return False
    low, high = known["works"]
    return bool(low <= value <= high)


def with_bounds(kind: Any, known: Range | None) -> Any:
    """Return the type of a parameter (a number, text or list of numbers) with the bounds of its range."""
    known = known or {}
    if kind is str:
        return Literal[tuple(known["values"])] if known.get("values") else str
    if kind in {int, float}:
        whole: dict[str, Any] = {
            side: int(bound) if bound == int(bound) else bound
            for side, bound in known.get("bounds", {}).items()
        }
        return Annotated[kind, Param(**whole)] if whole else kind
    if kind is None or get_origin(kind) is not list:
        return kind
    able = known.get("lengths")
    items: Any = types.GenericAlias(list, (with_bounds(get_args(kind)[0], known.get("items")),))
    return Annotated[items, Param(min_length=able[0], max_length=able[-1])] if able else items


def measure_range(kind: str, default: Any, works: Works, words: Iterable[str] = ()) -> Range:
    """Return the range of a parameter of one kind: `int`, `float`, `str`, or a list of numbers as `[float]`.

    `default` works; `words` are texts that may.
    """
    if kind == "str":
        values = text_values([*words, default], works)
        return {"values": values} if values else {}
    if kind in {"int", "float"}:
        return number_range(kind, default, works)
    able = lengths(default[0], works)
    bounds: Range = {"lengths": able} if able else {}

    def each_position(number: float) -> list[bool]:
        rows = [[*default[:at], number, *default[at + 1 :]] for at in range(len(default))]
        return [result for row in rows for result in works(row)]

    items = number_range(kind.strip("[]"), default[0], each_position)
    return bounds | ({"items": items} if items else {})


def measured_from(kind: str, starts: Iterable[Any], works: Works, words: Iterable[str] = ()) -> Range:
    """Return the range of a parameter around the first of `starts`, or of some plain values, that works."""
    plain: tuple[Any, ...] = (1, 0, 3) if "int" in kind else (0.5, 1.0, 0.0)
    if kind.startswith("["):
        plain = tuple([number] * length for length in (2, 1, 3) for number in plain)
    fitting = [
        value for value in starts if value is not None and isinstance(value, list) == kind.startswith("[")
    ]
    for start in (*fitting, *(() if kind == "str" else plain)):
        if any(works(start)):
            return measure_range(kind, start, works, words)
    return {}
