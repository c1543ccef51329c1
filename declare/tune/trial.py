"""One trial: the spec at one point of the space, trained in a run folder of its own."""

from __future__ import annotations

import math
import time

from declare.contract.problem import ProblemError
from declare.runtime.folder import Run
from declare.runtime.run import STOPPED, train
from declare.tune.pruning import Ask, Pruning
from declare.tune.search import Search, Trial
from declare.tune.space import Values


def run_trial(search: Search, number: int, values: Values, metric: str, ask: Ask) -> Trial:
    """Train one point, from where an earlier process left it; never raises for what a point does wrong."""
    began = time.monotonic()
    pruning = Pruning(metric, ask)

    def ended(state: str, value: float | None = None, reason: str = "") -> Trial:
        return Trial(number, values, state, value, round(time.monotonic() - began, 3), reason)  # type: ignore[arg-type]

    checked = search.check(values)
    errors = [found.title for found in checked.diagnostics if found.severity == "error"]
    if checked.plan is None or errors:
        return ended("failed", reason=errors[0] if errors else "the spec has errors")
    place = search.place(number)
    first, *others = checked.document.sources
    sources = {item.name: item.text for item in others}
    try:
        outcome = train(
            # The search itself is no part of a trial: more trials later must not look like another plan.
            checked.plan.model_copy(update={"tune": None}),
            first.text,
            place,
            resume=_begun(place),
            listeners=[pruning],
            sources=sources,
        )
    except ProblemError as error:
        return ended("failed", reason=error.problem.title)
    if pruning.pruned:
        return ended("pruned", reason="worse than the others at the same step")
    if outcome.status == STOPPED:
        return ended("stopped")
    value = outcome.metrics.get(metric)
    if value is None or math.isnan(value):
        reason = outcome.problems[0].title if outcome.problems else f"no value of {metric}"
        return ended("failed", reason=reason)
    return ended("complete", value)


def _begun(place: object) -> bool:
    try:
        return Run(str(place)).status != "running"
    except ProblemError:
        return False
