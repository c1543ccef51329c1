"""Predictions of a run's model for new samples, or for a split of its data."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from declare.contract import strict_json
from declare.contract.kinds.task import Generates, TaskAdapter
from declare.contract.problem import Problem, ProblemError
from declare.diagnostics.output import visible
from declare.ir.plan import Plan, TaskPlan
from declare.lowering.data.loader import evaluation_batches
from declare.lowering.data.tables import Tables
from declare.lowering.model.padding import join_padded
from declare.lowering.training.task_losses import TaskLosses
from declare.nn.tasks.next_token import Sampling
from declare.parsing.read_component import read_component
from declare.runtime.inference import text_outputs
from declare.runtime.inference.loaded_run import Loading, open_run
from declare.runtime.inference.predict_inputs import input_doubts
from declare.runtime.run_folder.durable_io import open_whole, write_whole
from declare.runtime.run_folder.folder import Run
from declare.system.out_of_memory import require_memory

_BATCH = 256
_ELEMENTS = 2**24
"""Numbers that a node may give for a batch: a vocabulary at every position is many."""
_ROW_BYTES, _NUMBER_BYTES = 400, 120
"""What a row of predictions takes at least, and each number in it."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Predictions:
    """One row for each sample: `sample` is its place, then the predictions of each task.

    Classes are given by name, with the probability of each class; regressions in the target's own units. Maps of
    classes (segmentation) are in `maps` by task, in the values of the target's masks: integers [samples,
    height, width], or colours [..., 3] of bytes; rows hold the fraction of each class. If the model gives no
    number (its input has a gap, or what it computes is not finite), values are None, and `without` names the
    sample. A text that makes several samples (windows) has a row for each of them (`part 2`); if all tasks
    give tags, which are put together, it has one. `unread` names texts with words that have no tag: they were cut
    before the model read them. `passed_over` counts what is in the input but is not a sample, by reason; `doubts` are
    what is odd about new samples.
    """

    dataset: str
    rows: tuple[dict[str, Any], ...]
    maps: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    doubts: tuple[Problem, ...] = ()

    def write(self, path: Path) -> None:
        """Write `path` as csv, json or jsonl by its name; maps go beside it as `NAME.TASK.npz`. Raises OSError."""
        import numpy as np

        texts = {".json": self.as_json, ".jsonl": self.as_jsonl}
        for task, values in self.maps.items():
            with open_whole(path.with_name(f"{path.stem}.{task}.npz")) as file:
                np.savez_compressed(file, classes=values)
        write_whole(path, texts.get(path.suffix.lower(), self.as_csv)())

    def as_json(self) -> str:
        """Return one JSON document."""
        return (
            strict_json.dumps({"format": "1.0", "dataset": self.dataset, "rows": list(self.rows)}, indent=1)
            + "\n"
        )

    def as_jsonl(self) -> str:
        """Return one JSON object a line."""
        return "".join(strict_json.dumps(row) + "\n" for row in self.rows)

    def as_csv(self) -> str:
        """Return a table; nested values get dotted column names, control characters are shown as escapes."""
        columns = list(dict.fromkeys(visible(name) for row in self.rows for name, _ in _flatten(row)))
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {visible(name): _safe_cell(value) for name, value in _flatten(row)} for row in self.rows
        )
        return buffer.getvalue()


def predict(
    run: Run,
    inputs: Path | None = None,
    *,
    dataset: str | None = None,
    split: str = "test",
    loading: Loading | None = None,
    sampling: Sampling | None = None,
) -> Predictions:
    """Predict the samples in `inputs`, or without these a split of the run's `dataset`.

    `inputs` is a csv, parquet, npz, hdf5 or jsonl file with the columns that the model reads, an image, or a
    folder of images; they pass the run's fields and transforms with its stored statistics. Raises
    `ProblemError`, and MemoryError for more samples than the machine has room for.
    """
    loaded = open_run(run, inputs, dataset=dataset, split=split, loading=loading or Loading())
    plan, name, split, tables = loaded.plan, loaded.dataset, loaded.split, loaded.tables
    require_memory(_ROW_BYTES * len(tables.table(name, split).rows), "the table of predictions")
    tasks = tasks_of(plan, name)
    adapters = {
        key: TaskLosses(task).to(loaded.device).eval().of(name).adapter for key, task in tasks.items()
    }
    texts = text_outputs.required_texts(plan, name)
    outputs, empty = _outputs(loaded.graph, adapters, (name, split), tables, (sampling or Sampling(), texts))
    predictions = _collect((name, split), tables, plan, tasks, (outputs, empty))
    if inputs is None:
        return predictions
    pool = tables.pool(name)
    return replace(predictions, passed_over=pool.reader.passed_over, doubts=input_doubts(pool))


def tasks_of(plan: Plan, dataset: str) -> dict[str, TaskPlan]:
    """Return the tasks that predict something of a dataset's samples; raises `ProblemError` RES816 for none."""
    tasks = {key: task for key, task in plan.tasks.items() if dataset in task.datasets}
    if tasks:
        return tasks
    datasets = list(dict.fromkeys(name for task in plan.tasks.values() for name in task.datasets))
    raise ProblemError(
        Problem(
            "RES816",
            f"no task of the run uses the dataset `{dataset}`: there is nothing to predict",
            notes=(f"its tasks are of {', '.join(datasets)}",),
            helps=(f"name one of these: `--dataset {datasets[0]}`",),
        )
    )


def _outputs(
    graph: Any,
    adapters: Mapping[str, TaskAdapter],
    where: tuple[str, str],
    tables: Tables,
    how: tuple[Sampling, Sequence[str]],
) -> tuple[dict[str, dict[str, Tensor]], list[bool]]:
    """Return the predictions of each task's adapter for all samples, and which of them contain no text.

    `how` is how texts are written, and the texts that must be there.
    """
    name, split = where
    sampling, required_texts = how
    empty: list[bool] = []
    device = next(graph.parameters()).device
    writing = {task: adapter for task, adapter in adapters.items() if isinstance(adapter, Generates)}
    plain = tuple(task for task in adapters if task not in writing)
    outputs_of_batches: dict[str, list[dict[str, Tensor]]] = {task: [] for task in adapters}
    with torch.no_grad():
        start = 0
        for fields in evaluation_batches(tables, name, split, _batch_size(tables.plan), device):
            outputs = graph({name: fields}, plain) if plain else {}
            for task, adapter in adapters.items():
                if task in writing:

                    def run(fields: Mapping[str, Tensor], task: str = task) -> Tensor:
                        output: Tensor = graph({name: fields}, (task,))[task][name]
                        return output

                    prediction = writing[task].generate(run, fields, sampling._replace(first=start))
                else:
                    prediction = adapter.predict(outputs[task][name])
                outputs_of_batches[task].append({key: value.cpu() for key, value in prediction.items()})
            rows = len(next(iter(fields.values())))
            start += rows
            is_empty = torch.zeros(rows, dtype=torch.bool, device=device)
            for text in required_texts:
                is_empty |= (fields[text] < 0).all(1)
            empty += is_empty.tolist()
    outputs = {
        task: {key: join_padded([part[key] for part in parts]) for key in parts[0]} if parts else {}
        for task, parts in outputs_of_batches.items()
    }
    return outputs, empty


def _batch_size(plan: Plan) -> int:
    """Return how many samples are predicted at once."""
    sizes = [shape.numel or 0 for node in plan.nodes for shape in node.outputs.values()]
    return max(1, min(_BATCH, _ELEMENTS // max(*sizes, 1)))


def _collect(
    place: tuple[str, str],
    tables: Tables,
    plan: Plan,
    tasks: Mapping[str, TaskPlan],
    outputs_and_empty: tuple[Mapping[str, Mapping[str, Tensor]], Sequence[bool]],
) -> Predictions:
    name, split = place
    outputs, empty = outputs_and_empty
    table, reader = tables.table(name, split), tables.pool(name).reader
    numbers = sum(map(_num_numbers, outputs.values()))
    require_memory((_ROW_BYTES + _NUMBER_BYTES * numbers) * len(table.rows), "the table of predictions")
    rows: list[dict[str, Any]] = [{"sample": reader.where(int(row))} for row in table.rows]
    maps = {}
    for task, prediction in outputs.items():
        words = text_outputs.rows(plan, place, tables, tasks[task], prediction)
        if words is not None:
            for row, values in zip(rows, words, strict=True):
                row[task] = values
            continue
        classes = tasks[task].target_of(place[0]).classes
        if prediction and prediction.get("class", torch.zeros(0)).dim() > 1:
            maps[task] = _in_own_values(plan, name, tasks[task], prediction["class"].numpy())
        for row, values in zip(
            rows, _readable_values(prediction, classes) if prediction else (), strict=bool(prediction)
        ):
            row[task] = values
    _blank(rows, empty, [task for task, prediction in outputs.items() if "tags" not in prediction])
    if outputs and all(set(prediction) == {"tags"} for prediction in outputs.values()):
        texts = tables.pool(name).texts_of(table.rows)
        first: dict[int, dict[str, Any]] = {}
        for text, row in zip(texts, rows, strict=True):
            first.setdefault(text, row)
        rows = list(first.values())
    without = tuple(
        row["sample"] for row in rows if any(None in row[task].values() for task in outputs if task in row)
    )
    unread = tuple(
        row["sample"]
        for row in rows
        if any(None in row[task].get("tags", ()) for task in outputs if task in row)
    )
    return Predictions(name, tuple(rows), maps, without, unread)


def _num_numbers(prediction: Mapping[str, Tensor]) -> int:
    """Return how many numbers of a prediction are in a row; those of maps and texts are not counted."""
    return sum(
        tensor[0].numel() for _, tensor in _readable(prediction) if len(tensor) > 0 and tensor.dim() < 3
    )


def _blank(rows: Sequence[dict[str, Any]], empty: Sequence[bool], tasks: Sequence[str]) -> None:
    """Replace predictions without an input by None."""
    for row, is_empty in zip(rows, empty, strict=True):
        if is_empty:
            row |= {task: dict.fromkeys(row[task]) for task in tasks if task in row}


def _in_own_values(plan: Plan, dataset: str, task: TaskPlan, maps: Any) -> Any:
    """Return maps of class indices in the values that the target's masks hold."""
    field = plan.datasets[dataset].fields[task.target_field or ""]
    return read_component("fields", field.block).decode(maps, field.facts)


def _readable_values(
    prediction: Mapping[str, Tensor], classes: tuple[str, ...] | None
) -> Iterator[dict[str, Any]]:
    """Yield each sample's values as people read them."""
    count = len(next(iter(prediction.values()), ()))
    for index in range(count):
        row = {key: tensor[index] for key, tensor in _readable(prediction)}
        is_finite = all(bool(torch.isfinite(tensor).all()) for tensor in row.values())
        yield {key: _value(key, tensor, classes) if is_finite else None for key, tensor in row.items()}


def _readable(prediction: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
    """Return what a row can hold: of a map of classes its shares, not its pixels."""
    if prediction.get("class", torch.zeros(0)).dim() > 1:
        return [("share", prediction["class"])]
    return list(prediction.items())


def _value(key: str, tensor: Tensor, classes: tuple[str, ...] | None) -> Any:
    if key == "share" and classes:
        counts = (
            torch.bincount(tensor.flatten().clamp_min(0), minlength=len(classes)).double() / tensor.numel()
        )
        return dict(zip(classes, counts.tolist(), strict=False))
    if key == "class" and classes:
        return classes[int(tensor)]
    if key == "labels" and classes:
        return [name for name, flag in zip(classes, tensor.tolist(), strict=True) if flag]
    if key == "probability" and classes and tensor.dim() == 1:
        return dict(zip(classes, tensor.tolist(), strict=True))
    return tensor.tolist()


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(item, Mapping):
            yield from _flatten(item, name)
        else:
            yield name, _in_one_cell(item) if isinstance(item, list) else item


def _in_one_cell(values: list[Any]) -> str:
    """Return values with spaces between them; as JSON if a text holds a space, is empty or is None."""
    plain = all(not isinstance(value, str | None) or (value and len(value.split()) == 1) for value in values)
    return " ".join(map(str, values)) if plain else strict_json.dumps(values, ensure_ascii=False)


def _safe_cell(value: Any) -> Any:
    """Show control characters, and keep a spreadsheet from taking a text for a formula; numbers stay as they are."""
    if isinstance(value, str):
        value = visible(value)
    risky = (
        isinstance(value, str)
        and len(value) > 1  # a lone sign, as of a strand, is not a formula
        and value.startswith(_FORMULA_STARTS)
        and not _all_numbers(value)
    )
    return f"'{value}" if risky else value


def _all_numbers(text: str) -> bool:
    try:
        return all(map(isfinite, map(float, text.split())))
    except ValueError:
        return False
