"""`linear`: one linear layer on frozen features."""

from pydantic import Field as Param

from declare.contract.kinds.probe import FittedProbe, Probe


class Linear(Probe):
    """A linear layer on frozen features, fitted on the training split with the task's own loss.

    Features are standardised to zero mean and unit variance; the fit starts at zero and runs L-BFGS to the
    minimum, so it is deterministic. `l2` times the sum of squared weights is added to the loss. The metrics
    of the task are computed on validation data, as `probe/PHASE/TASK/METRIC`. Source: Alain and Bengio 2017,
    https://arxiv.org/abs/1610.01644.

    ```yaml
    phases:
      pretrain:
        epochs: 4
        batch_size: 32
        optimizer: {type: adamw, lr: 1e-3}
        probes: [{task: sex, type: linear}]
    ```
    """

    l2: float = Param(0.01, ge=0, le=1e6, description="coefficient of the sum of squared weights")
    iterations: int = Param(200, gt=0, description="maximum number of L-BFGS iterations")

    def build(self, width: int, output: tuple[int, ...]) -> FittedProbe:
        """Return the layer, initialised to zero."""
        from declare.nn.probes.linear import LinearProbe

        return LinearProbe(width, output, l2=self.l2, iterations=self.iterations)
