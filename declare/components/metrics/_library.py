"""Metrics of torchmetrics by name; a table holds what they take and their parameters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast

from pydantic import Field as Param
from pydantic import create_model

from declare.contract.component import Component
from declare.contract.library_table import LibraryTable
from declare.contract.metric import Metric
from declare.contract.task import Target

TABLE = LibraryTable(
    Path(__file__).with_name("tables") / "metrics.json", f"{__package__}._introspect", ("torchmetrics",)
)
_WORDS: dict[str, Any] = {"float": float, "int": int, "bool": bool, "str": str}


class _FromLibrary(Metric):
    """A metric of torchmetrics with its own parameters."""

    classes: ClassVar[dict[str, str]]
    """Kind of prediction -> class of torchmetrics."""

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        import torchmetrics.classification
        import torchmetrics.regression

        from declare.nn.metrics.library import FromTorchmetrics

        name = self.classes[target.prediction]
        stated = {key: value for key, value in self if value is not None}
        if target.prediction == "values":
            return FromTorchmetrics(getattr(torchmetrics.regression, name)(**stated), kind="values")
        count = len(target.classes or ())
        sizes = {"num_labels": count} if target.prediction == "label_logits" else {"num_classes": count}
        rule = getattr(torchmetrics.classification, name)
        return FromTorchmetrics(rule(**sizes, ignore_index=-1, **stated), kind=target.prediction)


def names() -> list[str]:
    """Return the names that have no file of their own."""
    return list(TABLE.records())


@cache
def find(name: str) -> type[Component] | None:
    """Return the component of a metric of torchmetrics, or None."""
    record = TABLE.record(name)
    if record is None:
        return None
    parameters: dict[str, Any] = {
        key: (_annotation(kind), Param(default)) for key, (kind, default) in record["parameters"].items()
    }
    made = create_model(
        "".join(part.title() for part in name.split("_")),
        __base__=_FromLibrary,
        __module__=f"{__package__}.{name}",
        __doc__=_text(name, record),
        **parameters,
    )
    found = cast("type[_FromLibrary]", made)
    found.classes, found.takes = record["classes"], frozenset(record["classes"])
    found.mode, found.bounds = record["mode"], tuple(record["bounds"])
    return found


def _annotation(kind: str) -> Any:
    return _WORDS[kind.rstrip("?")] | None if kind.endswith("?") else _WORDS[kind]


def _text(name: str, record: dict[str, Any]) -> str:
    """Return the docstring of a library's metric."""
    task = "age: {type: regression, dataset: people, target: age" if "values" in record["classes"] else ""
    task = task or "digit: {type: classification, dataset: digits, target: label"
    return (
        f"{record['summary']}\n\nMissing targets do not count.\n"
        f"Source: torchmetrics {', '.join(sorted(set(record['classes'].values())))}.\n\n"
        f"```yaml\ntasks:\n  {task}, metrics: [{name}]}}\n```\n"
    )
