"""`isc`: inter-subject correlation."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class Isc(Loss):
    """1 - inter-subject correlation: makes features vary alike over stimuli in different subjects.

    Takes embeddings [B, features] as the head gives them, and their groups. It is the correlation over the
    positive pairs of the batch for each feature, averaged over features. The metric `isc` normalises
    embeddings to unit length first. It needs no negatives, but alone it may use few dimensions: combine it
    with `info_nce`. Source: Hasson et al. 2004, https://doi.org/10.1126/science.1089506.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], loss: isc}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"embedding"})

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that the target of a sample is its group and its origin."""
        return (2,)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.pairs import InterSubject

        return InterSubject()
