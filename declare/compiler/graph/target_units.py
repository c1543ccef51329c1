"""What transforms make of a target: statistics of what is learned, and the way back to the data's own units."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from declare.compiler.dataset_plan import dataset_plan
from declare.compiler.graph.readable_data import values_known
from declare.compiler.stages import TransformedSpec
from declare.contract.facts import FieldFacts
from declare.contract.kinds.transform import InverseStep, Transform, facts_before
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout
from declare.parsing.poison import POISON, contains_poison, poison_all
from declare.rules.spec_parts import LocatedBlock, get

_NUMBERS: frozenset[Layout] = frozenset({"number", "vector", "counts", "sequence"})
_CLASSES: frozenset[Layout] = frozenset({"category", "id", "labels", "mask", "tags"})
Chain = list[tuple[int, Transform]]
"""Transforms with their places in the dataset's list."""


class LearnedTarget(NamedTuple):
    """A task's target in one dataset.

    `facts` are those of what the task learns. `undo` takes predictions back, the last transform first; `not_undone`
    names what nothing takes back; `changes` are the transforms to another unit as the spec states them, by which
    datasets that share a head are compared. `warnings` are what is worth saying of all that. In `unscored` splits the
    mask, or values that never count, leave no target.
    """

    facts: FieldFacts
    undo: tuple[InverseStep, ...] = ()
    not_undone: tuple[str, ...] = ()
    changes: tuple[dict[str, Any], ...] = ()
    warnings: tuple[Problem, ...] = ()
    unscored: frozenset[str] = frozenset()


def learn_target(
    stage: TransformedSpec, task: LocatedBlock[Any], dataset: str, facts: FieldFacts
) -> LearnedTarget | list[Problem]:
    """Return what a task learns of a dataset, or what keeps it from being learned; problems have whole paths."""
    sides = {side: _chain(stage, dataset, task.block.target, side) for side in ("train", "eval")}
    problems = [
        *_refused_effects(stage, task, dataset, sides),
        *_batch_time_changes(task, dataset, sides["train"], facts),
    ]
    if problems:
        return problems
    undone, kept = _inverse_chain(sides["eval"])
    if task.block.scale_free:
        # The model reads the field itself: its units are those of the field as the model sees it.
        kept = [item for item in kept if item[1].effect != "places" and not item[1].affine]
        undone = [] if all(transform.affine for _, transform in undone) else undone
    fitted: Mapping[str, Mapping[str, list[float]]] = {}
    if values_known(stage, dataset) and _is_needed(
        stage, task, dataset, (facts, bool(sides["train"] or sides["eval"])), undone
    ):
        try:
            facts, fitted, cut = _measure_target(stage, task, dataset, facts)
        except ProblemError as error:
            return list(error.problems)
        if _is_empty(facts):
            return [_nothing_left(stage, task, dataset)]
        problems = [
            _cut_values(dataset, task, index, transform, cut[index])
            for index, transform in kept
            if cut.get(index)
        ]
    unscored = _unscored_splits(stage, task, dataset, facts)
    if "train" in unscored:
        return [_nothing_left(stage, task, dataset)]
    problems += [
        _not_undone(dataset, task, index, transform)
        for index, transform in kept
        if transform.effect == "units"
    ]
    undo = tuple(
        InverseStep(
            transform=transform.dump(),
            statistics={
                key: tuple(values) for key, values in fitted.get(f"{index}.{task.block.target}", {}).items()
            },
        )
        for index, transform in undone
    )
    changes = tuple(
        _stated_parameters(transform) for _, transform in sides["eval"] if transform.effect == "units"
    )
    names = tuple(transform.type_name() for _, transform in kept)
    return LearnedTarget(facts, undo, names, changes, tuple(problems), unscored)


def _chain(stage: TransformedSpec, dataset: str, field: str, side: str) -> Chain:
    """Return the transforms of a field in training or in evaluation, in order."""
    transforms = poison_all(get(stage.spec.datasets[dataset], "transforms") or ())
    chain = zip(transforms, facts_before(transforms, stage.facts[dataset].fields), strict=True)
    return [
        (index, transform.resolve(known))
        for index, (transform, known) in enumerate(chain)
        if transform is not POISON
        if transform.on in {"all", side} and field in (transform.field, *(transform.fields or ()))
    ]


def _inverse_chain(chain: Chain) -> tuple[Chain, Chain]:
    """Return the transforms that are undone, the last first, and those that are not."""
    undone: Chain = []
    kept: Chain = []
    blocked = False
    for index, transform in reversed(chain):
        if transform.effect == "units" and transform.invertible and not blocked:
            undone.append((index, transform))
            continue
        kept.insert(0, (index, transform))
        # Of other values, or at other places, what came before cannot be undone; values that were cut stay cut.
        blocked = blocked or transform.effect != "range"
    return undone, kept


def _is_needed(
    stage: TransformedSpec,
    task: LocatedBlock[Any],
    dataset: str,
    field: tuple[FieldFacts, bool],
    undone: Chain,
) -> bool:
    """Return whether the target must be read once more: facts are those of the field before its transforms.

    `field` are the facts with the shape after them, and whether there are any.
    """
    block, (facts, changed) = task.block, field
    layout = facts.shape.layout
    needs = not contains_poison(block.loss) and block.needs_statistics()
    if layout in _NUMBERS:
        return needs or (changed and not block.scale_free) or any(item.fitted for _, item in undone)
    if layout == "tokens":
        return block.mask is not None
    if layout not in _CLASSES:
        return any(item.fitted for _, item in undone)
    if layout == "mask":
        return needs or changed or block.mask is not None
    skips = stage.spec.datasets[dataset].on_corrupt != "error"
    return block.mask is not None or (needs and (skips or changed or "train" not in facts.counts))


def _measure_target(
    stage: TransformedSpec, task: LocatedBlock[Any], dataset: str, facts: FieldFacts
) -> tuple[FieldFacts, Mapping[str, Mapping[str, list[float]]], Mapping[int, int]]:
    """Return facts of what is learned, statistics of fitted transforms, and values that each transform cut."""
    from declare.data.store.target_statistics import TargetQuery, target_statistics

    block = task.block
    plan = dataset_plan(stage, dataset)
    exact = not contains_poison(block.loss) and block.needs_statistics()
    exact = exact or (facts.shape.layout == "mask" and stage.spec.datasets[dataset].on_corrupt != "error")
    mask = _mask(stage, block.mask, dataset, facts)
    target = TargetQuery(block.target, mask, exact)
    statistics = target_statistics(plan, f"datasets.{dataset}", target)
    return statistics.facts(facts, mask), statistics.fitted, statistics.changed


def _unscored_splits(
    stage: TransformedSpec, task: LocatedBlock[Any], dataset: str, facts: FieldFacts
) -> frozenset[str]:
    """Return the splits in which no target counts though not all are missing; none if that is not known."""
    mask = _mask(stage, task.block.mask, dataset, facts)
    uncounted = task.block.uncounted_values(facts)
    if not values_known(stage, dataset) or not (mask or uncounted or facts.shape.layout == "mask"):
        return frozenset()
    from declare.data.store.target_statistics import TargetQuery, splits_without_targets

    target = TargetQuery(task.block.target, mask)
    plan = dataset_plan(stage, dataset)
    return frozenset(splits_without_targets(plan, f"datasets.{dataset}", target, uncounted))


def _is_empty(facts: FieldFacts) -> bool:
    """Return whether no training value is left of what was measured."""
    known = facts.counts["train"] if facts.outputs is None and "train" in facts.counts else None
    return not any(facts.outputs.known) if facts.outputs is not None else known is not None and not any(known)


def _nothing_left(stage: TransformedSpec, task: LocatedBlock[Any], dataset: str) -> Problem:
    samples, mask = stage.facts[dataset].splits.get("train", 0), task.block.mask
    return Problem(
        "DAT315",
        f"none of {samples} training samples of `{dataset}` has a target for `{task.name}`",
        at=f"{task.path}.target",
        label="no label to learn from",
        also={f"{task.path}.mask": "leaves targets out"} if mask else {},
        helps=(
            *((f"look at the values of `{mask}`: true where a target counts",) if mask else ()),
            "check `missing:`, `column:` and the split of the data",
        ),
    )


def _mask(stage: TransformedSpec, mask: str | None, dataset: str, facts: FieldFacts) -> str | None:
    """Return the field that marks which targets count; None for one that does not fit, which a rule reports."""
    mask_facts = None if mask is None else stage.facts[dataset].fields.get(mask)
    if mask_facts is None or mask_facts.shape.layout != "valid":
        return None
    return mask if mask_facts.shape.dims == facts.shape.dims[: len(mask_facts.shape.dims)] else None


def _refused_effects(
    stage: TransformedSpec, task: LocatedBlock[Any], dataset: str, sides: Mapping[str, Chain]
) -> Iterator[Problem]:
    """Yield transforms that the task cannot take back, and those that only training or evaluation sees."""
    if stage.facts[dataset].fields[task.block.target].shape.dtype != "float32":
        return
    for index, transform in dict(sides["train"] + sides["eval"]).items():
        if transform.effect not in task.block.target_effects:
            yield _refusal(dataset, task, index, transform)
        elif transform.effect == "units" and transform.on != "all":
            yield _one_side(dataset, task, index, transform)


def _batch_time_changes(
    task: LocatedBlock[Any], dataset: str, chain: Chain, facts: FieldFacts
) -> Iterator[Problem]:
    """Yield the first transform that only batches see, if statistics of what comes after it are needed."""
    late = [(index, transform) for index, transform in chain if not transform.stored]
    if facts.shape.layout in _NUMBERS and late and not task.block.scale_free:
        index, transform = late[0]
        yield Problem(
            "LOS433",
            f"`{transform.type_name()}` changes target `{task.block.target}` in each batch",
            at=f"datasets.{dataset}.transforms.{index}",
            label="statistics of the target need stored values",
            also={f"{task.path}.target": "the target"},
            helps=("leave the target out of it", "or let the transform be a `stored` one"),
        )


def _refusal(dataset: str, task: LocatedBlock[Any], index: int, transform: Transform) -> Problem:
    name, kind = transform.type_name(), task.block.type_name()
    return Problem(
        "LOS430",
        f"`{kind}` cannot learn what `{name}` makes of its target `{task.block.target}`",
        at=f"datasets.{dataset}.transforms.{index}",
        label="changes a target",
        also={f"{task.path}.target": f"`{kind}` learns them as they are"},
        helps=("leave the target out of the transform", "or learn the values as numbers: `type: regression`"),
    )


def _one_side(dataset: str, task: LocatedBlock[Any], index: int, transform: Transform) -> Problem:
    side = "training" if transform.on == "train" else "evaluation"
    return Problem(
        "LOS434",
        f"`{transform.type_name()}` changes the unit of target `{task.block.target}` in {side} only",
        at=f"datasets.{dataset}.transforms.{index}.on",
        label="learned in one unit, judged in another",
        also={f"{task.path}.target": "the target"},
        helps=("apply it to all samples: `on: all`",),
    )


def _cut_values(
    dataset: str, task: LocatedBlock[Any], index: int, transform: Transform, number: int
) -> Problem:
    values = "a value" if number == 1 else f"{number:,} values"
    return Problem(
        "LOS431",
        f"`{transform.type_name()}` changes {values} of `{task.block.target}` for good",
        at=f"datasets.{dataset}.transforms.{index}",
        label="metrics compare with the changed values",
        also={f"{task.path}.target": "the target"},
        notes=("nothing undoes that in predictions and metrics",),
        helps=(
            "leave the target out of it",
            "or apply it only in training, and evaluate on the original data: `on: train`",
        ),
    )


def _not_undone(dataset: str, task: LocatedBlock[Any], index: int, transform: Transform) -> Problem:
    name = transform.type_name()
    how = ("let it come after the transforms that choose or pool values",) if transform.invertible else ()
    return Problem(
        "LOS431",
        f"`{name}` of target `{task.block.target}` is not undone in predictions and metrics",
        at=f"datasets.{dataset}.transforms.{index}",
        label="no way back" if not transform.invertible else "a later transform prevents it",
        notes=("they are in the units that it makes",),
        also={f"{task.path}.target": "the target"},
        helps=(*how, "or leave the target out of it"),
    )


def _stated_parameters(transform: Transform) -> dict[str, Any]:
    """Return the block of a transform without the fields that it changes."""
    return {key: value for key, value in transform.dump().items() if key not in {"field", "fields", "on"}}
