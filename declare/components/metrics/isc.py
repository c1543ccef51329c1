"""`isc`: the correlation between subjects."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Isc(Metric):
    """Inter-subject correlation: how far the same stimulus gives the same features in two subjects.

    Takes embeddings [N, features] and their groups. For each feature of the embeddings at unit length, as predictions
    have them, the correlation over all positive pairs, averaged over the features that vary: 1 is perfect, 0 is
    chance. The loss `isc` takes them as the head gives them. Over the first 8,192 samples. Source: Hasson
    et al. 2004, https://doi.org/10.1126/science.1089506.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [isc]}
    ```
    """

    needs_positives: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"embedding"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.embeddings import Embeddings, isc
        from declare.nn.metrics.figure import Figure

        return Figure(Embeddings(), isc)
