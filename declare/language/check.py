"""Checking a document against the spec's models."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from declare.contract.component import Component
from declare.contract.poison import POISON, Poison
from declare.contract.problem import Problem
from declare.contract.reading import read_parts
from declare.language.document import Document
from declare.language.spec import Spec


def check(
    document: Document, trust: Collection[str] = ()
) -> tuple[Spec | Poison, list[Problem], dict[str, Component]]:
    """Return the spec with POISON where reading failed, every problem, and components of unknown types by path.

    Where a part of the text could not be read, a missing section means nothing and is passed over.
    """
    if document.root is None:
        return POISON, [], {}

    def base(path: str) -> Path:
        return document.nearest(path)[0].base

    spec, problems, untyped = read_parts(Spec, document.plain("", POISON), base, trust)
    if not document.complete:
        problems = [item for item in problems if item.at or item.code != "SCH103"]
    return spec, [_versioned(item) for item in problems], untyped


def _versioned(problem: Problem) -> Problem:
    """Say of a wrong language version what it means."""
    if problem.at != "declare" or problem.code == "SCH103":
        return problem
    return replace(
        problem, notes=(*problem.notes, "`declare` is the version of the language; there is one, 1")
    )
