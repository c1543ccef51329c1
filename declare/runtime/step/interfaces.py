"""What the loop is made of, built from a plan: the one place that knows the names of `lowering`."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import InitPlan, PhasePlan
from declare.nn.balances.balance import Balance
from declare.nn.distributed.process_group import ProcessGroup

Batch = Mapping[str, Mapping[str, Tensor]]
Losses = tuple[Tensor, Tensor]
"""The loss (a scalar), and its unweighted terms [num_losses], one for each name of the objective."""
BeforeUpdate = Callable[[Tensor, Sequence[Tensor]], object]
"""Sees the loss and the parameters with their gradients; what it raises keeps the weights from changing."""


class Loader(Protocol):
    """The batches of a phase; position is the step alone."""

    def batches(self, start_step: int, stop_step: int) -> Iterator[Batch]:
        """Yield the batch of each optimizer step from `start_step` to `stop_step`, exclusive."""
        ...

    def describe_samples(self, step: int) -> Sequence[str]:
        """Return what is worth knowing of the samples of a step that went wrong."""
        ...


class Scales(Protocol):
    """The sizes at which a phase shows a batch."""

    eager: bool

    @property
    def field(self) -> str:
        """The field that is shown at several sizes."""
        ...

    @property
    def all_sizes(self) -> tuple[int, ...]:
        """The sizes of all steps."""
        ...

    def evaluation_size(self, step: int) -> int:
        """Return the size that evaluations after a step are of."""
        ...

    def sizes(self, step: int) -> tuple[int, ...]:
        """Return the sizes of a step."""
        ...

    def batches(self, batch: Batch, step: int) -> Iterator[Batch]:
        """Yield the batch at every size of a step, each made when it is asked for."""
        ...


class Objective(Protocol):
    """The losses of a phase."""

    names: Sequence[str]
    needs_collectives: bool
    """Whether a pass waits for those of other processes."""

    @property
    def scales(self) -> Scales | None:
        """The sizes that the phase asks for, None for the stored one alone."""
        ...

    @property
    def balance(self) -> Balance | None:
        """How the losses become one gradient, None for their sum."""
        ...

    def augment_once(self, batch: Batch, seed: int) -> Batch:
        """Return a batch that is about to be seen at several scales."""
        ...

    def mask_inputs(self, batch: Batch, seed: int) -> Batch:
        """Return the batch of a step in which tasks have masked or shifted their inputs, drawn by `seed`."""
        ...

    def denominators(self, batch: Batch) -> Tensor:
        """Return the normalising weight of each loss over a whole step batch."""
        ...

    def __call__(self, batch: Batch, denominators: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (loss, its terms [num_losses] in the order of `names`)."""
        ...


class EMA(Protocol):
    """A moving average of the weights."""

    def update(self) -> None:
        """Add the current weights."""
        ...

    def restart_statistics(self) -> None:
        """Restart the average of norm statistics, since they are now those of another size."""
        ...

    def average_parameters(self) -> AbstractContextManager[None]:
        """While inside, the graph holds the averaged weights."""
        ...

    def state_dict(self) -> Any:
        """Return the average."""
        ...

    def load_state_dict(self, state: Any) -> Any:
        """Take over an average."""
        ...


class RunBuilder(Protocol):
    """Makes what a run trains with, and evaluates it."""

    @property
    def graph(self) -> nn.Module:
        """The model."""
        ...

    @property
    def device(self) -> torch.device:
        """What it computes on."""
        ...

    @property
    def world(self) -> ProcessGroup:
        """The processes that it computes with."""
        ...

    def loader(self, phase: PhasePlan) -> Loader:
        """Return the batches of a phase."""
        ...

    def objective(self, phase: PhasePlan) -> Objective:
        """Return the losses of a phase."""
        ...

    def optimizer(self, phase: PhasePlan) -> torch.optim.Optimizer:
        """Return a fresh optimizer over the graph's parameters."""
        ...

    def ema(self, phase: PhasePlan) -> EMA | None:
        """Return the moving average that the phase asks for."""
        ...

    def lr_schedule(self, phase: PhasePlan) -> LRSchedule:
        """Return the factor of the learning rates as a function of the step."""
        ...

    def initialize(self, phase: PhasePlan, resolve: Callable[[InitPlan], Path]) -> list[dict[str, Any]]:
        """Load what the phase's `init` names; return for each entry what was loaded and missing."""
        ...

    def evaluate_at(self, sizes: Mapping[str, int]) -> None:
        """Show fields of images at these sizes (of the shorter edge) in evaluations and probes from now on."""
        ...

    def evaluate(self, split: str, tasks: Sequence[str]) -> Mapping[str, float]:
        """Return the metrics of a split; none if the split has no samples."""
        ...

    def sync_skipped_samples(self) -> None:
        """Let every process know what any has found wrong in the data since the last call."""
        ...

    def bounds(self, split: str, tasks: Sequence[str]) -> Mapping[str, float]:
        """Return the metrics of the best prediction there is, of tasks whose data know it; by the same names."""
        ...

    def baseline_metrics(self, split: str, tasks: Sequence[str]) -> Mapping[str, float]:
        """Return the metrics of the tasks' trivial baselines on a split that was evaluated; by the same names."""
        ...

    def probe(self, phase: PhasePlan) -> Mapping[str, float]:
        """Return the metrics of the phase's probes on the current graph."""
        ...

    def composites(self, metrics: Mapping[str, float]) -> Mapping[str, float]:
        """Return the plan's named composites that `metrics` give a value for."""
        ...


@contextmanager
def close_batches(batches: Iterator[Batch]) -> Iterator[None]:
    """Close batches at the end, so that problems of samples are reported while listeners exist."""
    try:
        yield
    finally:
        if isinstance(batches, Generator):
            batches.close()
