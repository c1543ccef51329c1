"""`uniformity`: how evenly embeddings are spread."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.components.metrics._embedding_figures import EmbeddingMetric


class Uniformity(EmbeddingMetric):
    """Log of the mean Gaussian potential exp(-2 d^2) over all pairs on the unit sphere.

    Takes embeddings [N, features]. 0 means that all are the same; the lower, the more evenly they are spread. Over
    at most 8,192 samples. Source: Wang and Isola 2020, https://arxiv.org/abs/2005.10242.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [uniformity]}
    ```
    """

    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (-8.0, 0.0)

    def figure(self) -> Callable[..., Any]:
        """Return the figure of all embeddings."""
        from declare.nn.metrics.embeddings import uniformity

        return uniformity
