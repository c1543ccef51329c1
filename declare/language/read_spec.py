"""Checking a document against the spec's models."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from declare.contract.problem import Problem
from declare.language.document import Document, Node, plain
from declare.language.spec import Spec
from declare.parsing.parser import Parts, read_parts
from declare.parsing.poison import POISON


def check(document: Document, trust: Collection[str] = ()) -> Parts:
    """Return the spec with POISON where reading failed, every problem, and what else was read.

    If a part of the text could not be read, a missing section means nothing and is skipped.
    """
    if document.root is None:
        return Parts(POISON, [], {}, frozenset())

    def base(path: str) -> Path:
        return document.nearest(path)[0].base

    spec_parts = read_parts(Spec, document.plain("", POISON), base, trust)
    problems = spec_parts.problems
    if not document.complete:
        problems = [item for item in problems if item.at or item.code != "SCH103"]
    unknown = [path for path, node in document.walk() if node.poison and node.entries]
    if unknown:
        known = read_parts(Spec, plain(_as_known(document.root), POISON), base, trust).problems
        problems = [*problems, *(item for item in known if _is_of(item, unknown))]
    return spec_parts._replace(problems=[_with_version_help(item) for item in problems])


def _as_known(node: Node) -> Node:
    """Return a tree in which maps are read that are known in part."""
    if node.items:
        return node.with_value([_as_known(item) for item in node.items])
    if not node.entries:
        return node
    entries = {key: _as_known(child) for key, child in node.entries.items()}
    return replace(node, value=entries, poison=False)


def _is_of(problem: Problem, unknown: Sequence[str]) -> bool:
    """Return whether a problem is one of a partly known map: missing keys may be elsewhere."""
    inside = any(problem.at == path or problem.at.startswith(f"{path}.") for path in unknown)
    return inside and problem.code not in {"SCH103", "SCH109"}


def _with_version_help(problem: Problem) -> Problem:
    """Explain a wrong language version."""
    if problem.at != "declare" or problem.code == "SCH103":
        return problem
    return replace(
        problem, notes=(*problem.notes, "`declare` is the version of the language; the only one is 1")
    )
