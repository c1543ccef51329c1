"""`info_nce`: contrastive loss."""

from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class InfoNce(Loss):
    """Cross entropy of identifying a positive among the negatives of the batch.

    Takes embeddings [B, features], compared by cosine similarity, and their groups. The task defines
    positives. `negatives` are all rows of other groups (`batch`), or only those of the same origin
    (`explicit`: the same subject at another moment), so that the model cannot lower the loss by telling
    subjects apart. Rows without a positive are ignored. The value depends on the batch size. Source: van den
    Oord et al. 2018, https://arxiv.org/abs/1807.03748; several positives: Khosla et al. 2020.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], loss: info_nce}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("nt_xent", "contrastive_loss", "NTXentLoss", "simclr")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"embedding"})

    temperature: float = Param(
        0.07,
        ge=1e-4,
        le=1e6,
        description="cosine similarities are divided by it; lower values weight hard negatives more",
    )
    negatives: Literal["batch", "explicit"] = Param(
        "batch", description="rows of other groups: all of the batch, or those of the same origin"
    )

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that the target of a sample is its group and its origin."""
        return (2,)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.pairs import InfoNce

        return InfoNce(self.temperature, explicit=self.negatives == "explicit")
