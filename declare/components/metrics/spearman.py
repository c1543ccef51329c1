"""`spearman`: the correlation of ranks."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, RankingMetric
from declare.contract.prediction import Prediction


class Spearman(RankingMetric):
    """Spearman's correlation of the ranks of predicted and true values; ties share their mean rank.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Undefined (null) if
    predictions or targets are constant. Source: Spearman 1904.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [spearman]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("spearmanr", "SpearmanCorrCoef", "rank_correlation")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)
    needs_varied_targets: ClassVar[bool] = True
    constant_value: ClassVar[float | None] = 0.0

    def formula(self) -> Cost:
        """Return the score of each column."""
        from declare.nn.metrics.ranking import spearman

        return spearman
