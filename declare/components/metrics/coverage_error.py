"""`coverage_error`: how far down the true labels reach."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class CoverageError(Metric):
    """Number of labels that one goes down from the highest to find all true ones, on average over samples.

    Takes label logits [N, labels]; a missing label is not ranked, and a sample without a known label does not
    count. A sample without a true label has 0, as in scikit-learn; null where no sample has one. Source:
    Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [coverage_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.label_ranking import LabelRanks, coverage

        return Figure(LabelRanks(), coverage)
