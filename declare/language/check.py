"""Checking a document against the spec's models."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from declare.contract.poison import POISON
from declare.contract.problem import Problem
from declare.contract.reading import Parts, read_parts
from declare.language.document import Document
from declare.language.spec import Spec


def check(document: Document, trust: Collection[str] = ()) -> Parts:
    """Return the spec with POISON where reading failed, every problem, and what else was read.

    Where a part of the text could not be read, a missing section means nothing and is passed over.
    """
    if document.root is None:
        return Parts(POISON, [], {}, frozenset())

    def base(path: str) -> Path:
        return document.nearest(path)[0].base

    found = read_parts(Spec, document.plain("", POISON), base, trust)
    problems = found.problems
    if not document.complete:
        problems = [item for item in problems if item.at or item.code != "SCH103"]
    return found._replace(problems=[_versioned(item) for item in problems])


def _versioned(problem: Problem) -> Problem:
    """Say of a wrong language version what it means."""
    if problem.at != "declare" or problem.code == "SCH103":
        return problem
    return replace(
        problem, notes=(*problem.notes, "`declare` is the version of the language; there is one, 1")
    )
