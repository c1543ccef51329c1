"""One trial: the spec at one point of the space, trained in its own run folder."""

import math
import time
from pathlib import Path

from declare.contract.problem import ProblemError
from declare.runtime.distributed.exit_codes import DONE, MISSED, STOPPED
from declare.runtime.errors import first_line
from declare.runtime.run import train
from declare.runtime.run_folder.lock import is_locked
from declare.tune.pruning import Ask, Pruning
from declare.tune.search import Search, State, Trial
from declare.tune.space import Values

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.25


def run_trial(search: Search, number: int, values: Values, metric: str, ask: Ask) -> Trial:
    """Train one point, from where an earlier process left it; never raises.

    What the training itself comes to is `failed`; a trial that could not be run is `broken`.
    """
    began = time.monotonic()
    try:
        state, value, reason = _run(search, number, values, Pruning(metric, ask))
    except ProblemError as error:
        state, value, reason = "broken", None, error.problem.title
    except Exception as error:  # noqa: BLE001 - one trial must not end a search
        state, value, reason = "broken", None, f"{type(error).__name__}: {first_line(error)}"
    return Trial(number, values, state, value, round(time.monotonic() - began, 3), reason)


def _run(search: Search, number: int, values: Values, pruning: Pruning) -> tuple[State, float | None, str]:
    """Return what became of a trial: its state, its value, and the reason of the state."""
    checked = search.check(values)
    errors = [diagnostic.title for diagnostic in checked.diagnostics if diagnostic.severity == "error"]
    if checked.plan is None or errors:
        return "failed", None, errors[0] if errors else "the spec has errors"
    place = search.place(number)
    _wait_for(place)
    first, *others = checked.document.sources
    outcome = train(
        # The search itself is not a part of a trial: more trials later must not look like another plan.
        checked.plan.model_copy(update={"tune": None}),
        first.text,
        place,
        resume=place.exists() and any(place.iterdir()),
        listeners=[pruning],
        sources={item.name: item.text for item in others},
    )
    if pruning.pruned:
        return "pruned", None, "worse than the others at the same step"
    if outcome.status == STOPPED:
        return "stopped", None, ""
    value = outcome.metrics.get(pruning.metric)
    if value is None or not math.isfinite(value):
        ended = outcome.status in {DONE, MISSED}
        undefined = (
            f"`{pruning.metric}` {'is not a finite number' if value is not None else 'was not computed'}"
        )
        reason = undefined if ended or not outcome.problems else outcome.problems[0].title
        return "failed", None, reason
    return "complete", value, ""


def _wait_for(place: Path) -> None:
    """Wait for a process of a search that was killed: it stops after its step, and saves."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while is_locked(place) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
