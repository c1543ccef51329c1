"""The losses of a phase as one module: task losses over valid targets, and penalties on parameters."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from declare.ir.plan import PhasePlan, Plan
from declare.lowering.data.augments import make_augments
from declare.lowering.data.multiscale import Scales
from declare.lowering.model.graph import Batch, Graph, Joined
from declare.lowering.model.padding import join_padded
from declare.lowering.model.task_inputs import Fields, Views, model_view, original_fields, target_view
from declare.lowering.training.loss_balancing import loss_weights, make_balance, weighted_tasks
from declare.lowering.training.task_losses import Penalty, TaskLosses, Weight
from declare.nn.augments.mixing import probabilities
from declare.nn.distributed.batch_norm import batch_norms
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.nn.losses.consistency import Consistency
from declare.nn.losses.summed_loss import SummedLoss

_TINY = 1e-12


class Objective(nn.Module):
    """All losses of a phase on a batch (dataset -> field -> tensor).

    `names` are `TASK`, or `TASK/LOSS` if a task has several, then `regularizer/TYPE`, then `consistency`
    if the phase asks scales to agree. Each loss is a sum
    over valid targets, divided by its weight over the whole step batch: `denominators(batch)` gives those
    weights, and `forward(piece, denominators)` divides by them, so that the gradients of the pieces add up to
    that of the batch; over processes too, if they are the mean of their weights and gradients are averaged.
    """

    def __init__(
        self, plan: Plan, phase: PhasePlan, graph: Graph, world: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        super().__init__()
        self.graph = graph
        self.tasks = weighted_tasks(phase)
        self._losses = {name: TaskLosses(plan.tasks[name], world=world) for name in self.tasks}
        self.losses = nn.ModuleList(self._losses.values())
        self._datasets = {name: plan.tasks[name].datasets for name in self.tasks}
        self.penalties = nn.ModuleList(Penalty(block, graph) for block in phase.regularizers)
        self.augments = make_augments(plan, phase)
        self.scales = None if phase.scales is None else Scales(phase, phase.scales, plan.seed)
        consistency = phase.scales.consistency if phase.scales is not None else None
        self._consistency = None if consistency is None else Consistency(consistency["type"])
        self.names: Sequence[str]
        self.names, self._loss_weights = loss_weights(plan, phase)
        adapters = {name: losses.adapter for name, losses in self._losses.items()}
        self._views = Views(adapters, self._datasets)
        self._plain = tuple(name for name in self.tasks if name not in self._views.masking_tasks)
        self._direct = self._only_loss()
        self.balance = make_balance(phase, self.names, self._loss_weights, world)
        compares = any(losses.needs_all_rows for losses in self._losses.values())
        self.needs_collectives = world.size > 1 and (compares or bool(batch_norms(graph)))
        """Whether a pass waits for those of other processes: norms share statistics, losses see all rows."""
        self._unchecked = {(task, name) for task, names in self._datasets.items() for name in names}
        # Made now, so that torch.compile never sees it being made.
        for datasets in [(name,) for name in phase.datasets] if phase.alternate else [phase.datasets]:
            present = tuple(name for name in plan.datasets if name in datasets)
            for tasks in [self._plain, *[(name,) for name in self._views.masking_tasks]]:
                graph.build_program(tasks, present, joined=True)

    def _only_loss(self) -> SummedLoss | None:
        """Return the only loss if it computes its mean in one call, else None."""
        if len(self.names) != 1 or self.augments or not self._plain:
            return None
        losses = self._losses[self.tasks[0]]
        loss = losses.summed_losses[0]
        return loss if loss.has_fused_mean and not losses.losses_of_datasets else None

    def mask_inputs(self, batch: Batch, seed: int) -> Batch:
        """Return the batch of a step in which tasks have masked or shifted their inputs, drawn by `seed`."""
        return self._views.with_views(batch, seed)

    def augment_once(self, batch: Batch, seed: int) -> Batch:
        """Return a batch that is about to be seen at several scales: augmented once for all of them."""
        if self._consistency is not None:
            self._consistency.start()
        if self.augments:
            torch.manual_seed(seed)
        return self.augment(batch)

    def denominators(self, batch: Batch) -> Tensor:
        """Return what the losses of `batch` are divided by [num_losses]: weights of valid targets; they add up."""
        denominators: list[Weight] = []
        for task, losses in self._losses.items():
            present = [dataset for dataset in self._datasets[task] if dataset in batch]
            counts = [losses.of(name).count(self._target(task, batch, (name,))) for name in present]
            denominators += (
                [sum(column) for column in zip(*counts, strict=True)] if counts else [0.0] * len(losses.names)
            )
        denominators += [float(num_rows(batch))] * (len(self.penalties) + (self._consistency is not None))
        device = next((item.device for item in denominators if isinstance(item, Tensor)), device_of(batch))
        return torch.stack(
            [torch.as_tensor(item, dtype=torch.float32, device=device) for item in denominators]
        )

    def forward(self, batch: Batch, denominators: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (loss, terms [num_losses]); terms are not weighted. 0 for a loss without a valid target."""
        batch = self._views.with_views(batch, 0)
        original = batch
        if self.training and self.scales is None:
            batch = self.augment(batch)
        outputs = self.graph(batch, self._plain, joined=True) if self._plain else {}
        for task in self._views.masking_tasks:
            views = {dataset: model_view(task, fields) for dataset, fields in original.items()}
            outputs |= self.graph(views, (task,), joined=True)
        if self._direct is not None and denominators is None and len(outputs.get(self.tasks[0], ())) == 1:
            return self._directly(self._direct, batch, *outputs[self.tasks[0]][0])
        sums = self._sums(batch, outputs)
        if denominators is None:
            values = [_mean(total, weight) for total, weight in sums]
        else:
            divisors = denominators.clamp_min(_TINY).unbind()
            values = [total / divisor for (total, _), divisor in zip(sums, divisors, strict=True)]
        if len(values) == 1:
            return self._scale_loss(values[0])
        terms = torch.stack(values)
        if self.balance is not None:
            return self.balance(terms), terms.detach()
        # Not a matrix product: autocast would round it to bfloat16.
        return (terms * self._weights_like(terms)).sum(), terms.detach()

    def _directly(
        self, loss: Any, batch: Batch, group: Sequence[str], output: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (loss, terms) of one loss alone in as few operations as it can."""
        target = self._target(self.tasks[0], batch, group)
        if self._unchecked and not torch.compiler.is_compiling():
            self._check(self.tasks[0], group, output, target)
        return self._scale_loss(loss.mean(output, target))

    def _check(self, task: str, group: Sequence[str], output: Tensor, target: Tensor) -> None:
        """Compare the shapes of the first output and target of a task in some datasets."""
        if (task, group[0]) in self._unchecked:
            self._losses[task].of(group[0]).check(task, output, target)
            self._unchecked -= {(task, name) for name in group}

    def _scale_loss(self, value: Tensor) -> tuple[Tensor, Tensor]:
        weight = self._loss_weights[0]
        return value if weight == 1.0 else value * weight, value.detach().unsqueeze(0)

    def augment(self, batch: Batch) -> Batch:
        """Return a batch after the phase's augments, for each dataset separately.

        Tasks that hide parts of a field (reconstruction) keep theirs as it was, in view and target.
        """
        if not self.augments:
            return batch
        augmented = dict(batch)
        for dataset, steps in self.augments.items():
            if dataset not in batch:
                continue
            before = original_fields(self._views.masking_tasks, batch[dataset])
            for augment in steps:
                augmented[dataset] = augment(augmented[dataset], None)
            augmented[dataset] = {**augmented[dataset], **before}
        return augmented

    def _sums(self, batch: Batch, outputs: Joined) -> list[tuple[Tensor, Weight]]:
        """Return (sum, weight) of every loss on a batch."""
        sums: list[tuple[Tensor, Weight]] = []
        for task, losses in self._losses.items():
            groups = outputs.get(task, [])
            pairs = []
            for group, output in groups:
                target = self._target(task, batch, group)
                if self._unchecked and not torch.compiler.is_compiling():
                    self._check(task, group, output, target)
                pairs.append(losses.of(group[0])(output, target))
            if len(pairs) == 1:
                sums += pairs[0]
            elif pairs:
                sums += [_sum_pairs(column) for column in zip(*pairs, strict=True)]
            else:
                sums += [(torch.zeros((), device=device_of(batch)), 0.0)] * len(losses.names)
        rows = float(num_rows(batch))
        # A penalty counts by rows, so that micro-batches share it as they share the batch.
        sums += [(penalty() * rows, rows) for penalty in self.penalties]
        if self._consistency is not None:
            predictions = [output for groups in outputs.values() for _, output in groups]
            sums.append((self._consistency(predictions), rows))
        return sums

    def _target(self, task: str, batch: Batch, group: Sequence[str]) -> Tensor:
        """Return the targets of a group's datasets, their rows one after another."""
        adapter = self._losses[task].of(group[0]).adapter
        if len(group) == 1:
            return adapter.target(self._target_fields(task, batch[group[0]]))
        targets = [adapter.target(self._target_fields(task, batch[dataset])) for dataset in group]
        # `max` with a key would break the compiled graph in torch 2.11.
        num_axes = max([item.dim() for item in targets])
        mixed = next(item for item in targets if item.dim() == num_axes)
        # Of a dataset whose batch stayed as it was classes are indices [B, ...], beside mixed ones [B, K, ...].
        return join_padded(
            [item if item.dim() == mixed.dim() else probabilities(item, mixed.shape[1]) for item in targets]
        )

    def _target_fields(self, task: str, fields: Fields) -> Fields:
        return target_view(task, fields) if task in self._views.masking_tasks else fields

    def _weights_like(self, terms: Tensor) -> Tensor:
        if self._loss_weight_tensor is None or self._loss_weight_tensor.device != terms.device:
            self._loss_weight_tensor = torch.tensor(
                self._loss_weights, dtype=terms.dtype, device=terms.device
            )
        return self._loss_weight_tensor

    _loss_weight_tensor: Tensor | None = None


def num_rows(batch: Batch) -> int:
    """Return the number of samples in a batch."""
    return sum(len(next(iter(fields.values()))) for fields in batch.values())


def device_of(batch: Batch) -> torch.device:
    """Return the device that a batch is on."""
    return next(iter(next(iter(batch.values())).values())).device


def _sum_pairs(pairs: Sequence[tuple[Tensor, Weight]]) -> tuple[Tensor, Weight]:
    return torch.stack([total for total, _ in pairs]).sum(), sum(weight for _, weight in pairs)


def _mean(total: Tensor, weight: Weight) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(_TINY)
    return total * (1 / weight) if weight else total
