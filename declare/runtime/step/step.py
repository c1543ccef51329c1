"""One optimizer step: zero the gradients, forward and backward for each micro-batch, clip, update, average."""

from typing import Protocol

from declare.ir.micro_batches import group_size
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.step.clip_and_update import make_clip, make_optimizer_step
from declare.runtime.step.forward_backward import PartTimer, make_forward_backward, sum_losses
from declare.runtime.step.interfaces import EMA, Batch, BeforeUpdate, Losses, Scales
from declare.runtime.step.lr import OptimizerLR
from declare.runtime.step.rng import key, mix
from declare.runtime.step.skipping import BufferSnapshot, SkippingStep
from declare.runtime.step.split_batch import BatchSplitter
from declare.runtime.step.step_config import StepConfig


class TrainStep(Protocol):
    """Makes optimizer step `number` of a phase from its batch."""

    def __call__(self, number: int, batch: Batch) -> Losses:
        """Return (loss, terms), on the device and unread."""
        ...


class Step:
    """The step that every phase makes. What a spec asks for beyond it wraps it, or replaces a part of it."""

    def __init__(self, config: StepConfig) -> None:
        self._parameters = [item for group in config.optimizer.param_groups for item in group["params"]]
        self._strategy = config.strategy
        self.timer = PartTimer()
        self._forward_backward = make_forward_backward(config, self._parameters, self.timer)
        self._split = BatchSplitter(config.micro_batches, group_size(config.phase), config.world)
        self._is_single_micro_batch = config.micro_batches == config.world.size == 1
        self._first_micro_batch = config.world.rank * config.micro_batches
        self._phase_key = key(*config.seed_prefix)
        self.lr = OptimizerLR(config.optimizer, config.lr, config.phase)
        scaler = config.precision.scaler
        self._clip_gradients = make_clip(config.phase.clip, self._parameters, config.optimizer, scaler)
        self._optimizer_step = make_optimizer_step(config.optimizer, self._parameters, scaler)
        self._ema = config.ema

    def __call__(self, number: int, batch: Batch, before_update: BeforeUpdate | None = None) -> Losses:
        """Make step `number` (from 0) of the phase; return (loss, terms), on the device and unread.

        Random draws are keyed by (seed, phase, step, micro-batch). `before_update(loss, parameters)` sees the
        gradients of the whole batch before any weight changes.
        """
        strategy, forward_backward = self._strategy, self._forward_backward
        seed = mix(self._phase_key, number)
        strategy.reset()
        for parameter in self._parameters:
            parameter.grad = None
        batch = strategy.mask_inputs(batch, seed)
        micro_batches = self._split(batch)
        # loss = sum over valid targets / `denominators`, their number in the whole batch of all processes: so the
        # gradients of micro-batches add up to that of the batch. None: divide by the number in `batch` itself.
        denominators = (
            None if self._is_single_micro_batch else strategy.global_denominators(batch, micro_batches)
        )
        losses = []
        forward_backward.start_step(number, micro_batches)
        for index, micro_batch in enumerate(micro_batches):
            micro_batch_seed = mix(seed, self._first_micro_batch + index)
            last = index + 1 == len(micro_batches)
            losses.append(forward_backward(number, micro_batch, denominators, micro_batch_seed, last=last))
            strategy.after_micro_batch(self._parameters)
        loss, terms = forward_backward.finish_step(*sum_losses(losses, strategy.loss_scale), seed)
        strategy.reduce_gradients(self._parameters)
        if before_update is not None:
            before_update(loss, self._parameters)
        with self.timer("optimizer"):
            self.lr.apply(number)
            self._clip_gradients()
            self._optimizer_step()
            if self._ema is not None:
                self._ema.update()
        return loss, terms


class MultiscaleStep:
    """Another step, before which the model takes the norm statistics of the size that it is then evaluated at."""

    def __init__(
        self, step: TrainStep, scales: Scales, statistics: StatisticsBySize, ema: EMA | None
    ) -> None:
        self._step, self._scales, self._statistics, self._ema = step, scales, statistics, ema

    def __call__(self, number: int, batch: Batch) -> Losses:
        """Make step `number`."""
        if self._statistics.switch_to(self._scales.evaluation_size(number)) and self._ema is not None:
            self._ema.restart_statistics()
        return self._step(number, batch)


def wrap_step(step: Step, config: StepConfig) -> TrainStep:
    """Return the step with what the phase asks for around it."""
    train_step: TrainStep = step
    if config.phase.on_batch_error["action"] == "skip":
        tensors = config.statistics.tensors if config.statistics is not None else ()
        scaled = config.precision.scaler is not None
        train_step = SkippingStep(step, BufferSnapshot(config.graph, tensors), config.world, scaled=scaled)
    if config.objective.scales is not None and config.statistics is not None:
        train_step = MultiscaleStep(train_step, config.objective.scales, config.statistics, config.ema)
    return train_step
