"""An expected bound outside the metric's range is never satisfied, or always."""

import re
from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.metric_names import expectations, reported_metrics
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "PHS612"
STAGE = "names"

_BOUND = re.compile(r"\s*(>=|<=|>|<|==)\s*(\S+)\s*")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each bound that no value of its metric satisfies."""
    known = reported_metrics(view) or {}
    for expected in expectations(view):
        metric = known.get(expected.metric)
        match = _BOUND.fullmatch(str(get(view.spec, "expect", expected.metric) or ""))
        if metric is None or match is None:
            continue
        low, high = metric.bounds
        try:
            bound = float(match[2])
        except ValueError:
            continue
        above = match[1] in {">=", ">", "=="} and high is not None and bound > high
        below = match[1] in {"<=", "<", "=="} and low is not None and bound < low
        if above or below:
            limit = f"at most {high:g}" if above else f"at least {low:g}"
            share = f"write it as a fraction: {bound / 100:g}" if above and high == 1 and bound <= 100 else ""
            yield Problem(
                CODE,
                f"`{expected.metric}` is {limit}, so `{match[0].strip()}` can never be satisfied",
                at=expected.path,
                label=f"the metric is {limit}",
                helps=(share or "state a bound inside the metric's range",),
            )
