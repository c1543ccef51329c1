"""`isc`: inter-subject correlation."""

from typing import ClassVar

from declare.components.metrics._formulas import EmbeddingMetric, Formula


class Isc(EmbeddingMetric):
    """Inter-subject correlation: how similar the features of two subjects are for the same stimulus.

    Takes embeddings [N, features] and their groups. It is the correlation over all positive pairs for each
    feature of the embeddings at unit length (as in predictions), averaged over the features that vary: 1 is
    perfect, 0 is chance. The loss `isc` uses embeddings as the head gives them. Uses the first 8,192 samples.
    Source: Hasson et al. 2004, https://doi.org/10.1126/science.1089506.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], metrics: [isc]}
    ```
    """

    needs_positives: ClassVar[bool] = True

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.embeddings import isc

        return isc
