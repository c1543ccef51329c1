"""`regression`: numbers for each sample."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import Field as Param

from declare.components.tasks._classes import may_miss
from declare.contract.facts import FieldFacts, OutputStatistics
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.kinds.transform import Effect
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.parsing.inverse_transforms import inverse

Moments = tuple[float, float]
"""Mean and standard deviation."""
_LEAST, _LARGEST, _ROUNDING = 2.0**-100, 2.0**127, 2.0**-24
"""float32: between these sizes only rounding is lost, up to this fraction."""
_NEGLIGIBLE = 5e-7
"""Fraction of the standard deviation that is negligible in any metric."""


class Regression(Task):
    """Predicts a number, or a vector of numbers, for each sample.

    The target is a `number` field [B], a `vector` field [B, width] or a `counts` field [B, units], with NaN
    if missing. It is learned in standard units: minus the mean, divided by the standard deviation, for each
    output, after the target's transforms, over the training splits of all datasets of the task (with equal
    weights). Metrics and predictions are in the data's own units: `log` and `standardize` of a target are
    undone. A transform that cannot be undone (`clip`) stays, and the plan reports it.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mae, r2]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("regressor", "number", "numerical", "forecasting")

    targets: ClassVar[tuple[Layout, ...]] = ("number", "vector", "counts", "sequence")
    prediction: ClassVar[Prediction] = "values"
    default_loss: ClassVar[str] = "mse"
    default_metrics: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2")
    target_effects: ClassVar[frozenset[Effect]] = frozenset({"units", "range", "places"})

    normalize: bool = Param(True, description="learn the target in standard units")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return the target's own shape."""
        if facts.shape.layout in {"number", "sequence"}:
            return Shape(facts.shape.layout, facts.shape.dims)
        return Shape("vector", facts.shape.dims)

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with mean and standard deviation of each output in the training splits."""
        output = self.output(next(iter(facts.values())))
        if isinstance(output, Problem):
            return output
        moments = _pool_moments([_moments(item) for item in facts.values()])
        mean = tuple(mean for mean, _ in moments) or None
        std = tuple(std for _, std in moments) or None
        units = {"mean": mean, "std": std} if self.normalize else {"center": mean}
        return Target(
            prediction=self.prediction,
            output=output,
            **units,
            double=any(map(_needs_double, facts.values())),
            # A vector may lack some of its numbers, which facts do not count.
            may_miss=output.layout != "number" or may_miss(self, facts),
        )

    def needs_statistics(self) -> bool:
        """Return that the mean of each output is needed: for standard units or for the trivial baseline."""
        return True

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Iterable[Problem]:
        """Yield a problem for outputs that are constant or always missing in training, among others that are not."""
        seen = [item.outputs for item in facts.values() if item.outputs is not None]
        number = len(seen[0].known) if seen else 0
        if len(seen) < len(facts) or any(len(item.known) != number for item in seen):
            return
        flat = [index for index in range(number) if _is_constant(seen, index)]
        # A target that never varies is reported at its field.
        if 0 < len(flat) < number:
            shown = ", ".join(map(str, flat[:8])) + (", ..." if len(flat) > 8 else "")
            yield Problem(
                "LOS436",
                f"{len(flat)} of {number} outputs of `{self.target}` are constant in training",
                at="target",
                label="nothing to learn",
                notes=(
                    f"their indices, from 0: {shown}",
                    "they keep their units: they are not divided by a standard deviation of 0",
                ),
                helps=("remove these columns from the target", "check the data and its `missing:` values"),
            )

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.regression import Regression as Real

        return Real(
            target=self.target or "",
            mask=self.mask,
            mean=target.mean or (),
            std=target.std or (),
            center=target.center or (),
            undo=inverse(target.undo),
        )


def _moments(facts: FieldFacts) -> list[Moments]:
    """Return mean and standard deviation of each output; of the whole field if no others are known."""
    if facts.outputs is not None:
        return list(zip(facts.outputs.mean, facts.outputs.std, strict=True))
    return [] if facts.mean is None or facts.std is None else [(facts.mean, facts.std)]


def _needs_double(facts: FieldFacts) -> bool:
    """Return whether float32 would shift some output by more than a negligible part of its standard deviation."""
    outputs = facts.outputs
    if outputs is not None:
        columns = list(zip(outputs.minimum, outputs.maximum, outputs.std, strict=True))
    elif facts.minimum is None or facts.maximum is None:
        return False
    else:
        columns = [(facts.minimum, facts.maximum, facts.std or 0.0)]
    return any(
        largest < _LEAST or largest > _LARGEST or largest * _ROUNDING > _NEGLIGIBLE * std
        for low, high, std in columns
        if (largest := max(abs(low), abs(high))) > 0
    )


def _is_constant(seen: Sequence[OutputStatistics], index: int) -> bool:
    known = [item for item in seen if item.known[index]]
    return len({bound for item in known for bound in (item.minimum[index], item.maximum[index])}) < 2


def _pool_moments(groups: Sequence[Sequence[Moments]]) -> list[Moments]:
    """Return mean and standard deviation of each output over groups of equal weight.

    None if some groups have moments for each output and others only for the whole field.
    """
    known = [group for group in groups if group]
    if len({len(group) for group in known}) != 1:
        return []
    return [_merge_moments(column) for column in zip(*known, strict=True)]


def _merge_moments(known: Sequence[Moments]) -> Moments:
    """Return the moments of groups with equal weight together; a standard deviation of 1 if nothing varies."""
    mean = sum(item for item, _ in known) / len(known)
    variance = sum(std**2 + (item - mean) ** 2 for item, std in known) / len(known)
    # A constant target keeps its unit: dividing by a spread that is only rounding would blow it up.
    std = math.sqrt(variance)
    return mean, std if std > 1e-15 * abs(mean) else 1.0
