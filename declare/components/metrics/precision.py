"""`precision`: the share of what was predicted that is true."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.metric import Metric
from declare.contract.task import Target


class Precision(Metric):
    """Share of what was predicted that is true, over classes or labels.

    Takes class probabilities [N, classes], of pixels too, or label probabilities [N, labels]. Missing
    labels do not count. Classes that are neither true nor predicted in the evaluation are left out of the
    mean, as in scikit-learn; on an ordinal task the predicted class is the median class. Source: any
    textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [precision]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset(
        {"class_logits", "label_logits", "ordinal_logits", "pixel_logits"}
    )
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    average: Literal["macro", "micro", "weighted"] = Param(
        "macro", description="mean over classes, over all decisions, or over classes by their samples"
    )
    threshold: float = Param(0.5, gt=0, lt=1, description="probability above which a label is predicted")

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.agreement import Confusion, LabelCounts, averaged, precision
        from declare.nn.metrics.figure import Figure

        if target.prediction == "label_logits":
            return Figure(LabelCounts(self.threshold), averaged(precision, self.average, labels=True))
        ordered = target.prediction == "ordinal_logits"
        return Figure(
            Confusion(len(target.classes or ()), ordered=ordered), averaged(precision, self.average)
        )
