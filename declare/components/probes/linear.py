"""`linear`: one linear layer on frozen features."""

from pydantic import Field as Param

from declare.contract.kinds.probe import FittedProbe, Probe


class Linear(Probe):
    """A linear layer on frozen features, fitted on the training split with the task's own loss.

    Features are brought to zero mean and unit spread; the fit starts from zero and goes to the minimum with L-BFGS,
    so nothing is drawn and the figures are the same each time. `l2` times the sum of squared weights is added to the
    loss. It is judged on validation data by the metrics of the task, as `probe/PHASE/TASK/METRIC`. Source: Alain and
    Bengio 2017, https://arxiv.org/abs/1610.01644.

    ```yaml
    phases:
      pretrain:
        epochs: 4
        batch_size: 32
        optimizer: {type: adamw, lr: 1e-3}
        probes: [{task: sex, type: linear}]
    ```
    """

    l2: float = Param(0.01, ge=0, le=1e6, description="weight of the sum of squared weights")
    iterations: int = Param(200, gt=0, description="iterations of L-BFGS at most")

    def build(self, width: int, output: tuple[int, ...]) -> FittedProbe:
        """Return the layer, all zeros."""
        from declare.nn.probes.linear import LinearProbe

        return LinearProbe(width, output, l2=self.l2, iterations=self.iterations)
