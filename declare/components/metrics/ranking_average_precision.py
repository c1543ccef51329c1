"""`ranking_average_precision`: how true the labels above true ones are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class RankingAveragePrecision(Metric):
    """Share of true labels among those that stand at least as high as a true one, over true labels and samples.

    Takes label logits [N, labels]; a missing label is not ranked, and a sample without a known label does not
    count. A sample all of whose labels are true, or none, has 1, as in scikit-learn; null where every sample is
    such a one. Source: Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [ranking_average_precision]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.label_ranking import LabelRanks, ranking_precision

        return Figure(LabelRanks(), ranking_precision)
