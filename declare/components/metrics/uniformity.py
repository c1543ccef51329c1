"""`uniformity`: how evenly embeddings are spread."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import EmbeddingMetric, Formula


class Uniformity(EmbeddingMetric):
    """Log of the mean Gaussian potential exp(-2 d^2) over all pairs on the unit sphere.

    Takes embeddings [N, features]. 0 means that all embeddings are equal; lower values mean that they are
    spread more evenly. Uses at most 8,192 samples. Source: Wang and Isola 2020,
    https://arxiv.org/abs/2005.10242.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [uniformity]}
    ```
    """

    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (-8.0, 0.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.embeddings import uniformity

        return uniformity
