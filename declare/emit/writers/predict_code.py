"""Writes `predict.py`: predictions for the samples of a split, a line of JSON each."""

import ast
from collections.abc import Mapping

from declare.emit.text.definitions import Definitions
from declare.emit.text.printing import format_code
from declare.emit.writers.task_code import TaskCode
from declare.ir.plan import Plan

_FILE = '''"""Predicts with trained weights of `{name}`: a line of JSON for each sample of a split.

    python predict.py --run-dir RUN --split {last} > predictions.jsonl
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import data
import losses
from model import Model

{classes}


@torch.no_grad()
def predictions(model: Model, split: str) -> Iterator[dict[str, Any]]:
    """Yield the predictions for each sample: task -> name -> value."""
    model.eval()
{batches}


def readable(task: str, values: dict[str, Any], row: int) -> dict[str, Any]:
    """Return the predictions of a task for one row as plain values."""
    plain = {{name: item[row].tolist() for name, item in values.items()}}
    {named}
    return plain


def main() -> None:
    """Print the predictions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--split", choices={splits}, default="{last}")
    arguments = parser.parse_args()
    model = Model()
    model.load_state_dict(load_file(arguments.run_dir / "weights.safetensors"))
    for item in predictions(model, arguments.split):
        print(json.dumps(item))


if __name__ == "__main__":
    main()
'''


def predict_code(
    plan: Plan, tasks: Mapping[str, TaskCode], methods: Mapping[str, str], losses: Definitions
) -> str:
    """Return the file; empty if no task has predictions of samples."""
    shown: dict[str, dict[str, str]] = {}
    for dataset in plan.datasets:
        for name, task in plan.tasks.items():
            code = tasks.get(f"{name}_{dataset}") or tasks.get(name)
            if dataset in task.datasets and code is not None and code.view is None and _gives(code):
                shown.setdefault(dataset, {})[name] = losses.function(code.predict)
    if not shown:
        return ""
    classes = {name: task.target.classes for name, task in plan.tasks.items() if task.target.classes}
    batches = [line for dataset, items in shown.items() for line in _dataset(plan, dataset, items, methods)]
    splits = [
        name
        for name in ("train", "val", "test")
        if any(item.splits.get(name) for item in plan.datasets.values())
    ]
    named = 'if "class" in plain and task in CLASSES:\n        plain["class"] = CLASSES[task][plain["class"]]'
    return format_code(
        _FILE.format(
            name=plan.name,
            classes=f"CLASSES = {classes!r}" if classes else "",
            batches="\n".join(batches),
            named=named if classes else "",
            splits=splits,
            last=splits[-1],
        )
    )


def _dataset(plan: Plan, dataset: str, items: Mapping[str, str], methods: Mapping[str, str]) -> list[str]:
    """Return the lines that yield the predictions for a dataset; `items` are functions of tasks."""
    last, method = plan.phases[-1].scales, methods[f"{dataset}_outputs"]
    lines = [f"    for batch in data.{dataset}_batches(split):"]
    if last is not None and last.field in plan.datasets[dataset].fields:
        size = last.evaluate or last.sizes[-1]
        lines += [f'        batch["{last.field}"] = data.resize(batch["{last.field}"], {size})']
    lines += [
        f"        outputs = model{'' if method == 'forward' else '.' + method}(batch)",
        "        predicted = {",
    ]
    lines += [
        f'            "{name}": losses.{function}(outputs["{name}"].float()),'
        for name, function in items.items()
    ]
    lines += ["        }", f'        for row in range(len(outputs["{next(iter(items))}"])):']
    return [
        *lines,
        "            yield {task: readable(task, values, row) for task, values in predicted.items()}",
    ]


def _gives(code: TaskCode) -> bool:
    """Return whether a task has predictions of samples."""
    returned = [item for part in code.predict.body for item in ast.walk(part) if isinstance(item, ast.Return)]
    return not all(isinstance(item.value, ast.Dict) and not item.value.keys for item in returned)
