"""A spec written for a data file: for a table by its columns, for a folder of class folders."""

from collections.abc import Sequence
from pathlib import Path

from declare.cli.new_spec.columns import Column, is_class
from declare.contract import strict_json

_FIT = """phases:
  fit:
    epochs: 20
    batch_size: {batch}
    optimizer: {{type: adamw, lr: 1e-3, weight_decay: 0.01}}
    schedule: {{type: cosine, warmup: 10%}}
    evaluate: {{every: 1 epochs, best: {{metric: val/{metric}, mode: {mode}}}}}
"""


def table(name: str, path: str, columns: Sequence[Column], target: Column) -> str:
    """Return the spec that predicts `target` from every other usable column."""
    inputs = [column for column in columns if column.kind != "unused" and column is not target]
    numbers = [column.field for column in inputs if column.kind == "number"]
    kind = "category" if is_class(target) else "number"
    lines = [
        f"# Predicts `{target.title}` from the other columns.",
        "# The types were guessed from the first rows: check them.",
        "declare: 1",
        f"name: {name}",
        "datasets:",
        "  table:",
        f"    source: {{type: {_source(path)}, path: {_quote(path)}}}",
        "    fields:",
        *(_field(column, column.kind) for column in inputs),
        _field(target, kind),
        *(
            f"      # left out: `{column.title}`, {_unusable_because(column)}"
            for column in columns
            if column.kind == "unused"
        ),
    ]
    if numbers:
        lines += ["    transforms:", f"      - {{type: standardize, fields: [{', '.join(numbers)}]}}"]
    task = {"category": "classification", "number": "regression"}[kind]
    metrics = {"category": "[accuracy, f1]", "number": "[mae, rmse, r2]"}[kind]
    stratify = f", stratify: {target.field}" if kind == "category" else ""
    lines += [
        f"    split: {{val: 0.15, test: 0.15{stratify}}}",
        "model:",
        f"  row: {{type: tabular, input: [{', '.join(column.field for column in inputs)}], width: 64}}",
        "  encoder: {type: mlp, input: row, hidden: [128, 128], dropout: 0.1}",
        "tasks:",
        f"  target: {{type: {task}, dataset: table, target: {target.field}, metrics: {metrics}}}",
    ]
    best, mode = {"category": ("target/f1", "max"), "number": ("target/rmse", "min")}[kind]
    return "\n".join(lines) + "\n" + _FIT.format(batch=256, metric=best, mode=mode)


def images(name: str, path: str) -> str:
    """Return the spec of an image classification of the class folders in a folder."""
    lines = [
        "# Tells apart the images in the class folders.",
        "declare: 1",
        f"name: {name}",
        "datasets:",
        "  images:",
        f"    source: {{type: image_folder, path: {_quote(path)}}}",
        "    transforms:",
        "      - {type: resize, field: image, size: [64, 64]}",
        "    split: {val: 0.15, test: 0.15, stratify: label}",
        "model:",
        "  # Any timm model instead: {type: timm, name: resnet18, input: image, pretrained: true}",
        "  encoder: {type: cnn, channels: [32, 64, 128], input: image}",
        "tasks:",
        "  label: {type: classification, dataset: images, target: label, metrics: [accuracy, f1]}",
    ]
    return "\n".join(lines) + "\n" + _FIT.format(batch=64, metric="label/f1", mode="max")


def _source(path: str) -> str:
    return "parquet" if Path(path).suffix == ".parquet" else "csv"


def _field(column: Column, kind: str) -> str:
    column_key = "" if column.title == column.field else f", column: {_quote(column.title)}"
    missing = f", missing: {strict_json.dumps(list(column.missing))}" if column.missing else ""
    return f"      {column.field}: {{type: {kind}{column_key}{missing}}}"


def _quote(text: str) -> str:
    """Return text as a YAML scalar that nothing interpolates."""
    return strict_json.dumps(text).replace("${", "$${")


def _unusable_because(column: Column) -> str:
    if not column.title:
        return "it has no name"
    return "it never changes" if column.unique < 2 else f"{column.unique} different values"
