"""Predictive coding with a context. Shapes: B batch, C features, K causes, D width of the context, P places."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from declare.nn.modules.film import Gain
from declare.nn.modules.padding import mean_over


class PredictiveCoding(nn.Module):
    """Explains features by causes that the context expects, and passes on the features with their error.

    Inputs x[B, C, ...] and context [B, D] or [B]. Outputs `output` like x and `prediction_error` [B].

    At each place the causes r [K] start where the context expects them, r0 = A context + a, and go down the energy
    E(r) = |x - U r - u|^2 / 2 + prior |r - r0|^2 / 2 for `steps` steps. With e = x - U r - u,
    output = gain(context) * x + shift(context) + W e, and `prediction_error` is the mean of e^2 over features and
    places. The features are constants to the error: it teaches the prediction, not what is predicted, which would
    else learn to be dull. If `lengths` [B] are given, the mean is over a sample's own steps.
    """

    def __init__(
        self,
        features: int,
        context: int,
        *,
        causes: int = 8,
        steps: int = 2,
        prior: float = 0.1,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.prior = prior
        self.gain = Gain(context, features, hidden)
        self.expect = nn.Linear(context, causes)
        self.predict = nn.Linear(causes, features)
        self.correct = nn.Linear(features, features, bias=False)
        nn.init.zeros_(self.correct.weight)

    def forward(self, x: Tensor, context: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Return `output`, of the same shape as x, and `prediction_error` [B]."""
        context = context.unsqueeze(-1) if context.dim() == 1 else context
        # Features last: for convolutions in the channels-last format this moves nothing.
        x_BPC = x.movedim(1, -1).float()
        places = [1] * (x.dim() - 2)
        fixed_BPC = x_BPC.detach()
        expected_BPK = self.expect(context).view(len(x), *places, -1)
        error_BPC = self._error(fixed_BPC, expected_BPK)
        surprise_B = _mean(error_BPC.square(), lengths)
        gain_BC, shift_BC = self.gain(context)
        sizes = (len(x), *places, -1)
        changed_BPC = x_BPC * gain_BC.view(sizes) + shift_BC.view(sizes) + self.correct(error_BPC)
        return {"output": changed_BPC.movedim(-1, 1), "prediction_error": surprise_B}

    def _error(self, x_BPC: Tensor, expected_BPK: Tensor) -> Tensor:
        """Return what the causes leave unexplained after `steps` steps."""
        weight_CK = self.predict.weight
        # No larger than the inverse of the greatest curvature, so that every step lowers the energy.
        rate = 1 / (self.prior + weight_CK.float().square().sum())
        causes_BPK = expected_BPK
        for _ in range(self.steps):
            error_BPC = x_BPC - self.predict(causes_BPK)
            upward_BPK = functional.linear(error_BPC, weight_CK.t())
            causes_BPK = causes_BPK + rate * (upward_BPK - self.prior * (causes_BPK - expected_BPK))
        return torch.sub(x_BPC, self.predict(causes_BPK))


def _mean(cost_BPC: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the mean cost of each sample [B] over features and places; of series and videos over real steps."""
    if lengths is None:
        return cost_BPC.mean(tuple(range(1, cost_BPC.dim())))
    steps_BT = cost_BPC.flatten(2).mean(2)
    return mean_over(steps_BT, lengths, 1)
