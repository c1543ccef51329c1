"""How well each sample's labels are ranked. Shapes: N samples, L labels."""

import torch
from torch import Tensor

from declare.nn.metrics.metric import Accumulator
from declare.nn.precision import to_double

_ELEMENTS = 2**22


class LabelRanks(Accumulator):
    """Sums [6] over samples: coverage, ranking precision, ranking loss; then how many samples.

    Those with known labels, with a true one, with both true and false ones. Takes logits and labels [N, L], NaN where
    missing: such labels are not ranked. Source: Tsoumakas, Katakis and Vlahavas 2010, as in scikit-learn.
    """

    key = "label ranks"

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [6] of a batch."""
        rows = max(1, _ELEMENTS // max(1, target.shape[1] ** 2))
        parts = zip(to_double(prediction).split(rows), to_double(target).split(rows), strict=True)
        return torch.stack([self._sums(scores, labels) for scores, labels in parts]).sum(0)

    @staticmethod
    def _sums(score: Tensor, label: Tensor) -> Tensor:
        valid = ~label.isnan()
        true, false = valid & (label > 0.5), valid & (label <= 0.5)
        # [N, L, L]: the second label is at least as high as the first.
        above = score.unsqueeze(1) >= score.unsqueeze(2)
        rank, true_rank, false_rank = (
            (above & among.unsqueeze(1)).sum(2).double() for among in (valid, true, false)
        )
        num_positive, num_negative = true.sum(1), false.sum(1)
        has_both = (num_positive > 0) & (num_negative > 0)
        coverage = rank.where(true, 0.0).amax(1)
        precision = (true_rank / rank.clamp_min(1)).where(true, 0.0).sum(1) / num_positive.clamp_min(1)
        loss = false_rank.where(true, 0.0).sum(1) / (num_positive * num_negative).clamp_min(1)
        has_label = valid.any(1)
        return torch.stack(
            [
                coverage.sum(),
                precision.where(has_both, has_label.double()).sum(),
                loss.sum(),
                *(item.sum().double() for item in (has_label, num_positive > 0, has_both)),
            ]
        )


def coverage(sums: Tensor) -> Tensor:
    """Return the mean rank of the lowest true label, from sums [6]; NaN if none is true."""
    return (sums[0] / sums[3]).where(sums[4] > 0, torch.nan)


def ranking_precision(sums: Tensor) -> Tensor:
    """Return the fraction of true labels among those ranked at or above a true one, from sums [6]; else NaN."""
    return (sums[1] / sums[3]).where(sums[5] > 0, torch.nan)


def ranking_loss(sums: Tensor) -> Tensor:
    """Return the fraction of pairs of a true and a false label in the wrong order, from sums [6]; NaN without any."""
    return (sums[2] / sums[3]).where(sums[5] > 0, torch.nan)
