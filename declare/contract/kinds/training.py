"""What a phase is made of: optimizers, schedules, samplers, mixes, balances, regularizers, augments, trackers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field as Param

from declare.contract.component import Component, Strict
from declare.contract.duration import Duration
from declare.contract.kinds.field import Pairing
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from declare.nn.balances import balance


class Group(Strict):
    """Parameters with rates of their own."""

    match: str = Param(description="a glob over parameter names: `encoder.*`")
    lr: float | None = Param(None, gt=0, le=1e3)
    weight_decay: float | None = Param(None, ge=0, le=1e3)


class Optimizer(Component):
    """An update rule; every one has a learning rate and may have groups."""

    whole: ClassVar[bool] = False
    """Whether it takes whole parameters alone, and none that processes hold in shares."""
    sets_own_lr: ClassVar[bool] = False
    """Whether it finds the rates of later steps itself, and reads the stated one at the first step alone."""

    lr: float = Param(gt=0, le=1e3, description="learning rate")
    groups: list[Group] = Param([], description="parameters with their own rates, by pattern")

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return the optimizer for groups `{params, lr, weight_decay}` (fused where the device has it)."""
        raise NotImplementedError


class Schedule(Component):
    """The learning rate over a phase: a pure function of the step, after a linear warm-up."""

    warmup: Duration | None = Param(None, description="linear rise from near zero")
    reactive: ClassVar[bool] = False
    """Whether it follows a metric (`plateau`) and so has state; then `multiplier` gives the planned course."""

    def settled(self, total_steps: int, steps_per_epoch: int) -> Schedule:
        """Return the schedule with its durations in steps of a phase of `total_steps`."""
        return self

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base rate at optimizer step `step` of `total`, warm-up left out."""
        raise NotImplementedError


class Sampler(Component):
    """The order of samples in an epoch: a pure function of (seed, epoch)."""

    layouts: ClassVar[tuple[Layout, ...]] = ()
    """What the fields that `columns` names may hold; anything if empty."""

    by_length: ClassVar[bool] = False
    """Whether `order` is given the lengths [samples] of the fields that `columns` names, in place of their values."""

    together: ClassVar[int] = 1
    """How many samples that stand side by side belong together: several processes take whole groups."""

    def pairing(self) -> Pairing | None:
        """Return the fields in which neighbours agree and the one in which they differ, where it pairs samples."""
        return None

    def columns(self) -> tuple[str, ...]:
        """Return the fields whose encoded column `order` needs."""
        return ()

    def settled(self, total_steps: int, steps_per_epoch: int) -> Sampler:
        """Return the sampler with its durations as shares of a phase of `total_steps`."""
        return self

    def chosen(self, shapes: Mapping[str, Shape]) -> Sampler | Problem:
        """Return the sampler with fields that it leaves open chosen from a dataset's, or say why none fits."""
        return self

    def for_batches(self, rows: int) -> Sampler:
        """Return the sampler for batches that hold `rows` samples of its dataset."""
        return self

    def order(
        self,
        num_samples: int,
        columns: Mapping[str, np.ndarray[Any, Any]],
        generator: np.random.Generator,
        progress: float,
    ) -> np.ndarray[Any, Any]:
        """Return `num_samples` positions in the training split: the order of one epoch.

        `progress` in [0, 1] is the share of the phase that is done when the epoch starts.
        """
        raise NotImplementedError


class Mix(Component):
    """How several datasets share a batch."""

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return each dataset's share of the samples (they sum to 1) for training-split sizes."""
        raise NotImplementedError


class Balance(Component):
    """How the losses of several tasks become one gradient."""

    each_alone: ClassVar[bool] = False
    """Whether every step needs the gradients of the tasks one by one."""

    def settled(self, total_steps: int, steps_per_epoch: int) -> Balance:
        """Return the balance with its durations in steps of a phase of `total_steps`."""
        return self

    def build(self, owners: Sequence[int], shares: Sequence[float], num_tasks: int) -> balance.Balance:
        """Return what makes one loss of many: `owners` are the tasks of the losses, `shares` their weights."""
        from declare.nn.balances.balance import Balance as Sum

        return Sum(owners, shares, num_tasks)


class Regularizer(Component):
    """A penalty on matching parameters, added to the loss."""

    match: str = Param(description="a glob over parameter names")
    weight: float = Param(gt=0, le=1e6)

    def build(self) -> nn.Module:
        """Return a module that maps a list of parameters to an unweighted scalar penalty."""
        raise NotImplementedError


class Augment(Component):
    """A random change of a whole training batch on the device, possibly of targets too."""

    takes_lengths: ClassVar[bool] = False
    """Whether it takes series of different lengths: it keeps `FIELD.lengths` [B] true, or leaves series alone."""

    def check_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Iterable[Problem]:
        """Yield why it has nothing to change in a dataset whose model inputs and targets have these shapes."""
        return ()

    def mixed(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> frozenset[str]:
        """Return the fields in which it mixes samples of a batch: what is predicted must be mixed as inputs are."""
        return frozenset()

    def build(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> nn.Module:
        """Return a module `(fields, generator) -> fields` over one dataset's batch (None: torch's own generator).

        Class indices may come back as class probabilities, pixels 0..255 as numbers 0..1.
        """
        raise NotImplementedError


class Log(Protocol):
    """An open tracker."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a global step."""
        ...

    def close(self) -> None:
        """Flush and close."""
        ...


class Tracker(Component):
    """A place where metrics go besides the run folder's own files."""

    package: ClassVar[str | None] = None
    """The package that it needs, an optional extra of the same name."""

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open log for the run in `folder`."""
        raise NotImplementedError
