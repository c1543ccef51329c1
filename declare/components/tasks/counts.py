"""`counts`: the event rates of several units."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.kinds.transform import Effect
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Counts(Task):
    """Predicts the rate at which each unit fires; counts are modelled as Poisson distributed.

    The target is a `counts` field [B, units], NaN where a unit was not recorded; `mask` is a `valid` field
    for whole samples [B] or for each unit [B, units]. The head gives a score for each unit, and
    `nonlinearity` maps it to a rate relative to the unit's mean rate in the training split: a score of 0
    predicts the mean rate. Metrics and predictions are rates, in events per sample. A transform that changes
    counts (`log`) is refused. If the units of several datasets differ, state `per_dataset: true` in the head.

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, mask: usable, metrics: [bits_per_spike]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("poisson", "poisson_regression", "count")

    targets: ClassVar[tuple[Layout, ...]] = ("counts",)
    prediction: ClassVar[Prediction] = "rates"
    feeds: ClassVar[tuple[Layout, ...]] = ("image", "video", "vector")
    default_loss: ClassVar[str] = "poisson_nll"
    default_metrics: ClassVar[tuple[str, ...]] = ("bits_per_spike", "correlation")
    target_effects: ClassVar[frozenset[Effect]] = frozenset({"range", "places"})

    nonlinearity: Literal["softplus", "exp", "elu"] = Param(
        "softplus", description="maps a score to a rate; `elu` is elu(score) + 1"
    )

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return a number for each unit."""
        return Shape("vector", facts.shape.dims)

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with each unit's mean rate, averaged over datasets that share their units."""
        means = [self._means(item) for item in facts.values()]
        first = next(iter(facts.values()))
        return Target(
            prediction=self.prediction,
            output=Shape("vector", first.shape.dims),
            mean=tuple(sum(column) / len(means) for column in zip(*means, strict=True)),
            link=self.nonlinearity,
        )

    def _means(self, facts: FieldFacts) -> list[float]:
        """Return each unit's mean rate over valid targets; the mean of all units if it is unknown.

        A unit without events gets half an event over the whole training split, so that its logarithm is
        finite.
        """
        if facts.outputs is not None:
            known_of_unit = zip(facts.outputs.mean, facts.outputs.known, strict=True)
            return [max(mean, 0.5 / max(number, 1)) for mean, number in known_of_unit]
        known = facts.extra.get("means", {})
        every = [facts.mean or 1.0] * (facts.shape.dims[0] or 0)
        return list(known.get(self.mask or "") or known.get("") or every)

    def needs_statistics(self) -> bool:
        """Return that rates are relative to the mean of each unit."""
        return True

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Iterable[Problem]:
        """Yield a problem if no unit fires in the training split."""
        for name, item in facts.items():
            if item.maximum == 0 or (item.outputs is not None and not any(item.outputs.maximum)):
                yield Problem(
                    "LOS412",
                    f"no unit of `{self.target}` fires in `{name}`",
                    at="target",
                    label="zero everywhere",
                    helps=("use another column, or remove the dataset",),
                )

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.counts import Counts as Real

        return Real(target=self.target or "", means=target.mean or (), link=target.link or "", mask=self.mask)
