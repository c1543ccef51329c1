"""Facts: what the data of every dataset says, read without loading it whole and kept by fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from declare.compiler.graph.readable_data import Readable, facts_of, readable, readable_problems, without
from declare.compiler.names.fields import all_fields, clashes, field_references, stated_fields
from declare.compiler.names.inputs import cycles, input_references
from declare.compiler.state import State
from declare.contract import strict_json
from declare.contract.kinds.field import Uses
from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem, ProblemError
from declare.ir.facts import DatasetFacts
from declare.reading.poison import POISON, contains_poison
from declare.rules.queries.pairings import pairing_of
from declare.rules.spec_parts import (
    LocatedBlock,
    blocks_of,
    get,
    phase_datasets,
    phases,
    task_datasets,
    tasks,
)

_MISREAD = frozenset({"DAT322"})
"""Codes of findings with which the shapes of a dataset mean nothing: what follows from them is not said too."""


def run(state: State) -> Iterator[Problem]:
    """Read the facts; yield what is wrong with the data, and fields that it does not have."""
    for name in state.spec.datasets if state.spec.datasets is not POISON else ():
        if state.spec.datasets[name] is POISON:
            state.skip(f"datasets.{name}")
    for dataset in blocks_of(state.spec, "datasets"):
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


def _gather(state: State, dataset: LocatedBlock[Any], known: Readable) -> Iterator[Problem]:
    """Fill in the facts of a dataset; those of other fields where the data contradict some."""
    from declare.data.facts.facts import compare, gather

    seed = 0 if state.spec.seed is POISON else state.spec.seed
    uses = _uses(state, dataset.name)
    try:
        facts = gather(dataset.name, known.block, seed, uses)
    except ProblemError as error:
        state.skip(dataset.path)
        placed = [problem if problem.at else _at_source(problem) for problem in error.problems]
        yield from (problem.under(dataset.path) for problem in readable_problems(known, placed))
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
    if known.sized:
        yield from _sampler_problems(state, dataset.name, facts)
    sizes = ", ".join(f"{count} {split}" for split, count in facts.splits.items())
    state.note(f"`{dataset.name}`: {facts.num_samples} samples ({sizes}), {len(facts.fields)} fields")


def _uses(state: State, dataset: str) -> Uses:
    """Return what the readable tasks of a dataset do with its fields."""
    found = [task for task in tasks(state.view) if dataset in task_datasets(state.view, task.block)]
    written = {get(task.block, "target") for task in found if task.block.generates} - {None}
    return Uses(
        generated=tuple(sorted(written)),
        streams=bool(found) and all(task.block.streams for task in found),
        samplers=tuple(
            dict.fromkeys(_block(item) for _, item in _samplers(state, dataset) if item.columns())
        ),
        pairings=tuple(dict.fromkeys(filter(None, (pairing_of(state.view, task) for task in found)))),
    )


def _samplers(state: State, dataset: str) -> Iterator[tuple[str, Sampler]]:
    """Yield the samplers that draw from a dataset, each with the path of its phase."""
    for phase in phases(state.view):
        sampler = get(phase.block, "sampler")
        if (
            isinstance(sampler, Sampler)
            and not contains_poison(sampler)
            and dataset in phase_datasets(state.view, phase.block)
        ):
            yield phase.path, sampler


def _block(sampler: Sampler) -> str:
    return strict_json.dumps(sampler.dump(), sort_keys=True)


def _sampler_problems(state: State, dataset: str, facts: DatasetFacts) -> Iterator[Problem]:
    """Yield each sampler that has no order of the training split."""
    for path, sampler in _samplers(state, dataset):
        stated = facts.refused_orders.get(_block(sampler))
        if stated is not None:
            lists = {key: tuple(stated[key]) for key in ("notes", "helps")}
            problem = Problem(**stated | lists | {"rewrites": (), "also": {}})
            note = f"the training samples of dataset `{dataset}`"
            yield replace(problem, notes=(*problem.notes, note)).under(path)


def _at_source(problem: Problem) -> Problem:
    return replace(problem, at="source")
