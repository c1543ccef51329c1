"""`retrieval`: whether the nearest is a positive."""

from typing import ClassVar

from declare.components.metrics._formulas import EmbeddingMetric


class Retrieval(EmbeddingMetric):
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
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    formula: ClassVar[str] = "retrieval"
