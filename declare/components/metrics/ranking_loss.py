"""`ranking_loss`: the share of pairs of labels in the wrong order."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class RankingLoss(Metric):
    """Share of pairs of a true and a false label that do not stand in that order, ties included, over samples.

    Takes label logits [N, labels]; a missing label is not ranked, and a sample without a known label does not
    count. A sample all of whose labels are true, or none, has 0, as in scikit-learn; null where every sample is
    such a one. Source: Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [ranking_loss]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.label_ranking import LabelRanks, ranking_loss

        return Figure(LabelRanks(), ranking_loss)
