"""What passes yield on their way from one stage to the next."""

from collections.abc import Generator, Sequence
from typing import NamedTuple, TypeVar

from declare.contract.problem import Problem, ProblemError
from declare.diagnostics.diagnostic import Diagnostic, Span

Result = TypeVar("Result")


class Skip(NamedTuple):
    """The part at `path` is left out, because it has an error already."""

    path: str


class Note(NamedTuple):
    """What a pass found out, for `--trace`."""

    text: str


class Assumption(NamedTuple):
    """The error at `path` keeps nothing from being read, since what is meant is sure.

    `value` is the path of the value in whose place passes see what is meant; None if a key was renamed or moved.
    """

    path: str
    value: str | None


class Retraction(NamedTuple):
    """Diagnostics of a code at these places turned out to be none."""

    code: str
    spans: Sequence[Span | None]


Report = Problem | Diagnostic | Skip | Note | Assumption | Retraction
Reports = Generator[Report, None, Result]
"""Yields reports, returns the result: a pass returns the next stage."""


def catch(reports: Reports[Result], otherwise: Result) -> Reports[Result]:
    """Yield reports; what raises, because nothing behind it can be known, is the last of them."""
    try:
        return (yield from reports)
    except ProblemError as error:
        yield error.problem
        yield Skip(error.problem.at)
        return otherwise
