"""Libraries that only some components need: an optional extra of the package."""

from importlib.util import find_spec

from declare.contract.problem import Problem, ProblemError


def is_installed(library: str) -> bool:
    """Whether a library is there; it is not imported."""
    try:
        return find_spec(library) is not None
    except ValueError:  # imported already, in a way that left no trace of where it came from
        return True


def not_installed(library: str, extra: str, at: str = "") -> Problem | None:
    """Return the problem (RES852) that a library is not installed; the library is not imported."""
    if is_installed(library):
        return None
    return Problem(
        "RES852",
        f"the library `{library}` is not installed",
        at=at,
        label=f"needs `{library}`",
        helps=(f'install it: pip install "declare-trainer[{extra}]"',),
    )


def require(library: str, extra: str, at: str = "") -> None:
    """Raise `ProblemError` RES852 if a library is not installed."""
    problem = not_installed(library, extra, at)
    if problem is not None:
        raise ProblemError(problem)


def tracker_missing(name: str, at: str = "tracking") -> Problem:
    """Return the problem (RES850) that the package of a tracker is not installed."""
    return Problem(
        "RES850",
        f"tracker `{name}` needs the package `{name}`, which is not installed",
        at=at,
        label=f"`{name}` is missing",
        helps=(f"install it with `pip install 'declare-trainer[{name}]'`, or track with `tensorboard`",),
    )


def search_libraries(engine: str, sampler: str) -> dict[str, str]:
    """Return the libraries that a search needs, each with its extra."""
    chosen = {"optuna": "tune"} if engine == "optuna" or sampler == "tpe" else {}
    return ({} if engine == "optuna" else {engine: engine}) | chosen
