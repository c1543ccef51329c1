"""What the gradients of tasks say of each other: how long they are, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from declare.ir.plan import PhasePlan
from declare.nn.balances.balance import Balance


def task_gradient_stats(balance: Balance, phase: PhasePlan) -> list[tuple[int, dict[str, Any]]]:
    """Return (step, `norms` by task, `cosines` by `TASK:TASK`) of every measurement, and forget them."""
    tasks = [name for name, weight in phase.tasks.items() if weight > 0]
    stats = [(number, describe(products, tasks)) for number, products in balance.readings]
    balance.readings.clear()
    return stats


def describe(products: Tensor, tasks: Sequence[str]) -> dict[str, Any]:
    """Return norms and cosines from inner products [tasks, tasks]; no cosine where a gradient is 0 or not finite."""
    values = products.tolist()
    norms = {task: max(values[index][index], 0.0) ** 0.5 for index, task in enumerate(tasks)}
    cosines = {}
    for left, one in enumerate(tasks):
        for right in range(left + 1, len(tasks)):
            size = norms[one] * norms[tasks[right]]
            if 0 < size < float("inf"):
                cosines[f"{one}:{tasks[right]}"] = values[left][right] / size
    return {"norms": norms, "cosines": cosines}
