"""The bounds that a spec expects of a run's final metrics."""

import math
import operator
import re
from collections.abc import Callable, Mapping

from declare.contract.problem import Problem
from declare.runtime.run_folder.durable_io import brief

_FORM = re.compile(r"\s*(>=|<=|>|<|==)\s*(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


def missed_bounds(expect: Mapping[str, str], metrics: Mapping[str, float]) -> list[Problem]:
    """Return a finding (PHS630) for each bound that the metrics miss; an absent metric misses."""
    return [
        Problem(
            "PHS630",
            f"`{brief(name)}` is {_value_text(metrics.get(name))}, expected {bound.strip()}",
            at=f"expect.{name}",
            helps=("train longer or look at the curves with `dcl report`", "or change the bound"),
        )
        for name, bound in expect.items()
        if not holds(bound, metrics.get(name, math.nan))
    ]


def holds(bound: str, value: float) -> bool:
    """Whether `value` is inside `bound` (`>= 0.9`); a value that is not a number never is."""
    match = _FORM.fullmatch(bound)
    assert match is not None, f"the compiler let the bound {bound!r} through"
    return _OPERATORS[match[1]](value, float(match[2]))


def _value_text(value: float | None) -> str:
    return "not measured" if value is None else "not defined" if math.isnan(value) else f"{value:.6g}"
