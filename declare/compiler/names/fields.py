"""References to fields: targets, masks, splits, transforms, samplers, and the inputs of modules and heads."""

from collections.abc import Iterator, Mapping
from typing import Any

from declare.compiler.names.unknown_name import unknown_name_problem
from declare.compiler.stages import NamedSpec, ReadSpec
from declare.contract.problem import Problem
from declare.parsing.poison import POISON, contains_poison
from declare.rules.queries.pairings import pairing_fields
from declare.rules.spec_parts import (
    LocatedBlock,
    blocks_of,
    dataset_place,
    get,
    phase_datasets,
    task_datasets,
    tasks_in_part,
)

Known = Mapping[str, frozenset[str]]


def stated_fields(stage: ReadSpec) -> dict[str, frozenset[str]]:
    """Return the fields of each dataset whose spec states all of them."""
    fields = {}
    for dataset in blocks_of(stage.spec, "datasets"):
        stated = get(dataset.block, "fields")
        if stated:
            fields[dataset.name] = frozenset(stated)
    return fields


def all_fields(stage: NamedSpec) -> dict[str, frozenset[str]]:
    """Return the fields of each dataset, from its data or else from the spec."""
    stated = stated_fields(stage)
    return stated | {
        name: frozenset(facts.fields) | stated.get(name, frozenset()) for name, facts in stage.facts.items()
    }


def field_references(stage: ReadSpec, known: Known) -> Iterator[Problem]:
    """Yield names of fields that no dataset in `known` has where it should; others are left for later."""
    for dataset in blocks_of(stage.spec, "datasets"):
        if dataset.name in known:
            yield from _dataset(stage, dataset, known[dataset.name])
    for task in tasks_in_part(stage):
        for dataset_name in task_datasets(stage, task.block):
            if dataset_name in known:
                yield from _task(task, dataset_name, known[dataset_name])
    for phase in blocks_of(stage.spec, "phases"):
        yield from _sampler(stage, phase, known)


def _dataset(stage: ReadSpec, dataset: LocatedBlock[Any], fields: frozenset[str]) -> Iterator[Problem]:
    where = f"in dataset `{dataset.name}`"
    stated = [
        (f"{dataset.path}.split.{key}", get(dataset.block, "split", key))
        for key in ("by", "stratify", "column")
    ]
    for index, transform in enumerate(get(dataset.block, "transforms") or ()):
        path = f"{dataset.path}.transforms.{index}"
        if not contains_poison(transform):
            yield from _field_or_fields(transform, path, sorted(fields))
        named_by = stage.untyped.get(path) if transform is POISON else transform
        stated.append((f"{path}.field", get(named_by, "field")))
        several = get(named_by, "fields") or ()
        stated += [(f"{path}.fields.{place}", name) for place, name in enumerate(several)]
    for at, name in stated:
        if isinstance(name, str) and name not in fields:
            yield unknown_name_problem("field", name, at, sorted(fields), where=where)


def _field_or_fields(transform: Any, path: str, fields: list[str]) -> Iterator[Problem]:
    """Yield a transform that names no field, or names fields in both ways."""
    name = transform.type_name()
    if transform.field is None and transform.fields is None:
        words = ", ".join(f"`{field}`" for field in fields[:8])
        yield Problem(
            "SCH103",
            f"transform `{name}` does not state which field it changes",
            at=path,
            label="no `field` here",
            helps=(f"add `field:` or `fields:` with {words}",),
        )
    elif transform.field is not None and transform.fields is not None:
        yield Problem(
            "SCH113",
            f"transform `{name}` states both `field` and `fields`",
            at=f"{path}.fields",
            on="key",
            label="stated here as a list",
            also={f"{path}.field": "stated here as one"},
            helps=("keep `fields` for several fields, `field` for one",),
        )


def _task(task: LocatedBlock[Any], dataset: str, fields: frozenset[str]) -> Iterator[Problem]:
    stated = {f"{task.path}.{key}": get(task.block, key) for key in ("target", "mask")}
    stated |= {_place_of(task.block, name, task.path): name for name in pairing_fields(task.block)}
    for at, name in stated.items():
        if isinstance(name, str) and name not in fields:
            place = dataset_place(task, dataset)
            also = {place: "learns from this dataset"} if place != task.path else {}
            where = f"in dataset `{dataset}`"
            yield unknown_name_problem("field", name, at, sorted(fields), also=also, where=where)


def _sampler(stage: ReadSpec, phase: LocatedBlock[Any], known: Known) -> Iterator[Problem]:
    sampler = get(phase.block, "sampler")
    if sampler is None:
        return
    unreadable = {key: () for key, value in sampler if value is POISON}
    names = [name for name in sampler.model_copy(update=unreadable).columns() if isinstance(name, str)]
    for dataset in phase_datasets(stage, phase.block):
        for name in names if dataset in known else ():
            if name not in known[dataset]:
                at = _place_of(sampler, name, f"{phase.path}.sampler")
                where = f"in dataset `{dataset}`"
                yield unknown_name_problem("field", name, at, sorted(known[dataset]), where=where)


def scale_references(stage: ReadSpec, known: Known) -> Iterator[Problem]:
    """Yield fields of `scales` that no dataset of their phase has."""
    for phase in blocks_of(stage.spec, "phases"):
        name, datasets = get(phase.block, "scales", "field"), phase_datasets(stage, phase.block)
        fields = {field for dataset in datasets for field in known.get(dataset, ())}
        if isinstance(name, str) and fields and set(datasets) <= set(known) and name not in fields:
            yield unknown_name_problem("field", name, f"{phase.path}.scales.field", sorted(fields))


def _place_of(component: Any, value: str, path: str) -> str:
    """Return the path of the parameter that holds `value`."""
    for key, parameter in component:
        if parameter == value:
            return f"{path}.{key}"
        if isinstance(parameter, list) and value in parameter:
            return f"{path}.{key}.{parameter.index(value)}"
    return path


def clashes(stage: ReadSpec, known: Known) -> Iterator[Problem]:
    """Yield modules whose name is a field's too, or that of all heads."""
    for module in blocks_of(stage.spec, "model"):
        if module.name == "heads":
            yield Problem(
                "REF207",
                "a module cannot be called `heads`",
                at=module.path,
                on="key",
                label="the heads of tasks have this name",
                helps=("rename it: the weights of a task's head are called `heads.TASK.*`",),
            )
        for dataset, fields in known.items():
            if module.name in fields:
                stated = get(stage.spec, "datasets", dataset, "fields", module.name) is not None
                place = f"datasets.{dataset}.fields.{module.name}" if stated else f"datasets.{dataset}.source"
                yield Problem(
                    "REF207",
                    f"`{module.name}` is a module and a field of dataset `{dataset}`",
                    at=module.path,
                    on="key",
                    label="a module of this name",
                    also={place: "a field of this name" if stated else "has a field of this name"},
                    helps=("rename one of them: an `input` could mean either",),
                )
                break
