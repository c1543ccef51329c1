"""`isc`: the same response in every subject."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class Isc(Loss):
    """1 - inter-subject correlation: features vary alike over stimuli in different subjects.

    Takes embeddings [B, features] as the head gives them, and their groups. For each feature the correlation over the
    positive pairs of the batch, averaged over features. The metric `isc` takes them at unit length. Needs no
    negatives; alone it may use few directions, so add `info_nce`. Source:
    Hasson et al. 2004, https://doi.org/10.1126/science.1089506.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], loss: isc}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"embedding"})

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that there is a group and an origin for each sample."""
        return (2,)

    def build(self, target: Target) -> SummedLoss:
        """Return the real loss."""
        from declare.nn.losses.pairs import InterSubject

        return InterSubject()
