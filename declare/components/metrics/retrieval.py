"""`retrieval`: whether the nearest sample is a positive."""

from typing import ClassVar

from declare.components.metrics._formulas import EmbeddingMetric, Formula


class Retrieval(EmbeddingMetric):
    """Fraction of samples whose nearest sample of another origin (by cosine) is a positive.

    Takes embeddings [N, features] and their groups; samples without a positive are ignored. If several
    samples are equally near, the fraction of positives among them counts. Chance level is the fraction of
    positives among all samples. Uses at most 8,192 samples. Source: any textbook (recall at 1).

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [retrieval]}
    ```
    """

    needs_positives: ClassVar[bool] = True
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.embeddings import retrieval

        return retrieval
