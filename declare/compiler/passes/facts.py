"""Facts: properties of the data of every dataset, read without loading it whole and cached by fingerprint."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from declare.compiler.graph.readable_data import (
    Readable,
    facts_of,
    readable,
    readable_problems,
    without_wrong_parts,
)
from declare.compiler.names.fields import (
    all_fields,
    clashes,
    field_references,
    scale_references,
    stated_fields,
)
from declare.compiler.names.inputs import cycles, input_references
from declare.compiler.reports import Note, Reports, Skip
from declare.compiler.stages import NamedSpec, ReadSpec
from declare.contract import strict_json
from declare.contract.kinds.field import Uses
from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem, ProblemError
from declare.ir.facts import DatasetFacts
from declare.parsing.poison import POISON, contains_poison
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
"""Codes of findings with which the shapes of a dataset mean nothing: what follows from them is not reported."""


def run(stage: ReadSpec) -> Reports[NamedSpec]:
    """Read the facts; yield what is wrong with the data, and fields that it does not have."""
    for name in stage.spec.datasets if stage.spec.datasets is not POISON else ():
        if stage.spec.datasets[name] is POISON:
            yield Skip(f"datasets.{name}")
    facts, partial = {}, set()
    for dataset in blocks_of(stage.spec, "datasets"):
        part = readable(stage, dataset)
        if part is None or not part.whole:
            yield Skip(dataset.path)
        known = (yield from _gather(stage, dataset, part)) if part is not None else None
        if known is not None:
            facts[dataset.name] = known.facts
            partial |= set() if known.whole else {dataset.name}
    named = NamedSpec(**vars(stage), facts=facts, partial=frozenset(partial))
    yield from _field_references(named)
    return named


def _field_references(stage: NamedSpec) -> Iterator[Problem]:
    """Yield references to fields that are only known from the data."""
    fields, stated = all_fields(stage), stated_fields(stage)
    from_data = {name: names for name, names in fields.items() if name not in stated}
    yield from field_references(stage, from_data)
    yield from scale_references(stage, fields)
    yield from clashes(stage, from_data)
    yield from input_references(stage, fields)
    yield from cycles(stage, fields)


class _KnownFacts(NamedTuple):
    """The facts of a dataset; `whole` if they are those of all of its fields."""

    facts: DatasetFacts
    whole: bool


def _gather(stage: ReadSpec, dataset: LocatedBlock[Any], known: Readable) -> Reports[_KnownFacts | None]:
    """Return the facts of a dataset; those of other fields if the data contradict some."""
    from declare.data.facts.facts import compare, gather

    seed = 0 if stage.spec.seed is POISON else stage.spec.seed
    uses = _uses(stage, dataset.name)
    try:
        facts = gather(dataset.name, known.block, seed, uses)
    except ProblemError as error:
        yield Skip(dataset.path)
        placed = [problem if problem.at else _at_source(problem) for problem in error.problems]
        yield from (problem.with_prefix(dataset.path) for problem in readable_problems(known, placed))
        rest = without_wrong_parts(known, placed)
        return None if rest is None else (yield from _gather(stage, dataset, rest))
    contradictions = [problem.with_prefix(dataset.path) for problem in compare(known.block, facts)]
    yield from contradictions
    if any(problem.code in _MISREAD for problem in contradictions):
        yield Skip(dataset.path)
        return None
    if uses.splits_samples and not known.whole:
        known = known._replace(sized=False)
    if known.sized:
        yield from _sampler_problems(stage, dataset.name, facts)
    sizes = ", ".join(f"{count} {split}" for split, count in facts.splits.items())
    yield Note(f"`{dataset.name}`: {facts.num_samples} samples ({sizes}), {len(facts.fields)} fields")
    return _KnownFacts(facts_of(known, facts), known.whole)


def _uses(stage: ReadSpec, dataset: str) -> Uses:
    """Return what the readable tasks of a dataset do with its fields."""
    learners = [task for task in tasks(stage) if dataset in task_datasets(stage, task.block)]
    written = {get(task.block, "target") for task in learners if task.block.generates} - {None}
    return Uses(
        generated=tuple(sorted(written)),
        splits_samples=bool(learners) and all(task.block.splits_samples for task in learners),
        samplers=tuple(
            dict.fromkeys(_block(item) for _, item in _samplers(stage, dataset) if item.columns())
        ),
        pairings=tuple(dict.fromkeys(filter(None, (pairing_of(stage, task) for task in learners)))),
    )


def _samplers(stage: ReadSpec, dataset: str) -> Iterator[tuple[str, Sampler]]:
    """Yield the samplers that draw from a dataset, each with the path of its phase."""
    for phase in phases(stage):
        sampler = get(phase.block, "sampler")
        if (
            isinstance(sampler, Sampler)
            and not contains_poison(sampler)
            and dataset in phase_datasets(stage, phase.block)
        ):
            yield phase.path, sampler


def _block(sampler: Sampler) -> str:
    return strict_json.dumps(sampler.dump(), sort_keys=True)


def _sampler_problems(stage: ReadSpec, dataset: str, facts: DatasetFacts) -> Iterator[Problem]:
    """Yield each sampler that has no order of the training split."""
    for path, sampler in _samplers(stage, dataset):
        stated = facts.refused_orders.get(_block(sampler))
        if stated is not None:
            lists = {key: tuple(stated[key]) for key in ("notes", "helps")}
            problem = Problem(**stated | lists | {"rewrites": (), "also": {}})
            note = f"the training samples of dataset `{dataset}`"
            yield replace(problem, notes=(*problem.notes, note)).with_prefix(path)


def _at_source(problem: Problem) -> Problem:
    return replace(problem, at="source")
