"""`bits_per_spike`: the gain in log likelihood over the neuron's mean rate."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class BitsPerSpike(Metric):
    """Gain in log likelihood over each neuron's mean rate in the training split, in bits per spike.

    Takes rates [B, units] and counts; NaN and masked counts are ignored. Rates below 1e-8 are set to 1e-8. 0
    is as good as the mean rate, negative values are worse. With `average: spikes`, gains and spikes are
    summed over all neurons before the division, so that active neurons weigh more; with `average: units`,
    every neuron with spikes has equal weight. The overall value of several datasets is computed over all
    their neurons. Source: Pei et al. 2021 (Neural Latents Benchmark).

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, metrics: [bits_per_spike]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"rates"})
    mode: ClassVar[Literal["max", "min"]] = "max"

    average: Literal["spikes", "units"] = Param(
        "spikes", description="whether spikes or units have equal weight"
    )

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import AccumulatedMetric
        from declare.nn.metrics.spikes import Likelihoods, per_event, per_unit

        return AccumulatedMetric(
            Likelihoods(target.mean or ()), per_event if self.average == "spikes" else per_unit
        )
