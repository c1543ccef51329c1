"""Metrics: figures of an evaluation, per dataset and overall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from declare.contract.component import Component

if TYPE_CHECKING:
    from declare.contract.task import Target


class Metric(Component):
    """A figure of merit; `build` returns an object with `update(prediction, target)`, `compute()` and `reset()`.

    For class predictions `prediction` is logits [N, classes] (probabilities are their softmax) and `target`
    indices [N]; for ordinal ones log-probabilities [N, classes] in double precision; for labels logits [N,
    labels] and 0/1 [N, labels]; for values both are [N] or [N, width] in the target's units; for pixels logits
    [N, classes, H, W] and indices [N, H, W] with -1 where nothing is labelled; for tokens logits [N, length,
    vocabulary] and ids [N, length], -1 where nothing counts. A figure that these samples do not define is NaN,
    never a number made up.

    With `portion()` (what one process has seen) and `unite(portions)` processes share an evaluation; a metric
    without them is shown all samples in every process.
    """

    takes: ClassVar[frozenset[str]]
    mode: ClassVar[Literal["max", "min"]]
    """Whether more or less is better."""
    bounds: ClassVar[tuple[float | None, float | None]] = (None, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        raise NotImplementedError
