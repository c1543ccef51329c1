"""`bits_per_spike`: how much a model says of each spike, beyond the neuron's mean rate."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class BitsPerSpike(Metric):
    """Gain in log likelihood over each neuron's mean rate in the training split, in bits per spike.

    Takes rates [B, units] and counts; counts that are NaN or masked do not count. Rates
    below 1e-8 count as 1e-8. 0 is as good as the mean rate,
    below it is worse. With `average: spikes` gains and spikes are summed over all neurons before they are divided, so
    that active neurons weigh more; with `average: units` each neuron that fired weighs the same. Overall figures of
    several datasets are those of all their neurons together. Source: Pei et al. 2021 (Neural Latents Benchmark).

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, metrics: [bits_per_spike]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"rates"})
    mode: ClassVar[Literal["max", "min"]] = "max"

    average: Literal["spikes", "units"] = Param("spikes", description="what weighs the same")

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.spikes import Likelihoods, per_event, per_unit

        return Figure(Likelihoods(target.mean or ()), per_event if self.average == "spikes" else per_unit)
