"""`correlation`: Pearson's correlation of rates and counts, neuron by neuron."""

from typing import ClassVar

from declare.components.metrics._formulas import OutputMomentsMetric
from declare.contract.prediction import Prediction


class Correlation(OutputMomentsMetric):
    """Pearson's correlation of rates and counts over samples, averaged over neurons.

    Takes rates [B, units] and counts; counts that are NaN or masked do not count. Neurons whose rate or count is
    constant are left out of the average. Noise in single trials keeps it well below 1 for the best model there is.
    Source: any textbook.

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, metrics: [correlation]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"rates"})
    needs_varied_targets: ClassVar[bool] = True
    formula: ClassVar[str] = "correlation"
