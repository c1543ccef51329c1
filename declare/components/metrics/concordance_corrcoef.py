"""`concordance_corrcoef`: agreement of predicted and true values."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class ConcordanceCorrcoef(Metric):
    """Lin's concordance: the correlation, less where means or spreads differ; 1 is perfect.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count. Moments are divided by N. Not
    defined (null) where all values are the same. Source: Lin 1989.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [concordance_corrcoef]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import Moments, concordance, each_output

        return Figure(Moments(), each_output(concordance))
