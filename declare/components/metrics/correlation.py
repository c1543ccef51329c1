"""`correlation`: Pearson's correlation of rates and counts, neuron by neuron."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Correlation(Metric):
    """Pearson's correlation of rates and counts over samples, averaged over neurons.

    Takes rates [B, units] and counts; counts that are NaN or masked do not count. Neurons whose rate or count is
    constant are left out of the average. Noise in single trials keeps it well below 1 for the best model there is.
    Source: any textbook.

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, metrics: [correlation]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"rates"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import Moments, correlation, each_output

        return Figure(Moments(), each_output(correlation))
