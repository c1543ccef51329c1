"""The size of images that a run is evaluated at, if a phase trains at several."""

from collections.abc import Iterable, Mapping
from typing import Any

from declare.ir.plan import PhasePlan, Plan
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.step.interfaces import Scales


def initial_sizes(plan: Plan, phase: PhasePlan, before: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes that a phase begins with: fields that it trains on are seen as it shows them."""
    trained_fields = _fields_read(plan, phase.tasks)
    return {name: size for name, size in before.items() if name not in trained_fields}


def _fields_read(plan: Plan, tasks: Iterable[str]) -> set[str]:
    """Return the fields that the heads of tasks depend on."""
    by_path = {node.path: node for node in plan.nodes}
    waiting = [plan.tasks[name].head for name in tasks]
    fields: set[str] = set()
    while waiting:
        node = by_path.pop(waiting.pop(), None)
        if node is not None:
            wires = [*node.wires, *(wire for variant in node.variants.values() for wire in variant.wires)]
            fields |= {wire.name for wire in wires if wire.source == "field"}
            waiting += [wire.name for wire in wires if wire.source == "module"]
    return fields


def update_evaluation_size(
    progress: TrainProgress, scales: Scales | None, statistics: StatisticsBySize | None
) -> dict[str, Any] | None:
    """Let evaluations follow the size whose norm statistics the model holds.

    Return field and size if it is another one than before: metrics of two sizes are not compared, so that what
    was best is forgotten.
    """
    if scales is None or statistics is None or progress.evaluated_at.get(scales.field) == statistics.current:
        return None
    progress.evaluated_at = {**progress.evaluated_at, scales.field: statistics.current}
    progress.best.pop(progress.phase, None)
    return {"field": scales.field, "size": statistics.current}
