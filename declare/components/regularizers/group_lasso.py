"""`group_lasso`: the sum of the norms of groups of weights."""

from typing import Literal

from pydantic import Field as Param

from declare.contract.kinds.regularizer import Regularizer
from declare.contract.torch_types import TorchModule


class GroupLasso(Regularizer):
    """Sum over groups of weights of norm times root of size: drives whole units to zero.

    A group is a row (`by: output`) or a column (`by: input`) of a weight matrix. The penalty is added to the
    loss, so that groups approach zero but rarely reach it exactly, as a proximal step would achieve. Source:
    Yuan and Lin 2006.

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
        "output", description="what a group is: the weights of an output unit, or of an input"
    )

    def build(self) -> TorchModule:
        """Return the penalty."""
        from declare.nn.regularizers.penalties import GroupLasso as Real

        return Real(0 if self.by == "output" else 1)
