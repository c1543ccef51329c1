"""Losses and metrics of `neural`."""

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

REST = slice(4, 7)
MEAN = slice(1, 4)
SPREAD = slice(7, 10)
_ROUNDING = 4 * torch.finfo(torch.float64).eps
OFFSET = (
    torch.tensor(
        (
            0.7029049295774648,
            2.156879929886065,
            0.5409548839246605,
            0.6697328077091547,
            1.1949189662724484,
            0.5560911481156879,
            0.5325469637396243,
            0.5440070765148165,
            0.705026455026455,
            0.6361233480176212,
            1.1240070609002648,
            0.7557522123893805,
            0.6423580786026201,
            1.0739451935624185,
            0.6665204036858271,
            1.0105032822757112,
            1.691131498470948,
        ),
        dtype=torch.float64,
    ).clamp_min(2e-06)
    - 1e-06
) + torch.log(
    -torch.expm1(
        -(
            torch.tensor(
                (
                    0.7029049295774648,
                    2.156879929886065,
                    0.5409548839246605,
                    0.6697328077091547,
                    1.1949189662724484,
                    0.5560911481156879,
                    0.5325469637396243,
                    0.5440070765148165,
                    0.705026455026455,
                    0.6361233480176212,
                    1.1240070609002648,
                    0.7557522123893805,
                    0.6423580786026201,
                    1.0739451935624185,
                    0.6665204036858271,
                    1.0105032822757112,
                    1.691131498470948,
                ),
                dtype=torch.float64,
            ).clamp_min(2e-06)
            - 1e-06
        )
    )
)
OFFSET_2 = (
    (
        torch.tensor(
            (
                0.7029049295774648,
                2.156879929886065,
                0.5409548839246605,
                0.6697328077091547,
                1.1949189662724484,
                0.5560911481156879,
                0.5325469637396243,
                0.5440070765148165,
                0.705026455026455,
                0.6361233480176212,
                1.1240070609002648,
                0.7557522123893805,
                0.6423580786026201,
                1.0739451935624185,
                0.6665204036858271,
                1.0105032822757112,
                1.691131498470948,
            ),
            dtype=torch.float64,
        ).clamp_min(2e-06)
        - 1e-06
    )
    + torch.log(
        -torch.expm1(
            -(
                torch.tensor(
                    (
                        0.7029049295774648,
                        2.156879929886065,
                        0.5409548839246605,
                        0.6697328077091547,
                        1.1949189662724484,
                        0.5560911481156879,
                        0.5325469637396243,
                        0.5440070765148165,
                        0.705026455026455,
                        0.6361233480176212,
                        1.1240070609002648,
                        0.7557522123893805,
                        0.6423580786026201,
                        1.0739451935624185,
                        0.6665204036858271,
                        1.0105032822757112,
                        1.691131498470948,
                    ),
                    dtype=torch.float64,
                ).clamp_min(2e-06)
                - 1e-06
            )
        )
    )
).float()
OFFSET_3 = (
    torch.tensor(
        (
            0.9877354358300482,
            1.0467453036260377,
            0.9202614379084967,
            1.109402460456942,
            0.9925503943908852,
            0.9318280503690838,
            0.7423908248786943,
            0.9029424681598595,
            0.7015317286652079,
            0.9406854130052724,
            1.137280701754386,
            1.4028934677772906,
            1.0816505706760315,
            1.1456140350877193,
            0.759104870557262,
            0.7461706783369803,
            0.8989943156974202,
            0.850065760631302,
            0.5627442466348241,
            0.551074090311267,
            1.1843257443082311,
            0.7564046895353886,
            1.2764915405164736,
        ),
        dtype=torch.float64,
    ).clamp_min(2e-06)
    - 1e-06
) + torch.log(
    -torch.expm1(
        -(
            torch.tensor(
                (
                    0.9877354358300482,
                    1.0467453036260377,
                    0.9202614379084967,
                    1.109402460456942,
                    0.9925503943908852,
                    0.9318280503690838,
                    0.7423908248786943,
                    0.9029424681598595,
                    0.7015317286652079,
                    0.9406854130052724,
                    1.137280701754386,
                    1.4028934677772906,
                    1.0816505706760315,
                    1.1456140350877193,
                    0.759104870557262,
                    0.7461706783369803,
                    0.8989943156974202,
                    0.850065760631302,
                    0.5627442466348241,
                    0.551074090311267,
                    1.1843257443082311,
                    0.7564046895353886,
                    1.2764915405164736,
                ),
                dtype=torch.float64,
            ).clamp_min(2e-06)
            - 1e-06
        )
    )
)
OFFSET_4 = (
    (
        torch.tensor(
            (
                0.9877354358300482,
                1.0467453036260377,
                0.9202614379084967,
                1.109402460456942,
                0.9925503943908852,
                0.9318280503690838,
                0.7423908248786943,
                0.9029424681598595,
                0.7015317286652079,
                0.9406854130052724,
                1.137280701754386,
                1.4028934677772906,
                1.0816505706760315,
                1.1456140350877193,
                0.759104870557262,
                0.7461706783369803,
                0.8989943156974202,
                0.850065760631302,
                0.5627442466348241,
                0.551074090311267,
                1.1843257443082311,
                0.7564046895353886,
                1.2764915405164736,
            ),
            dtype=torch.float64,
        ).clamp_min(2e-06)
        - 1e-06
    )
    + torch.log(
        -torch.expm1(
            -(
                torch.tensor(
                    (
                        0.9877354358300482,
                        1.0467453036260377,
                        0.9202614379084967,
                        1.109402460456942,
                        0.9925503943908852,
                        0.9318280503690838,
                        0.7423908248786943,
                        0.9029424681598595,
                        0.7015317286652079,
                        0.9406854130052724,
                        1.137280701754386,
                        1.4028934677772906,
                        1.0816505706760315,
                        1.1456140350877193,
                        0.759104870557262,
                        0.7461706783369803,
                        0.8989943156974202,
                        0.850065760631302,
                        0.5627442466348241,
                        0.551074090311267,
                        1.1843257443082311,
                        0.7564046895353886,
                        1.2764915405164736,
                    ),
                    dtype=torch.float64,
                ).clamp_min(2e-06)
                - 1e-06
            )
        )
    )
).float()


def add(*pairs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the sum of (sum, weight) of several parts."""
    return torch.stack([total for total, _ in pairs]).sum(), sum(weight for _, weight in pairs)


def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total


def rates(output: Tensor, offset: Tensor) -> Tensor:
    """Return the rate of each unit [B, N] for what a head gives."""
    score = (output if output.dtype == torch.float64 else output.float()) + offset
    return functional.softplus(score) + 1e-06


def poisson_nll_sum(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the loss over valid targets, and their weight."""
    valid = ~target.isnan()
    rate = rates(output, OFFSET_2)
    cost = rate - torch.where(valid, target, 0.0) * rates(output, OFFSET_2).log()
    return torch.where(valid, cost, 0.0).sum(), (~target.isnan()).sum()


def mask_target(target: Tensor, valid: Tensor) -> Tensor:
    """Return `target` with -1 (indices) or NaN (values) where `valid` is false."""
    while valid.dim() < target.dim():
        valid = valid.unsqueeze(-1)
    missing = math.nan if target.is_floating_point() else -1
    return torch.where(valid.bool(), target, missing)


def poisson_nll_sum_of(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the loss over valid targets, and their weight."""
    valid = ~target.isnan()
    rate = rates(output, OFFSET_4)
    cost = rate - torch.where(valid, target, 0.0) * rates(output, OFFSET_4).log()
    return torch.where(valid, cost, 0.0).sum(), (~target.isnan()).sum()


def mean_sum(output: Tensor) -> tuple[Tensor, int]:
    """The sum of the loss over valid targets, and their weight."""
    return (output if output.dtype == torch.float64 else output.float()).sum(), len(output)


def l2_penalty(parameters: Sequence[Tensor]) -> Tensor:
    """Return the summed penalty, a scalar."""
    parts = [item.square().sum() for item in parameters]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def l1_penalty(parameters: Sequence[Tensor]) -> Tensor:
    """Return the summed penalty, a scalar."""
    parts = [item.abs().sum() for item in parameters]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def one(parameter: Tensor) -> Tensor:
    """Return the penalty of one parameter, a scalar."""
    is_one_group = parameter.dim() < 2 or parameter.dim() <= 0
    rows = parameter.reshape(1, -1) if is_one_group else parameter.movedim(0, 0).flatten(1)
    return torch.linalg.vector_norm(rows, dim=1).sum() * rows.shape[1] ** 0.5


def group_lasso_penalty(parameters: Sequence[Tensor]) -> Tensor:
    """Return the summed penalty, a scalar."""
    parts = [one(item) for item in parameters]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def core_loss(
    outputs: dict[str, Tensor],
    monday: dict[str, Tensor],
    tuesday: dict[str, Tensor],
    model: nn.Module,
    totals: Tensor | None = None,
) -> Tensor:
    """Return the loss of a batch of `core`; `totals` are those of a larger one."""
    rows = float(len(next(iter(monday.values()))) + len(next(iter(tuesday.values()))))
    named = dict(model.named_parameters())
    sums = [
        add(
            poisson_nll_sum(outputs["response"][0], mask_target(monday["spikes"], monday["usable"])),
            poisson_nll_sum_of(outputs["response"][1], mask_target(tuesday["spikes"], tuesday["usable"])),
        ),
        mean_sum(outputs["surprise"]),
        (
            l2_penalty([item for name, item in named.items() if fnmatchcase(name, "core.*.weight")]) * rows,
            rows,
        ),
        (
            l1_penalty([item for name, item in named.items() if fnmatchcase(name, "heads.response.*")])
            * rows,
            rows,
        ),
        (
            group_lasso_penalty([item for name, item in named.items() if fnmatchcase(name, "core.*.weight")])
            * rows,
            rows,
        ),
    ]
    if totals is None:
        values = [mean(total, weight) for total, weight in sums]
    else:
        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]
    return (torch.stack(values) * torch.tensor([1.0, 0.1, 0.0001, 1e-05, 1e-05])).sum()


def surprise_target(batch: Mapping[str, Tensor]) -> Tensor:
    """Return zeros [B]: as many as there are samples."""
    first = next(iter(batch.values()))
    return first.new_zeros(len(first))


def core_totals(monday: dict[str, Tensor], tuesday: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor(
        [
            float(
                (~mask_target(monday["spikes"], monday["usable"]).isnan()).sum()
                + (~mask_target(tuesday["spikes"], tuesday["usable"]).isnan()).sum()
            ),
            float(len(surprise_target(monday)) + len(surprise_target(tuesday))),
            float(len(next(iter(monday.values()))) + len(next(iter(tuesday.values())))),
            float(len(next(iter(monday.values()))) + len(next(iter(tuesday.values())))),
            float(len(next(iter(monday.values()))) + len(next(iter(tuesday.values())))),
        ]
    )


def modulator_loss(
    outputs: dict[str, Tensor],
    monday: dict[str, Tensor],
    tuesday: dict[str, Tensor],
    totals: Tensor | None = None,
) -> Tensor:
    """Return the loss of a batch of `modulator`; `totals` are those of a larger one."""
    sums = [
        add(
            poisson_nll_sum(outputs["response"][0], mask_target(monday["spikes"], monday["usable"])),
            poisson_nll_sum_of(outputs["response"][1], mask_target(tuesday["spikes"], tuesday["usable"])),
        ),
        mean_sum(outputs["surprise"]),
    ]
    if totals is None:
        values = [mean(total, weight) for total, weight in sums]
    else:
        values = [total / whole for (total, _), whole in zip(sums, totals.clamp_min(1e-12))]
    return (torch.stack(values) * torch.tensor([1.0, 0.1])).sum()


def modulator_totals(monday: dict[str, Tensor], tuesday: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor(
        [
            float(
                (~mask_target(monday["spikes"], monday["usable"]).isnan()).sum()
                + (~mask_target(tuesday["spikes"], tuesday["usable"]).isnan()).sum()
            ),
            float(len(surprise_target(monday)) + len(surprise_target(tuesday))),
        ]
    )


def rates_of(output: Tensor) -> Tensor:
    precise = output.double()
    return rates(precise, OFFSET.to(precise.device))


def likelihoods(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the sums [2, N] of a batch."""
    rate, target = prediction.double().clamp_min(1e-08), target.double()
    mean = torch.tensor(
        (
            0.7029049295774648,
            2.156879929886065,
            0.5409548839246605,
            0.6697328077091547,
            1.1949189662724484,
            0.5560911481156879,
            0.5325469637396243,
            0.5440070765148165,
            0.705026455026455,
            0.6361233480176212,
            1.1240070609002648,
            0.7557522123893805,
            0.6423580786026201,
            1.0739451935624185,
            0.6665204036858271,
            1.0105032822757112,
            1.691131498470948,
        ),
        dtype=torch.float64,
        device=rate.device,
    ).clamp_min(1e-08)
    valid = ~target.isnan()
    count = torch.where(valid, target, 0.0)
    gain = count * (rate.log() - mean.log()) - (rate - mean)
    bits = torch.where(valid, gain, 0.0).sum(0) / math.log(2)
    return torch.stack([bits, count.sum(0)])


def moments(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the moments [13, W] of a batch."""
    width = target.shape[-1]
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


def bits_per_spike(sums: Tensor) -> Tensor:
    """Gain in log likelihood over each neuron's mean rate in the training split, in bits per spike."""
    events = sums[1].sum()
    return (sums[0].sum() / events).where(events > 0, torch.nan)


def safe_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return part / whole, NaN if the whole is 0."""
    return (numerator / denominator).where(denominator > 0, torch.nan)


def spread_of(sums: Tensor, side: int) -> Tensor:
    """Return the sum of squared deviations of one side, 0 if it is only rounding of the mean."""
    spread, mean = sums[SPREAD][side], sums[MEAN][side]
    return spread.where(spread > sums[0] * (_ROUNDING * mean) ** 2, 0.0)


def correlation_of(sums: Tensor) -> Tensor:
    """Return Pearson's correlation of each output [W]."""
    return safe_ratio(sums[10], spread_of(sums, 0).sqrt() * spread_of(sums, 1).sqrt()).clamp(-1, 1)


def correlation(sums: Tensor) -> Tensor:
    """Pearson's correlation of rates and counts over samples, averaged over neurons."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = correlation_of(sums)
    return values[values.isfinite()].mean()


class ResponseMondayScores:
    """The metrics of `response_monday` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.likelihoods: list[Tensor] = []
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = mask_target(batch["spikes"], batch["usable"])
        total, weight = poisson_nll_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (rates_of(output), mask_target(batch["spikes"], batch["usable"]))
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.likelihoods.append(likelihoods(prediction, target))
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        likelihoods = sum(self.likelihoods).double()
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "bits_per_spike": float(bits_per_spike(likelihoods)),
                "correlation": float(correlation(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["bits_per_spike", "correlation"], torch.nan),
            }
        )


def rates_2(output: Tensor) -> Tensor:
    precise = output.double()
    return rates(precise, OFFSET_3.to(precise.device))


def response_tuesday_scores(output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return rates in double precision, and counts, both [B, N]."""
    return rates_2(output), mask_target(batch["spikes"], batch["usable"])


def likelihoods_of(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the sums [2, N] of a batch."""
    rate, target = prediction.double().clamp_min(1e-08), target.double()
    mean = torch.tensor(
        (
            0.9877354358300482,
            1.0467453036260377,
            0.9202614379084967,
            1.109402460456942,
            0.9925503943908852,
            0.9318280503690838,
            0.7423908248786943,
            0.9029424681598595,
            0.7015317286652079,
            0.9406854130052724,
            1.137280701754386,
            1.4028934677772906,
            1.0816505706760315,
            1.1456140350877193,
            0.759104870557262,
            0.7461706783369803,
            0.8989943156974202,
            0.850065760631302,
            0.5627442466348241,
            0.551074090311267,
            1.1843257443082311,
            0.7564046895353886,
            1.2764915405164736,
        ),
        dtype=torch.float64,
        device=rate.device,
    ).clamp_min(1e-08)
    valid = ~target.isnan()
    count = torch.where(valid, target, 0.0)
    gain = count * (rate.log() - mean.log()) - (rate - mean)
    bits = torch.where(valid, gain, 0.0).sum(0) / math.log(2)
    return torch.stack([bits, count.sum(0)])


def bits_per_spike_of(sums: Tensor) -> Tensor:
    """Gain in log likelihood over each neuron's mean rate in the training split, in bits per spike."""
    events = sums[1].sum()
    return (sums[0].sum() / events).where(events > 0, torch.nan)


def correlation_2(sums: Tensor) -> Tensor:
    """Pearson's correlation of rates and counts over samples, averaged over neurons."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = correlation_of(sums)
    return values[values.isfinite()].mean()


class ResponseTuesdayScores:
    """The metrics of `response_tuesday` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.likelihoods: list[Tensor] = []
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = mask_target(batch["spikes"], batch["usable"])
        total, weight = poisson_nll_sum_of(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = response_tuesday_scores(output, batch)
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.likelihoods.append(likelihoods_of(prediction, target))
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        likelihoods = sum(self.likelihoods).double()
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "bits_per_spike": float(bits_per_spike_of(likelihoods)),
                "correlation": float(correlation_2(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["bits_per_spike", "correlation"], torch.nan),
            }
        )


class SurpriseScores:
    """The metrics of `surprise` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = surprise_target(batch)
        total, weight = mean_sum(output.double())
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (output, surprise_target(batch))
        self.has_nan = self.has_nan or bool(prediction.isnan().any())

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        return {
            "loss": self.total / self.weight if self.weight else torch.nan,
        }


class ResponseScores:
    """The metrics of `response` over datasets with a head each."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        likelihoods = torch.cat([sum(part.likelihoods).double() for part in self.parts], -1)
        moments = torch.cat([reduce(merge_moments, part.moments).double() for part in self.parts], -1)
        return {
            "loss": sum(part.total for part in self.parts) / sum(part.weight for part in self.parts)
            if sum(part.weight for part in self.parts)
            else torch.nan,
            "bits_per_spike": float(bits_per_spike(likelihoods)),
            "correlation": float(correlation(moments)),
        }


def response_monday_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `rate` [B, N]: the expected count of each unit."""
    return {"rate": rates_of(output)}


def surprise_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `cost` [B]: what each sample costs."""
    return {"cost": output}


def response_tuesday_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `rate` [B, N]: the expected count of each unit."""
    return {"rate": rates_2(output)}
