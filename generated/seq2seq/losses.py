"""Losses and metrics of `seq2seq`."""

import torch
from torch import Tensor
from torch.nn import functional


def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total


def soft_loss(logits: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(logits, target, None, reduction="sum")


def count(target: Tensor) -> Tensor | int:
    """Return the number of valid targets, each times the weight of its class, a scalar."""
    if target.is_floating_point():
        target = target
        return target.sum()
    valid = target >= 0
    return valid.sum()


def forward(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """Return (sum, weight), scalars."""
    if target.is_floating_point():
        return soft_loss(logits if logits.dtype == torch.float64 else logits.float(), target), count(target)
    total = functional.cross_entropy(
        logits if logits.dtype == torch.float64 else logits.float(),
        target,
        None,
        ignore_index=-1,
        reduction="sum",
        label_smoothing=0.0,
    )
    return total, count(target)


def fit_length(target: Tensor, length: int) -> Tensor:
    """Return indices [B, S] cut or padded with -1 to [B, length]."""
    if target.shape[1] >= length:
        return target[:, :length]
    rest = torch.full_like(target[:, :1], -1).expand(-1, length - target.shape[1])
    return torch.cat([target, rest], 1)


def cross_entropy_sum(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    return forward(logits.flatten(0, 1), fit_length(target, logits.shape[1]).flatten())


def fit_loss(outputs: dict[str, Tensor], batch: dict[str, Tensor], totals: Tensor | None = None) -> Tensor:
    """Return the loss of a batch of `fit`; `totals` are those of a larger one."""
    total, weight = cross_entropy_sum(outputs["reverse"], batch["target"])
    if totals is None:
        return mean(total, weight)
    return total / totals[0].clamp_min(1e-12)


def fit_totals(batch: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor([float(count(batch["target"].flatten()))])


def shift_right(tokens: Tensor) -> Tensor:
    """Return `bos` and the tokens [B, T] without the last."""
    shifted = torch.cat([torch.full_like(tokens[:, :1], 0), tokens[:, :-1]], 1)
    return torch.where(tokens >= 0, shifted, -1)


def reverse_view(fields: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the text [B, T] as the model sees it: shifted to the right by one."""
    return {"target": shift_right(fields["target"])}


def token_sums(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the sums [5] of a batch."""
    valid = target >= 0
    logits = prediction[valid].double()
    prediction, target, valid = (item.to(logits.device) for item in (prediction, target, valid))
    cost = (logits.logsumexp(1) - logits.gather(1, target[valid][:, None])[:, 0]).sum()
    is_right = (prediction.argmax(2) == target) & valid
    has_tokens = valid.any(1)
    exact_matches = ((is_right == valid).all(1) & has_tokens).sum()
    return torch.stack([cost, is_right.sum(), valid.sum(), exact_matches, has_tokens.sum()])


class ReverseScores:
    """The metrics of `reverse` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.token_sums: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = batch["target"]
        total, weight = cross_entropy_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (output, batch["target"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.token_sums.append(token_sums(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        token_sums = sum(self.token_sums).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "token_accuracy": float(token_sums[1] / token_sums[2]),
                "exact_match": float(token_sums[3] / token_sums[4]),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["token_accuracy", "exact_match"], torch.nan),
            }
        )
