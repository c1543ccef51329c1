"""Losses and metrics of `digits`."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total


def cross_entropy_sum(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    total = functional.cross_entropy(
        logits if logits.dtype == torch.float64 else logits.float(),
        target,
        None,
        ignore_index=-1,
        reduction="sum",
        label_smoothing=0.0,
    )
    return total, target.numel()


def fit_loss(outputs: dict[str, Tensor], batch: dict[str, Tensor], totals: Tensor | None = None) -> Tensor:
    """Return the loss of a batch of `fit`; `totals` are those of a larger one."""
    total, weight = cross_entropy_sum(outputs["digit"], batch["label"])
    if totals is None:
        return mean(total, weight)
    return total / totals[0].clamp_min(1e-12)


def fit_totals(batch: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor([float(batch["label"].numel())])


def confusion(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the counts [K, K] of a batch."""
    predicted_class = prediction.argmax(1)
    target = target.to(predicted_class.device)
    place = torch.where(target >= 0, target * 10 + predicted_class, 100)
    counts = torch.bincount(place.flatten(), minlength=101)
    return counts[:100].view(10, 10)


class Decisions(NamedTuple):
    """Numbers [K] of decisions for each class: true and false positives, false and true negatives."""

    true_positives: Tensor
    false_positives: Tensor
    false_negatives: Tensor
    true_negatives: Tensor

    def pool_classes(self) -> "Decisions":
        """Return the decisions on all classes together, each number a scalar."""
        return Decisions(*(item.sum() for item in self))


def decisions_of(counts: Tensor) -> Decisions:
    """Return the decisions on each class, each against the rest of its target, of a `Confusion` [..., K, K]."""
    true_positives = counts.diagonal(dim1=-2, dim2=-1)
    false_positives, false_negatives = counts.sum(-2) - true_positives, counts.sum(-1) - true_positives
    positives = true_positives + false_positives + false_negatives
    true_negatives = counts.sum((-2, -1)).unsqueeze(-1) - positives
    numbers = true_positives, false_positives, false_negatives, true_negatives
    return Decisions(*(item.flatten() for item in numbers))


def f1_of(decisions: Decisions) -> Tensor:
    """Return the harmonic mean [K] of precision and recall (the Dice overlap)."""
    return (
        2
        * decisions.true_positives
        / (2 * decisions.true_positives + decisions.false_positives + decisions.false_negatives).clamp_min(1)
    )


def f1(counts: Tensor) -> Tensor:
    """Harmonic mean of precision and recall, over classes or labels."""
    decisions = decisions_of(counts)
    occurs = decisions.true_positives + decisions.false_positives + decisions.false_negatives > 0
    if not counts.sum() or not occurs.any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    values = f1_of(decisions)
    weights = occurs.double()
    is_defined = ~values.isnan()
    return (values * weights)[is_defined].sum() / weights[is_defined].sum()


class DigitScores:
    """The metrics of `digit` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.confusion: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = batch["label"]
        total, weight = cross_entropy_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (output, batch["label"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.confusion.append(confusion(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        confusion = sum(self.confusion).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "accuracy": float(confusion.diagonal(dim1=-2, dim2=-1).sum() / confusion.sum()),
                "f1": float(f1(confusion)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["accuracy", "f1"], torch.nan),
            }
        )


def digit_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `class` [B] and the probability of each class [B, K]."""
    return {"class": output.argmax(1), "probability": output.double().softmax(1)}
