"""`alignment`: how close the embeddings of positives are."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import EmbeddingMetric, Formula


class Alignment(EmbeddingMetric):
    """Mean squared distance between positive pairs on the unit sphere.

    Takes embeddings [N, features] and their groups. 0 is best; random pairs of embeddings spread evenly over
    the sphere have 2. Uses at most 8,192 samples. Source: Wang and Isola 2020,
    https://arxiv.org/abs/2005.10242.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [alignment]}
    ```
    """

    needs_positives: ClassVar[bool] = True
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 4.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.embeddings import alignment

        return alignment
