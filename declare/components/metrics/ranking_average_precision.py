"""`ranking_average_precision`: how true the labels above true ones are."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import LabelRankingMetric


class RankingAveragePrecision(LabelRankingMetric):
    """Share of true labels among those that stand at least as high as a true one, over true labels and samples.

    Takes label logits [N, labels]; a missing label is not ranked, and a sample without a known label does not
    count. A sample all of whose labels are true, or none, has 1, as in scikit-learn; null where every sample is
    such a one. Source: Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [ranking_average_precision]}
    ```
    """

    mode: ClassVar[Literal["max", "min"]] = "max"
    formula: ClassVar[str] = "ranking_precision"
