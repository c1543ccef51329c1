"""`group_lasso`: the sum of the norms of groups of weights."""

from typing import Literal

from pydantic import Field as Param

from declare.contract.kinds.regularizer import Regularizer
from declare.contract.torch_types import TorchModule


class GroupLasso(Regularizer):
    """Sum over groups of weights of their norm times the root of their size: draws whole units to zero.

    A group is the row (`by: output`) or the column (`by: input`) of a weight. This is the penalty form: its
    gradient is added to the loss's, so that groups come near zero but seldom reach it exactly, as a
    proximal step would make them. Source: Yuan and Lin 2006.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        regularizers: [{type: group_lasso, match: encoder.0.weight, weight: 1e-3, by: input}]
    ```
    """

    by: Literal["output", "input"] = Param(
        "output", description="what a group belongs to: a unit or what it reads"
    )

    def build(self) -> TorchModule:
        """Return the penalty."""
        from declare.nn.regularizers.penalties import GroupLasso as Real

        return Real(0 if self.by == "output" else 1)
