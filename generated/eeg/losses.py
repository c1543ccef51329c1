"""Losses and metrics of `eeg`."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

import data
from model import Model

REST = slice(4, 7)
MEAN = slice(1, 4)
SPREAD = slice(7, 10)
_ROUNDING = 4 * torch.finfo(torch.float64).eps
_LEAST = torch.finfo(torch.float64).tiny
_TIE = 16 * torch.finfo(torch.float64).eps


def add(*pairs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the sum of (sum, weight) of several parts."""
    return torch.stack([total for total, _ in pairs]).sum(), sum(weight for _, weight in pairs)


def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total


def masked_mse_sum(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    prediction = prediction if prediction.dtype == torch.float64 else prediction.float()
    weight = (~target.isnan()).sum()
    target = torch.where(target.isnan(), prediction.detach(), target)
    return functional.mse_loss(prediction, target.to(prediction.dtype), reduction="sum"), weight


def numbers_of(values: Tensor) -> Tensor:
    """Return values as numbers, pixels 0..255 as 0..1 as the model sees them."""
    return values if values.is_floating_point() else values.float() / 255


def mem_tuh_target(batch: dict[str, Tensor]) -> Tensor:
    """Return the field [B, ...], NaN where nothing was hidden, and beyond the end of each sample."""
    values = numbers_of(batch["eeg"])
    hidden = batch.get("eeg.hidden")
    return values.masked_fill(~hidden, math.nan)


def age_target(batch: Mapping[str, Tensor]) -> Tensor:
    """Return standardised targets [B, ...], NaN where the loss leaves them out."""
    target = batch["age"]
    target = (target - 29.45226401357577) * 0.06889180615427423
    return target.float()


def cross_entropy_weight(target: Tensor) -> Tensor | int:
    """Return the number of valid targets, each times the weight of its class, a scalar."""
    valid = target >= 0
    return valid.sum()


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
    return total, cross_entropy_weight(target)


def pretrain_loss(
    outputs: dict[str, Tensor], tuh: dict[str, Tensor], hbn: dict[str, Tensor], totals: Tensor | None = None
) -> Tensor:
    """Return the loss of a batch of `pretrain`; `totals` are those of a larger one."""
    sums = [
        add(
            masked_mse_sum(outputs["mem"][0], mem_tuh_target(tuh)),
            masked_mse_sum(outputs["mem"][1], mem_tuh_target(hbn)),
        ),
        masked_mse_sum(outputs["age"], torch.cat([age_target(tuh), age_target(hbn)])),
        cross_entropy_sum(outputs["sex"], hbn["sex"]),
    ]
    if totals is None:
        values = [mean(total, weight) for total, weight in sums]
    else:
        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]
    return (torch.stack(values) * torch.tensor([1.0, 1.0, 0.5])).sum()


def pretrain_totals(tuh: dict[str, Tensor], hbn: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor(
        [
            float((~mem_tuh_target(tuh).isnan()).sum() + (~mem_tuh_target(hbn).isnan()).sum()),
            float((~age_target(tuh).isnan()).sum() + (~age_target(hbn).isnan()).sum()),
            float(cross_entropy_weight(hbn["sex"])),
        ]
    )


def negatives(target: Tensor) -> Tensor:
    """Return which pairs [B, B] have two groups."""
    group, origin = target.unbind(1)
    return (group[:, None] != group) & (group >= 0) & (group >= 0)[:, None]


def total_of(values: Tensor, positives: Tensor, target: Tensor) -> Tensor:
    """Return the sum over pairs, a scalar."""
    unit = functional.normalize(values, dim=-1)
    likeness = unit @ unit.t() / 0.07
    negative_pairs = negatives(target)
    against = likeness.masked_fill(~negative_pairs, -1000000000.0).logsumexp(1, keepdim=True)
    losses = functional.softplus(against - likeness) * positives
    return (losses.sum(1) / positives.sum(1).clamp_min(1)).sum()


def positives_of(target: Tensor) -> Tensor:
    """Return which pairs [B, B] have one group and two origins."""
    group, origin = target.unbind(1)
    same = (group[:, None] == group) & (group >= 0)
    return same & (origin[:, None] != origin)


def info_nce_sum(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the loss over valid targets, and their weight."""
    with torch.autocast(output.device.type, enabled=False):
        return total_of(
            output if output.dtype == torch.float64 else output.float(), positives_of(target), target
        ), positives_of(target).any(1).sum()


def movie_target(batch: Mapping[str, Tensor]) -> Tensor:
    """Return group and origin of each row [B, 2]."""
    first = batch["movie"].long()
    group = first
    is_known = first >= 0
    for name in ("movie", "stamp")[1:]:
        group = group * 6364136223846793005 + batch[name]
        is_known = is_known & (batch[name] >= 0)
    origin = torch.arange(len(first), device=first.device)
    origin = batch["subject"].long()
    is_known = is_known & (origin >= 0)
    return torch.stack([torch.where(is_known, group & 9223372036854775807, -1), origin], 1)


def correlations(values: Tensor, pairs: Tensor) -> Tensor:
    """Return the correlation over `pairs` [B, B] of each feature of values [B, E]."""
    weight = pairs.to(values.dtype)
    degree = weight.sum(1, keepdim=True)
    centred = values - (degree * values).sum(0) / degree.sum().clamp_min(1)
    covariance = (centred * (weight @ centred)).sum(0)
    return covariance / (degree * centred.square()).sum(0).clamp_min(1e-12)


def total_2(values: Tensor, positives: Tensor, target: Tensor) -> Tensor:
    """Return the sum for embeddings [B, E], which pairs are positives [B, B], and the targets [B, 2]."""
    return (1 - correlations(values, positives).mean()) * positives_of(target).any(1).sum()


def isc_sum(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the loss over valid targets, and their weight."""
    with torch.autocast(output.device.type, enabled=False):
        return total_2(
            output if output.dtype == torch.float64 else output.float(), positives_of(target), target
        ), positives_of(target).any(1).sum()


def align_loss(outputs: dict[str, Tensor], batch: dict[str, Tensor], totals: Tensor | None = None) -> Tensor:
    """Return the loss of a batch of `align`; `totals` are those of a larger one."""
    sums = [
        info_nce_sum(outputs["movie"], movie_target(batch)),
        isc_sum(outputs["movie"], movie_target(batch)),
    ]
    if totals is None:
        values = [mean(total, weight) for total, weight in sums]
    else:
        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]
    return (torch.stack(values) * torch.tensor([1.0, 0.5])).sum()


def align_totals(batch: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor(
        [
            float(positives_of(movie_target(batch)).any(1).sum()),
            float(positives_of(movie_target(batch)).any(1).sum()),
        ]
    )


def mse_sum(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    prediction = prediction if prediction.dtype == torch.float64 else prediction.float()
    weight = target.numel()
    return functional.mse_loss(prediction, target.to(prediction.dtype), reduction="sum"), weight


def p_factor_target(batch: Mapping[str, Tensor]) -> Tensor:
    """Return standardised targets [B, ...], NaN where the loss leaves them out."""
    target = batch["p_factor"]
    target = (target - -0.29625769929345624) * 0.8963120961091731
    return target.float()


def attention_target(batch: Mapping[str, Tensor]) -> Tensor:
    """Return standardised targets [B, ...], NaN where the loss leaves them out."""
    target = batch["attention"]
    target = (target - -0.11146827393948709) * 1.1053900433530888
    return target.float()


def finetune_loss(
    outputs: dict[str, Tensor], tuh: dict[str, Tensor], hbn: dict[str, Tensor], totals: Tensor | None = None
) -> Tensor:
    """Return the loss of a batch of `finetune`; `totals` are those of a larger one."""
    sums = [
        masked_mse_sum(outputs["age"], torch.cat([age_target(tuh), age_target(hbn)])),
        mse_sum(outputs["p_factor"], p_factor_target(hbn)),
        mse_sum(outputs["attention"], attention_target(hbn)),
    ]
    if totals is None:
        values = [mean(total, weight) for total, weight in sums]
    else:
        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]
    return (torch.stack(values) * torch.tensor([1.0, 1.0, 0.5])).sum()


def finetune_totals(tuh: dict[str, Tensor], hbn: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor(
        [
            float((~age_target(tuh).isnan()).sum() + (~age_target(hbn).isnan()).sum()),
            float(p_factor_target(hbn).numel()),
            float(attention_target(hbn).numel()),
        ]
    )


def blocks(
    rows: Sequence[int], places: Sequence[int], generator: torch.Generator, device: torch.device
) -> Tensor:
    """Return which places [*rows, *places] are hidden."""
    grid = [-(-size // 20) for size in places]
    count = math.prod(grid)
    number = min(max(1, round(0.5 * count)), max(1, count - 1))
    draws = torch.rand((*rows, count), generator=generator, device=device)
    hidden = draws.argsort(-1).argsort(-1).lt(number).unflatten(-1, grid)
    for axis, size in enumerate(places, len(rows)):
        hidden = hidden.repeat_interleave(20, axis).narrow(axis, 0, size)
    return hidden


def mem_tuh_view(fields: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Return the field with blocks hidden, and `TARGET.hidden`, which elements they are, of the same shape."""
    values = numbers_of(fields["eeg"])
    places = values.shape[2:]
    rows = values.shape[:1]
    hidden = blocks(rows, places, generator, values.device)
    hidden = hidden.unsqueeze(1)
    while hidden.dim() < values.dim():
        hidden = hidden.unsqueeze(-1)
    hidden = hidden.expand(values.shape)
    fill = torch.zeros((), device=values.device, dtype=values.dtype)
    return {"eeg": torch.where(hidden, fill, values), "eeg.hidden": hidden}


def mem_tuh_scores(output: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return reconstruction and field [B, ..., C], channels last, NaN where nothing was hidden."""
    target = mem_tuh_target(batch)
    return output.movedim(1, -1), target.movedim(1, -1)


def moments(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the moments [13, W] of a batch."""
    width = target.shape[-1] if target.dim() > 1 else 1
    predictions, targets = prediction.double().reshape(-1, width), target.double().reshape(-1, width)
    valid = ~targets.isnan()
    gap = (predictions - targets).where(valid, 0.0)
    number = valid.double().sum(0)
    values = torch.stack([predictions.where(valid, 0.0), targets.where(valid, 0.0), gap])
    means = values.sum(1) / number.clamp_min(1)
    deviations = (values - means.unsqueeze(1)).where(valid, 0.0)
    rests = deviations.sum(1) / number.clamp_min(1)
    deviations = (deviations - rests.unsqueeze(1)).where(valid, 0.0)
    spreads, products = (deviations * deviations).sum(1), (deviations[0] * deviations[1]).sum(0)
    return torch.stack([number, *means, *rests, *spreads, products, gap.abs().sum(0), (gap * gap).sum(0)])


def merge_moments(left: Tensor, right: Tensor) -> Tensor:
    """Return the moments [13, W] of two parts together."""
    number = left[0] + right[0]
    share = right[0] / number.clamp_min(1)
    step = right[MEAN] - left[MEAN] + (right[REST] - left[REST])
    offset = left[REST] + step * share
    means = left[MEAN] + offset
    between = left[0] * share
    spreads = left[SPREAD] + right[SPREAD] + step * step * between
    products = left[10] + right[10] + step[0] * step[1] * between
    rests = offset - (means - left[MEAN])
    sums = left[11:] + right[11:]
    merged = torch.stack([number, *means, *rests, *spreads, products, *sums])
    return torch.where(left[0] > 0, merged, right)


def safe_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return part / whole, NaN if the whole is 0."""
    return (numerator / denominator).where(denominator > 0, torch.nan)


def spread_of(sums: Tensor) -> Tensor:
    """Return the sum of squared deviations of one side, 0 if it is only rounding of the mean."""
    spread, mean = sums[SPREAD][1], sums[MEAN][1]
    return spread.where(spread > sums[0] * (_ROUNDING * mean) ** 2, 0.0)


def nrmse(sums: Tensor) -> Tensor:
    """Root mean squared error over the standard deviation of the target in the evaluation."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = safe_ratio(sums[12], spread_of(sums)).sqrt()
    return values[values.isfinite()].mean()


class MemTuhScores:
    """The metrics of `mem_tuh` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = mem_tuh_target(batch)
        total, weight = masked_mse_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = mem_tuh_scores(output, batch)
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "nrmse": float(nrmse(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["nrmse"], torch.nan),
            }
        )


def nrmse_of(sums: Tensor) -> Tensor:
    """Root mean squared error over the standard deviation of the target in the evaluation."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = safe_ratio(sums[12], spread_of(sums)).sqrt()
    return values[values.isfinite()].mean()


class MemHbnScores:
    """The metrics of `mem_hbn` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = mem_tuh_target(batch)
        total, weight = masked_mse_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = mem_tuh_scores(output, batch)
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "nrmse": float(nrmse_of(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["nrmse"], torch.nan),
            }
        )


def value_of(output: Tensor) -> Tensor:
    value = output.double()
    return value * 14.515514337955231 + 29.45226401357577


class AgeScores:
    """The metrics of `age` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = age_target(batch)
        total, weight = masked_mse_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (value_of(output), batch["age"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "mae": float(moments[11].sum() / moments[0].sum()),
                "rmse": float((moments[12].sum() / moments[0].sum()).sqrt()),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["mae", "rmse"], torch.nan),
            }
        )


def sex_scores(output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return logits [N, K] and indices [N] of the labelled samples."""
    labelled = batch["sex"] >= 0
    return output[labelled], batch["sex"][labelled]


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


class SexScores:
    """The metrics of `sex` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.confusion: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = batch["sex"]
        total, weight = cross_entropy_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = sex_scores(output, batch)
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


def value_2(output: Tensor) -> Tensor:
    value = output.double()
    return value * 1.1156828122045086 + -0.29625769929345624


def nrmse_2(sums: Tensor) -> Tensor:
    """Root mean squared error over the standard deviation of the target in the evaluation."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = safe_ratio(sums[12], spread_of(sums)).sqrt()
    return values[values.isfinite()].mean()


class PFactorScores:
    """The metrics of `p_factor` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = p_factor_target(batch)
        total, weight = mse_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (value_2(output), batch["p_factor"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "nrmse": float(nrmse_2(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["nrmse"], torch.nan),
            }
        )


def value_3(output: Tensor) -> Tensor:
    value = output.double()
    return value * 0.9046580489965345 + -0.11146827393948709


def nrmse_3(sums: Tensor) -> Tensor:
    """Root mean squared error over the standard deviation of the target in the evaluation."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = safe_ratio(sums[12], spread_of(sums)).sqrt()
    return values[values.isfinite()].mean()


class AttentionScores:
    """The metrics of `attention` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = attention_target(batch)
        total, weight = mse_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (value_3(output), batch["attention"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "nrmse": float(nrmse_3(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["nrmse"], torch.nan),
            }
        )


def movie_scores(output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return embeddings [N, E] and targets [N, 2] of the rows that belong to a group."""
    target = movie_target(batch)
    is_known = target[:, 0] >= 0
    return output[is_known], target[is_known]


def embeddings_table(prediction: Tensor, target: Tensor) -> Tensor:
    """Return embeddings [N, E] with the groups and origins of targets [N, 2] beside them, [N, E + 2]."""
    group, origin = (column.unique(return_inverse=True)[1] for column in target.unbind(1))
    group = group.masked_fill(target[:, 0] < 0, -1)
    places = torch.stack([group, origin], 1).double()
    return torch.cat([prediction, places], 1)


def parts(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return embeddings of unit length, and which pairs are positive."""
    raw = rows[:, :-2]
    scaled_rows = raw / raw.abs().amax(1, keepdim=True).clamp_min(_LEAST)
    return functional.normalize(scaled_rows, dim=-1), positives_of(rows[:, -2:])


def alignment(rows: Tensor) -> Tensor:
    """Mean squared distance between positive pairs on the unit sphere."""
    unit, is_positive = parts(rows)
    return (2 - 2 * unit @ unit.t())[is_positive].clamp_min(0).mean()


def uniformity(rows: Tensor) -> Tensor:
    """Log of the mean Gaussian potential exp(-2 d^2) over all pairs on the unit sphere."""
    unit = parts(rows)[0]
    pairs = ~torch.eye(len(unit), dtype=torch.bool)
    return (2 * (2 * unit @ unit.t() - 2))[pairs].exp().mean().log()


def isc(rows: Tensor) -> Tensor:
    """Inter-subject correlation: how similar the features of two subjects are for the same stimulus."""
    unit, is_positive = parts(rows)
    degree = is_positive.double().sum(1, keepdim=True)
    mean = (degree * unit).sum(0) / degree.sum()
    off = unit - mean
    spread = (degree * off.square()).sum(0)
    varies = spread > degree.sum() * (_ROUNDING * mean) ** 2
    return ((off * (is_positive.double() @ off)).sum(0) / spread)[varies].mean()


def retrieval(rows: Tensor) -> Tensor:
    """Fraction of samples whose nearest sample of another origin (by cosine) is a positive."""
    unit, is_positive = parts(rows)
    origin = rows[:, -1]
    likeness = (unit @ unit.t()).masked_fill(origin[:, None] == origin, -torch.inf)
    nearest = likeness >= likeness.amax(1, keepdim=True) - _TIE
    shares = (is_positive & nearest).sum(1).double() / nearest.sum(1)
    return shares[is_positive.any(1)].mean()


class MovieScores:
    """The metrics of `movie` over batches."""

    def __init__(self) -> None:
        self.totals = [0.0] * 2
        self.weights = [0.0] * 2
        self.has_nan = False
        self.embeddings: list[tuple[Tensor, Tensor]] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = movie_target(batch)
        total, weight = info_nce_sum(output.double(), target)
        self.totals[0] += float(total)
        self.weights[0] += float(weight)
        total, weight = isc_sum(output.double(), target)
        self.totals[1] += float(total)
        self.weights[1] += float(weight)
        prediction, target = movie_scores(output, batch)
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.embeddings.append((prediction.double(), target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        embeddings = embeddings_table(
            torch.cat([pair[0] for pair in self.embeddings])[:8192],
            torch.cat([pair[1] for pair in self.embeddings])[:8192],
        )
        return (
            {
                "loss": 1.0 * self.totals[0] / self.weights[0] + 0.5 * self.totals[1] / self.weights[1]
                if all(self.weights)
                else torch.nan,
                "alignment": float(alignment(embeddings)),
                "uniformity": float(uniformity(embeddings)),
                "isc": float(isc(embeddings)),
                "retrieval": float(retrieval(embeddings)),
            }
            if not self.has_nan
            else {
                "loss": 1.0 * self.totals[0] / self.weights[0] + 0.5 * self.totals[1] / self.weights[1]
                if all(self.weights)
                else torch.nan,
                **dict.fromkeys(["alignment", "uniformity", "isc", "retrieval"], torch.nan),
            }
        )


class MemScores:
    """The metrics of `mem` over datasets with a head each."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = torch.cat([reduce(merge_moments, part.moments).double() for part in self.parts], -1)
        return {
            "loss": sum(part.total for part in self.parts) / sum(part.weight for part in self.parts)
            if sum(part.weight for part in self.parts)
            else torch.nan,
            "nrmse": float(nrmse(moments)),
        }


class SexProbe(nn.Module):
    """A linear layer on features [N, F] in standard units, fitted with L-BFGS from zero."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 2)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.register_buffer("mean", torch.zeros(64), persistent=True)
        self.register_buffer("scale", torch.ones(64), persistent=True)

    def fit(self, features: Tensor, loss: Callable[[Tensor], Tensor]) -> None:
        self.mean = features.mean(0)
        spread = features.std(0, correction=0)
        self.scale = (1 / spread).where(spread > 1e-06 * (1e-06 + self.mean.abs()), 0.0)
        standardised = (features - self.mean) * self.scale
        optimizer = torch.optim.LBFGS(
            self.parameters(), max_iter=200, tolerance_grad=1e-06, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = loss(self._output_of(standardised)) + 0.01 * self.layer.weight.square().sum()
            value.backward()
            return value

        with torch.enable_grad():
            optimizer.step(closure)

    def forward(self, features: Tensor) -> Tensor:
        return self._output_of((features - self.mean) * self.scale)

    def _output_of(self, standardised: Tensor) -> Tensor:
        return self.layer(standardised).reshape(len(standardised), 2)


def probe_sex(model: Model) -> dict[str, float]:
    """Fit a probe for `sex` to features of the frozen model; return its metrics on validation data."""
    model.eval()
    batches = {split: [*data.hbn_batches(split, 256)] for split in ("train", "val")}
    with torch.no_grad():
        features = {
            split: torch.cat([model.features_sex(batch) for batch in items])
            for split, items in batches.items()
        }
    target = torch.cat([batch["sex"] for batch in batches["train"]])

    def loss(output: Tensor) -> Tensor:
        total, weight = cross_entropy_sum(output, target)
        return total / (weight.clamp_min(1e-12) if isinstance(weight, Tensor) else weight or 1)

    probe = SexProbe()
    probe.fit(features["train"], loss)
    scores = SexScores()
    with torch.no_grad():
        outputs = probe(features["val"])
    for output, batch in zip(outputs.split(256), batches["val"], strict=True):
        scores.update(output, batch)
    model.train()
    return {name: value for name, value in scores.results().items() if name != "loss"}


def age_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `value` [B, ...] in the data's own units."""
    return {"value": value_of(output)}


def sex_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `class` [B] and the probability of each class [B, K]."""
    return {"class": output.argmax(1), "probability": output.double().softmax(1)}


def p_factor_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `value` [B, ...] in the data's own units."""
    return {"value": value_2(output)}


def attention_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `value` [B, ...] in the data's own units."""
    return {"value": value_3(output)}


def movie_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `embedding` [B, E], of unit length."""
    return {"embedding": nn.functional.normalize(output.float(), dim=-1)}
