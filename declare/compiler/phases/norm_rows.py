"""Batch norms that would get one value: a channel of one sample if its map is down to one place.

Which rows a norm gets follows from the plan's own batches: datasets, the rest of an epoch, micro-batches, nodes
that serve each dataset separately, and the sizes of a phase with scales.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from declare.compiler.graph.shape_inference import InferredShapes, Shaper
from declare.compiler.meta import shape_cache
from declare.compiler.parameters.parameter_names import names
from declare.compiler.phases.multiscale import scaled_spec
from declare.compiler.stages import ScoredSpec
from declare.contract.kinds.module import Module
from declare.contract.problem import Problem
from declare.ir.micro_batches import Rows, bounds, call_key, group_size, micro_batches
from declare.ir.plan import ModulePlan, PhasePlan
from declare.rules.queries.sample_lengths import shortest
from declare.rules.spec_parts import LocatedBlock

_TRIED = 64


class _Single(NamedTuple):
    """A node that is called for one sample of a dataset, and the batch that it comes from."""

    node: ModulePlan
    dataset: str
    batch: Rows


def one_value_norms(stage: ScoredSpec, phase: LocatedBlock[Any], plan: PhasePlan) -> Iterator[Problem]:
    """Yield the first batch norm of a phase that gets one value for each channel."""
    sizes = {name: stage.facts[name].splits.get("train", 0) for name in plan.datasets}
    batches = [(batch, piece) for batch, piece in micro_batches(plan, sizes) if 1 in piece.values()]
    known: dict[tuple[str, str], bool] = {}
    for size, shaper in _shapers(stage, plan) if batches else ():
        known.clear()
        for batch, piece in batches:
            for node, dataset in _called_for_one(stage, shaper, plan, piece):
                key = (node.path, dataset)
                if key not in known:
                    known[key] = _trains_on_one(stage, shaper, plan, *key)
                if known[key]:
                    yield _problem(phase, plan, sizes, _Single(node, dataset, batch), size)
                    return


def _shapers(stage: ScoredSpec, plan: PhasePlan) -> Iterator[tuple[int | None, Shaper]]:
    """Yield the shapes of a phase: those of the data in training, or with scales those at each size."""
    training = replace(stage, shapes=stage.train_shapes)
    if plan.scales is None:
        yield None, Shaper(training)
    else:
        field, sizes = plan.scales.field, plan.scales.sizes
        yield from ((size, Shaper(scaled_spec(training, field, size))) for size in sizes)


def _called_for_one(
    stage: ScoredSpec, shaper: Shaper, plan: PhasePlan, piece: Rows
) -> Iterator[tuple[ModulePlan, str]]:
    """Yield the nodes that a micro-batch calls for one row, with its dataset."""
    trained = [name for name, weight in plan.tasks.items() if weight > 0]
    hiding = [name for name in trained if stage.spec.tasks[name].masks_inputs]
    # Tasks that change what the model sees run by themselves.
    for tasks in [[name for name in trained if name not in hiding], *([name] for name in hiding)]:
        read: dict[str, dict[str, None]] = {}
        for task in tasks:
            names = [name for name in stage.tasks[task].datasets if name in piece]
            for path in stage.wiring.upstream(stage.tasks[task].head):
                read.setdefault(path, {}).update(dict.fromkeys(names))
        for path, datasets in read.items():
            calls: dict[Any, list[str]] = {}
            for name in datasets:
                inferred = shaper.one(path, name)
                shapes = (
                    [wire.shape for wire in inferred.wires]
                    if isinstance(inferred, InferredShapes)
                    else [None]
                )
                calls.setdefault(call_key(stage.nodes[path], name, shapes), []).append(name)
            for together in calls.values():
                if sum(piece[name] for name in together) == 1:
                    yield stage.nodes[path], together[0]


def _trains_on_one(stage: ScoredSpec, shaper: Shaper, plan: PhasePlan, path: str, dataset: str) -> bool:
    """Return whether a node has a batch norm in training that gets one value of a sample."""
    node = stage.nodes[path]
    return _values(stage, shaper, node, dataset) == 1 and not _is_frozen(plan, node, dataset)


def _values(stage: ScoredSpec, shaper: Shaper, node: ModulePlan, dataset: str) -> int | None:
    """Return the values of one sample that the batch norm with the fewest gets, of the shortest sample."""
    component, inferred = stage.wiring.nodes[node.path].component, shaper.one(node.path, dataset)
    if not isinstance(inferred, InferredShapes) or node.adapts:
        return None
    inputs = shortest(stage.view, node, dataset, inferred.wires)
    if isinstance(component, Module) and (component.norms_by_probe or component.costs(inputs) is None):
        return shape_cache.batch_norm_values(component, inputs)
    return component.batch_norm_values(inputs)


def _is_frozen(plan: PhasePlan, node: ModulePlan, dataset: str) -> bool:
    """Return whether all norms of a node keep their statistics for the whole phase."""
    frozen = {name for item in plan.freeze if item.until_step is None for name in item.modules}
    inside = names(node) if frozen else None
    start = f"{node.path}.{dataset}" if node.per_dataset else node.path
    return inside is not None and {name for name in inside.statistics if name.startswith(start)} <= frozen


def _problem(
    phase: LocatedBlock[Any], plan: PhasePlan, sizes: Mapping[str, int], single: _Single, size: int | None
) -> Problem:
    node, dataset, batch = single
    also = {f"datasets.{dataset}.source": f"{sizes[dataset]} training samples"}
    if plan.accumulate > 1 and batch[dataset] > 1:
        also[f"{phase.path}.accumulate"] = f"{plan.accumulate} micro-batches"
    if size is not None:
        also[f"{phase.path}.scales"] = f"down to one place at {size} pixels"
    also[f"model.{node.name}" if node.role == "module" else "tasks"] = "normalises over the batch"
    fits = _fitting(plan, sizes)
    return Problem(
        "DAT304",
        f"a batch norm gets one sample: {_reason(plan, sizes, single)}",
        at=f"{phase.path}.batch_size",
        label="one sample has no variance",
        also=also,
        helps=(
            *((f"set `batch_size: {fits}`",) if fits else ()),
            "choose batches and micro-batches that leave each of them more than one sample"
            + (" of each dataset" if len(plan.datasets) > 1 else ""),
            "or choose a `norm` that does without the batch (`layer`, `group`)",
        ),
    )


def _reason(plan: PhasePlan, sizes: Mapping[str, int], single: _Single) -> str:
    """Return in words why a norm gets one sample."""
    rows = single.batch[single.dataset]
    if len(plan.datasets) > 1:
        words = f"{rows} of `{single.dataset}` in a batch of {plan.batch_size}"
    elif rows < plan.batch_size and sizes[single.dataset] > plan.batch_size:
        words = f"{sizes[single.dataset]} in batches of {plan.batch_size} end in {rows}"
    else:
        words = f"a batch has {rows}"
    parts = len(bounds(rows, plan.accumulate, group_size(plan)))
    return words if parts == 1 else f"{words}, cut into {parts}"


def _fitting(plan: PhasePlan, sizes: Mapping[str, int]) -> int | None:
    """Return the next larger batch of one dataset whose micro-batches all hold several samples."""
    step = plan.accumulate * group_size(plan)
    start = (plan.batch_size // step + 1) * step
    for number in range(start, start + _TRIED * step, step) if len(plan.datasets) == 1 else ():
        larger = _with_rows(plan, number)
        if all(min(piece.values()) > 1 for _, piece in micro_batches(larger, sizes)):
            return number
    return None


def _with_rows(plan: PhasePlan, rows: int) -> PhasePlan:
    """Return a phase of one dataset with batches of so many rows and as many samples in all."""
    steps = max(1, plan.steps * plan.batch_size // rows)
    return plan.model_copy(
        update={"batch_size": rows, "rows": dict.fromkeys(plan.rows, rows), "steps": steps}
    )
