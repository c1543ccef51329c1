"""Facts: what the data of every dataset says, read without loading it whole and kept by fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from declare.compiler.fields import all_fields, clashes, field_references, stated_fields
from declare.compiler.inputs import cycles, input_references
from declare.compiler.readable_data import Readable, facts_of, readable, said, without
from declare.compiler.state import State
from declare.contract.field import Uses
from declare.contract.poison import POISON
from declare.contract.problem import Problem, ProblemError
from declare.rules.parts import Placed, given, named, task_datasets, tasks

_MISREAD = frozenset({"DAT322"})
"""Codes of findings with which the shapes of a dataset mean nothing: what follows from them is not said too."""


def run(state: State) -> Iterator[Problem]:
    """Read the facts; yield what is wrong with the data, and fields that it does not have."""
    for name in state.spec.datasets if state.spec.datasets is not POISON else ():
        if state.spec.datasets[name] is POISON:
            state.skip(f"datasets.{name}")
    for dataset in named(state.spec, "datasets"):
        part = readable(state, dataset)
        if part is None or not part.whole:
            state.skip(dataset.path)
        if part is not None:
            yield from _gather(state, dataset, part)
    stated = stated_fields(state)
    known = {name: found for name, found in all_fields(state).items() if name not in stated}
    yield from field_references(state, known)
    yield from clashes(state, known)
    yield from input_references(state, all_fields(state))
    yield from cycles(state, all_fields(state))


def _gather(state: State, dataset: Placed[Any], known: Readable) -> Iterator[Problem]:
    """Fill in the facts of a dataset; those of other fields where the data contradict some."""
    from declare.data.facts import compare, gather

    seed = 0 if state.spec.seed is POISON else state.spec.seed
    uses = _uses(state, dataset.name)
    try:
        facts = gather(dataset.name, known.block, seed, uses)
    except ProblemError as error:
        state.skip(dataset.path)
        placed = [problem if problem.at else _at_source(problem) for problem in error.problems]
        yield from (problem.under(dataset.path) for problem in said(known, placed))
        left = without(known, placed)
        if left is not None:
            yield from _gather(state, dataset, left)
        return
    found = [problem.under(dataset.path) for problem in compare(known.block, facts)]
    yield from found
    if any(problem.code in _MISREAD for problem in found):
        state.skip(dataset.path)
        return
    if uses.streams and not known.whole:
        known = known._replace(sized=False)
    if not known.whole:
        state.partial.add(dataset.name)
    state.facts[dataset.name] = facts_of(known, facts)
    sizes = ", ".join(f"{count} {split}" for split, count in facts.splits.items())
    state.note(f"`{dataset.name}`: {facts.num_samples} samples ({sizes}), {len(facts.fields)} fields")


def _uses(state: State, dataset: str) -> Uses:
    """Return what the readable tasks of a dataset do with its fields."""
    found = [task.block for task in tasks(state.view) if dataset in task_datasets(state.view, task.block)]
    written = {given(task, "target") for task in found if task.generates} - {None}
    return Uses(generated=tuple(sorted(written)), streams=bool(found) and all(task.streams for task in found))


def _at_source(problem: Problem) -> Problem:
    from dataclasses import replace

    return replace(problem, at="source")
