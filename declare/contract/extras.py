"""Libraries that only some components need: an optional extra of the package."""

from __future__ import annotations

from importlib.util import find_spec

from declare.contract.problem import Problem, ProblemError


def missing(library: str, extra: str, at: str = "") -> Problem | None:
    """Return the problem (RES852) that a library is not installed; the library is not imported."""
    if find_spec(library) is not None:
        return None
    return Problem(
        "RES852",
        f"the library `{library}` is not installed",
        at=at,
        label=f"needs `{library}`",
        helps=(f'install it: pip install "declare-trainer[{extra}]"',),
    )


def require(library: str, extra: str, at: str = "") -> None:
    """Raise `ProblemError` RES852 where a library is not installed."""
    problem = missing(library, extra, at)
    if problem is not None:
        raise ProblemError(problem)
