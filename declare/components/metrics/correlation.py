"""`correlation`: Pearson's correlation of rates and counts for each neuron."""

from typing import ClassVar

from declare.components.metrics._formulas import Formula, OutputMomentsMetric
from declare.contract.prediction import Prediction


class Correlation(OutputMomentsMetric):
    """Pearson's correlation of rates and counts over samples, averaged over neurons.

    Takes rates [B, units] and counts; NaN and masked counts are ignored. Neurons with a constant rate or
    count are left out of the average. Trial-to-trial noise keeps it well below 1 even for a perfect model.
    Source: any textbook.

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, metrics: [correlation]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"rates"})
    needs_varied_targets: ClassVar[bool] = True
    constant_value: ClassVar[float | None] = 0.0

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import correlation

        return correlation
