"""`isc`: the correlation between subjects."""

from typing import ClassVar

from declare.components.metrics._formulas import EmbeddingMetric


class Isc(EmbeddingMetric):
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
    formula: ClassVar[str] = "isc"
