"""Losses and metrics of `text_classifier`."""

from typing import NamedTuple

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


def mlm_target(batch: dict[str, Tensor]) -> Tensor:
    """Return ids [B, T] of hidden tokens, -1 elsewhere."""
    hidden = batch.get("text.hidden")
    return torch.where(hidden, batch["text"], -1)


def pretrain_loss(
    outputs: dict[str, Tensor], batch: dict[str, Tensor], totals: Tensor | None = None
) -> Tensor:
    """Return the loss of a batch of `pretrain`; `totals` are those of a larger one."""
    total, weight = cross_entropy_sum(outputs["mlm"], mlm_target(batch))
    if totals is None:
        return mean(total, weight)
    return total / totals[0].clamp_min(1e-12)


def pretrain_totals(batch: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor([float(count(mlm_target(batch).flatten()))])


def cross_entropy_sum_of(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
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
    total, weight = cross_entropy_sum_of(outputs["mood"], batch["mood"])
    if totals is None:
        return mean(total, weight)
    return total / totals[0].clamp_min(1e-12)


def fit_totals(batch: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor([float(batch["mood"].numel())])


def split_generators(generator: torch.Generator) -> list[torch.Generator]:
    """Return generators of one start each."""
    start = generator.initial_seed()
    return [
        torch.Generator(generator.device).manual_seed((start + 15485863 * index) % 9223372036854775808)
        for index in range(3)
    ]


def choose(tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Return which tokens [B, T] are to be predicted: a fraction of each text, at least one."""
    draws = torch.rand(tokens.shape[::-1], generator=generator, device=tokens.device).t()
    free = tokens >= 0
    free = free & (tokens != 0)
    free = free & (tokens != 1)
    free = free & (tokens != 2)
    free = free & (tokens != 3)
    draws = draws.masked_fill(~free, 2.0)
    number = (free.sum(1, keepdim=True) * 0.15).round().clamp_min(1)
    rank = draws.argsort(1).argsort(1)
    return free & (rank < number)


def mlm_view(fields: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Return the text with some tokens hidden, and `TARGET.hidden` [B, T]: which are to be predicted."""
    first, second, third = split_generators(generator)
    is_chosen = choose(fields["text"], first)
    fate = torch.rand(fields["text"].shape[::-1], generator=second, device=fields["text"].device).t()
    random_tokens = torch.randint(
        0, 166, fields["text"].shape[::-1], generator=third, device=fields["text"].device
    ).t()
    visible_tokens = torch.where(is_chosen & (fate < 0.8), 2, fields["text"])
    is_random = is_chosen & (fate >= 0.8) & (fate < 0.9)
    return {"text": torch.where(is_random, random_tokens, visible_tokens), "text.hidden": is_chosen}


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


class MlmScores:
    """The metrics of `mlm` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.token_sums: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = mlm_target(batch)
        total, weight = cross_entropy_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (output, mlm_target(batch))
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.token_sums.append(token_sums(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        token_sums = sum(self.token_sums).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "perplexity": float((token_sums[0] / token_sums[2]).exp()),
                "token_accuracy": float(token_sums[1] / token_sums[2]),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["perplexity", "token_accuracy"], torch.nan),
            }
        )


def confusion(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the counts [K, K] of a batch."""
    predicted_class = prediction.argmax(1)
    target = target.to(predicted_class.device)
    place = torch.where(target >= 0, target * 2 + predicted_class, 4)
    counts = torch.bincount(place.flatten(), minlength=5)
    return counts[:4].view(2, 2)


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


class MoodScores:
    """The metrics of `mood` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.confusion: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = batch["mood"]
        total, weight = cross_entropy_sum_of(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (output, batch["mood"])
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


def mood_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `class` [B] and the probability of each class [B, K]."""
    return {"class": output.argmax(1), "probability": output.double().softmax(1)}
