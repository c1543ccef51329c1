"""`retrieval`: whether the nearest is a positive."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Retrieval(Metric):
    """Share of samples whose nearest sample of another origin (by cosine) is a positive.

    Takes embeddings [N, features] and their groups; samples without a positive do not count; of
    several as near samples the share of positives does. Chance is the share of
    positives among all. Over at most 8,192 samples. Source: any textbook (recall at 1).

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [retrieval]}
    ```
    """

    needs_positives: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"embedding"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.embeddings import Embeddings, retrieval
        from declare.nn.metrics.figure import Figure

        return Figure(Embeddings(), retrieval)
