"""Metrics of evaluations, for each dataset and overall."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from declare.contract.component import Component
from declare.contract.prediction import Prediction

if TYPE_CHECKING:
    from declare.contract.kinds.task import Target


class Metric(Component):
    """A metric of an evaluation.

    `build` returns an object with `update(prediction, target)`, which takes a batch, `compute()`, which returns the
    metric over all batches so far as a scalar, and `reset()`.

    For class predictions `prediction` is logits [N, classes] (probabilities are their softmax) and `target`
    indices [N]; for ordinal ones log-probabilities [N, classes] in double precision; for labels logits [N,
    labels] and 0/1 [N, labels]; for values both are [N] or [N, width] in the target's units; for pixels logits
    [N, classes, H, W] and indices [N, H, W] with -1 where nothing is labelled; for tokens logits [N, length,
    vocabulary] and ids [N, length], -1 where nothing counts. A metric that these samples do not define is NaN,
    never a number made up.

    With `local_state()` (what one process has seen) and `merge_states(states)` processes share an evaluation; a
    metric without them is shown all samples in every process.
    """

    takes: ClassVar[frozenset[Prediction]]
    mode: ClassVar[Literal["max", "min"]]
    """Whether more or less is better."""
    needs_positives: ClassVar[bool] = False
    """Whether it compares samples that belong together: without any the metric is undefined."""
    needs_class_order: ClassVar[bool] = False
    """Whether the order of classes has a meaning."""
    needs_varied_targets: ClassVar[bool] = False
    """Whether it is undefined if all targets are equal, or one sample alone has one (one target a sample)."""
    constant_value: ClassVar[float | None] = None
    """What a prediction that is the same for every sample is worth where the formula has no value for it: chance."""
    pools_heads: ClassVar[bool] = True
    """Whether predictions of several heads enter one metric; else it is the mean of those of the heads."""
    bounds: ClassVar[tuple[float | None, float | None]] = (None, None)

    @classmethod
    def interface(cls) -> tuple[str, ...]:
        """Return the kinds of prediction that it accepts."""
        return (f"prediction: {' | '.join(sorted(cls.takes))}",)

    def build(self, target: Target) -> Any:
        """Return the metric of `target`: an object with `update`, `compute` and `reset`."""
        raise NotImplementedError

    def metric_name(self) -> str:
        """Return the name of the metric in results: the type, and every parameter that is not the default.

        `accuracy` with `top: 2` is `accuracy_top2`, `f1` with `average: micro` is `f1_micro`.
        """
        words = [self.type_name()]
        for key, info in type(self).model_fields.items():
            value = getattr(self, key)
            if value != info.get_default(call_default_factory=True):
                words.append(_name_part(key, value))
        return re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")


def _name_part(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return key if value else f"not_{key}"
    if isinstance(value, int | float):
        return f"{key}{value:g}"
    return "_".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def by_metric_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Return the metrics of a task by name; a second one with the same name gets a number."""
    by_name: dict[str, Metric] = {}
    for metric in metrics:
        name = metric.metric_name()
        number = 2
        while name in by_name:
            name, number = f"{metric.metric_name()}_{number}", number + 1
        by_name[name] = metric
    return by_name
