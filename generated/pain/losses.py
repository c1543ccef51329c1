"""Losses and metrics of `pain`."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

STEPS = torch.arange(4)
CLASS_WEIGHTS = torch.tensor(
    (0.6965174129353234, 0.8333333333333334, 1.1382113821138211, 2.0588235294117645), dtype=torch.float32
)


def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total


def ordinal_sum(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    column = target.unsqueeze(1)
    reaches_step = (column >= STEPS).to(torch.float32)
    passes_step = (column > STEPS).to(torch.float32)
    total = functional.binary_cross_entropy_with_logits(
        logits if logits.dtype == torch.float64 else logits.float(),
        passes_step,
        reaches_step,
        reduction="sum",
    )
    return total, (target >= 0).sum()


def weights_of(logits: Tensor) -> Tensor | None:
    return CLASS_WEIGHTS.to((logits if logits.dtype == torch.float64 else logits.float()).dtype)


def cross_entropy_weight(target: Tensor) -> Tensor | int:
    """Return the number of valid targets, each times the weight of its class, a scalar."""
    valid = target >= 0
    return (CLASS_WEIGHTS[target.masked_fill(~valid, 0)] * valid).sum()


def cross_entropy_sum(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    total = functional.cross_entropy(
        logits if logits.dtype == torch.float64 else logits.float(),
        target,
        weights_of(logits),
        ignore_index=-1,
        reduction="sum",
        label_smoothing=0.0,
    )
    return total, cross_entropy_weight(target)


def joint_loss(
    outputs: dict[str, Tensor],
    syracuse: dict[str, Tensor],
    biovid: dict[str, Tensor],
    totals: Tensor | None = None,
) -> Tensor:
    """Return the loss of a batch of `joint`; `totals` are those of a larger one."""
    sums = [
        ordinal_sum(outputs["pain_level"], syracuse["pain_level"]),
        cross_entropy_sum(outputs["stimulus"], biovid["stimulus"]),
    ]
    if totals is None:
        values = [mean(total, weight) for total, weight in sums]
    else:
        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]
    return (torch.stack(values) * torch.tensor([1.0, 0.5])).sum()


def joint_totals(syracuse: dict[str, Tensor], biovid: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor(
        [float((syracuse["pain_level"] >= 0).sum()), float(cross_entropy_weight(biovid["stimulus"]))]
    )


def logits_of(output: Tensor) -> Tensor:
    """Return log-probabilities [B, K] of classes, in double precision, for conditional logits [B, K - 1]."""
    steps = output.double()
    zero = torch.zeros_like(steps[:, :1])
    log_beyond = torch.cat([zero, functional.logsigmoid(steps).cumsum(1)], 1)
    return log_beyond + torch.cat([functional.logsigmoid(-steps), zero], 1)


def pain_level_scores(output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return logits [N, K] and indices [N] of the labelled samples."""
    logits = logits_of(output)
    labelled = batch["pain_level"] >= 0
    return logits[labelled], batch["pain_level"][labelled]


def exceedance(probability: Tensor) -> Tensor:
    """Return the probability [N, K - 1, ...] of a class above each but the last, from [N, K, ...]."""
    return torch.stack([probability[:, at:].sum(1) for at in range(1, probability.shape[1])], 1)


def confusion(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the counts [K, K] of a batch."""
    predicted_class = (exceedance(prediction.double().exp()) > 0.500000000001).sum(1)
    target = target.to(predicted_class.device)
    place = torch.where(target >= 0, target * 5 + predicted_class, 25)
    counts = torch.bincount(place.flatten(), minlength=26)
    return counts[:25].view(5, 5)


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


def steps_of(counts: Tensor) -> Tensor:
    place = torch.arange(counts.shape[-1], dtype=counts.dtype)
    return (place.unsqueeze(1) - place).abs()


def kappa(counts: Tensor, cost: Tensor) -> Tensor:
    chance = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / counts.sum()
    return 1 - (counts * cost).sum() / (chance * cost).sum()


class PainLevelScores:
    """The metrics of `pain_level` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.confusion: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = batch["pain_level"]
        total, weight = ordinal_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = pain_level_scores(output, batch)
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
                "mae": float((confusion * steps_of(confusion)).sum() / confusion.sum()),
                "qwk": float(kappa(confusion, steps_of(confusion) ** 2)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["accuracy", "f1", "mae", "qwk"], torch.nan),
            }
        )


def confusion_of(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the counts [K, K] of a batch."""
    predicted_class = prediction.argmax(1)
    target = target.to(predicted_class.device)
    place = torch.where(target >= 0, target * 4 + predicted_class, 16)
    counts = torch.bincount(place.flatten(), minlength=17)
    return counts[:16].view(4, 4)


def f1_2(counts: Tensor) -> Tensor:
    """Harmonic mean of precision and recall, over classes or labels."""
    decisions = decisions_of(counts)
    occurs = decisions.true_positives + decisions.false_positives + decisions.false_negatives > 0
    if not counts.sum() or not occurs.any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    values = f1_of(decisions)
    weights = occurs.double()
    is_defined = ~values.isnan()
    return (values * weights)[is_defined].sum() / weights[is_defined].sum()


class StimulusScores:
    """The metrics of `stimulus` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.confusion: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = batch["stimulus"]
        total, weight = cross_entropy_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (output, batch["stimulus"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.confusion.append(confusion_of(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        confusion = sum(self.confusion).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "accuracy": float(confusion.diagonal(dim1=-2, dim2=-1).sum() / confusion.sum()),
                "f1": float(f1_2(confusion)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["accuracy", "f1"], torch.nan),
            }
        )


def pain_level_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `class` [B], the median class, and the probability of each class [B, K]."""
    probability = logits_of(output).exp()
    return {"class": (exceedance(probability) > 0.500000000001).sum(1), "probability": probability}


def stimulus_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `class` [B] and the probability of each class [B, K]."""
    return {"class": output.argmax(1), "probability": output.double().softmax(1)}
