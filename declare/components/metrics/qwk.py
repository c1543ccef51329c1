"""`qwk`: agreement of ordered classes beyond chance."""

from typing import ClassVar

from declare.components.metrics._formulas import ConfusionMetric, Formula


class Qwk(ConfusionMetric):
    """Cohen's kappa with quadratic weights: 1 is perfect, 0 is chance.

    Takes class logits [N, classes] of ordered classes; missing labels are ignored. Undefined (null) if
    neither truth nor prediction varies. Source: Cohen 1968.

    ```yaml
    tasks:
      pain: {type: ordinal, dataset: lab, target: pain_level, metrics: [qwk]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("quadratic_weighted_kappa", "quadratic_kappa")

    needs_class_order: ClassVar[bool] = True
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.classification import quadratic_kappa

        return quadratic_kappa
