"""`alignment`: how close positives lie."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Alignment(Metric):
    """Mean squared distance of positive pairs on the unit sphere.

    Takes embeddings [N, features] and their groups. 0 is perfect; pairs drawn at random from embeddings that are
    spread over the sphere have 2. Over at most 8,192 samples. Source: Wang and Isola 2020,
    https://arxiv.org/abs/2005.10242.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [alignment]}
    ```
    """

    needs_positives: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"embedding"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 4.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.embeddings import Embeddings, alignment
        from declare.nn.metrics.figure import Figure

        return Figure(Embeddings(), alignment)
