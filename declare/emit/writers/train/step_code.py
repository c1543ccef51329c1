"""Writes one step of a phase: its batch, forward and backward passes, and the update."""

from declare.contract.code import NotWrittenError
from declare.emit.writers.phase_code import PhaseCode
from declare.emit.writers.train.train_context import TrainContext, indent
from declare.ir.plan import PhasePlan, ScalesPlan
from declare.runtime.step.rng import key

_ORDERED = '[item for group in optimizer.param_groups for item in group["params"]]'
"""Parameters as gradients are clipped: a norm depends on their order by its rounding."""


class StepCode:
    """The lines of a step of one phase."""

    def __init__(self, context: TrainContext, phase: PhasePlan, code: PhaseCode) -> None:
        self.context, self.phase, self.code = context, phase, code
        self.arguments = ", ".join(code.arguments)
        self.batches = {name: code.argument(name) for name in code.datasets}
        phase_key = key(context.plan.seed, context.plan.phases.index(phase))
        self.seed = f'mix({phase_key}, state["step"])'

    def lines(self, rate: str) -> list[str]:
        """Return the lines; `rate` names the function of the learning rate's factor, if there is one."""
        lines = ["optimizer.zero_grad()", *self._batches()]
        if self.phase.scales is not None:
            lines += [*self._shares(), *self._scales(self.phase.scales)]
        elif self.phase.accumulate > 1:
            lines += [*self._shares(), *self._micro_batches()]
        else:
            views, outputs = self._outputs()
            lines += [*views, *self._shares(), *self._totals()]
            lines += [
                *self._draw(f"mix({self.seed}, rank)"),
                *self._loss(outputs),
                *self._if_trained("loss.backward()"),
            ]
        return [*lines, *self._update(rate)]

    def _batches(self) -> list[str]:
        """Return the lines that take the samples of the step."""
        single = len(self.code.datasets) == 1
        words = {
            name: self.phase.name if single else f"{self.phase.name}_{name}" for name in self.code.datasets
        }
        return [
            f'{self.code.argument(name)} = data.{word}_batch(state["step"])' for name, word in words.items()
        ]

    def _shares(self) -> list[str]:
        """Return the lines that leave this process its rows."""
        return [f"{name} = part({name}, rank, world)" for name in self.code.arguments]

    def _totals(self) -> list[str]:
        """Return the lines that sum what the losses are divided by, if several processes share a batch."""
        totals = f"losses.{self.phase.name}_totals({self.arguments})"
        return ["totals = None", "if world > 1:", f"    totals = {totals}", "    add_up([totals], world)"]

    def _draw(self, seed: str) -> list[str]:
        return [f"torch.manual_seed({seed})"] if self.context.draws else []

    def _loss(self, outputs: str, *more: str) -> list[str]:
        """Return the lines of the loss of outputs."""
        extra = ["model"] if self.code.penalties else []
        arguments = ", ".join([outputs, self.arguments, *extra, *more, "totals=totals"])
        return self._cast([f"loss = losses.{self.phase.name}_loss({arguments})"])

    def _cast(self, lines: list[str]) -> list[str]:
        """Return lines in the precision of the phase."""
        if self.phase.precision != "bf16":
            return lines
        return ['with torch.autocast("cpu", torch.bfloat16):', *indent(lines)]

    def _if_trained(self, line: str) -> list[str]:
        """Return a line that needs gradients, under a condition if all that the loss reads may be frozen."""
        frozen = [name for rule in self.phase.freeze for name in rule.parameters]
        heads = [self.context.plan.node(self.context.plan.tasks[name].head) for name in self.code.names]
        may_be_frozen = self.phase.freeze and all(
            not head.total_parameters or any(name.startswith(f"{head.path}.") for name in frozen)
            for head in heads
        )
        return ["if loss.requires_grad:", *indent([line])] if may_be_frozen else [line]

    def _micro_batches(self) -> list[str]:
        """Return the lines of passes for each micro-batch."""
        count = self.phase.accumulate
        parts = ", ".join(f"data.split({name}, {count})" for name in self.code.arguments)
        outputs = self.context.call(f"forward_{self.phase.name}", self.batches)
        lines = [f"totals = losses.{self.phase.name}_totals({self.arguments})", "add_up([totals], world)"]
        lines += [f"for number, ({self.arguments},) in enumerate(zip({parts}, strict=True)):"]
        inner = [
            *self._draw(f"mix({self.seed}, {count} * rank + number)"),
            *self._loss(outputs),
            *self._if_trained("loss.backward()"),
        ]
        return [*lines, *indent(inner)]

    def _outputs(self) -> tuple[list[str], str]:
        """Return the lines that hide inputs, and the code of the outputs of the model."""
        lines, outputs = [], []
        if self.code.plain:
            outputs.append(self.context.call(f"forward_{self.phase.name}", self.batches))
        for task in self.code.masking:
            shown: dict[str, str] = {}
            for dataset in self.code.datasets:
                name = self.code.argument(dataset)
                if dataset not in self.code.datasets_of(task):
                    continue
                seed = f"({self.seed} + {self.context.offset(task, dataset, self.code.masking)}) % 2**63"
                word = "shown" if len(self.code.arguments) == 1 else f"{dataset}_shown"
                word += f"_{task}" if len(self.code.masking) > 1 else ""
                lines += [f"view = {self.context.view(task, dataset, name, seed)}"]
                lines += [f"{word}, {name} = part({{**{name}, **view}}, rank, world), {{**view, **{name}}}"]
                shown[dataset] = word
            outputs.append(self.context.call(f"forward_{self.phase.name}_{task}", self.batches | shown))
        return lines, " | ".join(outputs)

    def _scales(self, scales: ScalesPlan) -> list[str]:
        """Return the lines of passes at the sizes of the step."""
        if len(self.code.datasets) > 1 or self.phase.ema or (self.phase.best and scales.evaluate is None):
            raise NotWrittenError(
                f"`scales` of the phase `{self.phase.name}` with several datasets, `best` or `ema`"
            )
        image = f'batch["{scales.field}"]'
        outputs = self.context.call(f"forward_{self.phase.name}", self.batches)
        if scales.mode == "progressive":
            self.context.imports.add("from bisect import bisect_right")
            last = len(scales.sizes) - 1
            lines = [f'size = {scales.sizes}[min(bisect_right({scales.ends}, state["step"]), {last})]']
            lines += [f"{image} = data.resize({image}, size)", *self._totals()]
            return [
                *lines,
                *self._draw(f"mix(mix({self.seed}, rank), 0)"),
                *self._loss(outputs),
                *self._if_trained("loss.backward()"),
            ]
        return self._joint_scales(scales, image, outputs)

    def _joint_scales(self, scales: ScalesPlan, image: str, outputs: str) -> list[str]:
        compares = self.code.consistency is not None
        sizes = tuple(sorted(scales.sizes, reverse=True))
        lines = [*self._totals(), f"stored = {image}", *(["teacher = {}"] if compares else [])]
        passes = [f"outputs = {outputs}", *self._loss("outputs", *(["teacher"] if compares else []))]
        if self.phase.precision == "bf16":
            passes = self._cast([passes[0], passes[-1].strip()])
        inner = [f"{image} = data.resize(stored, size)", *self._draw(f"mix(mix({self.seed}, rank), number)")]
        inner += [
            "with statistics.at(size):",
            *indent([*passes, *self._if_trained(f"(loss * {1 / len(sizes)}).backward()")]),
        ]
        if compares:
            inner += ["teacher = teacher or {name: output.detach() for name, output in outputs.items()}"]
        return [*lines, f"for number, size in enumerate({sizes}):", *indent(inner)]

    def _update(self, rate: str) -> list[str]:
        """Return the lines that add gradients up, clip them, and change the weights."""
        lines = ["add_up([item.grad for item in model.parameters() if item.grad is not None], world)"]
        if rate:
            base = 'group["initial_lr"]' if self.phase.groups else self.phase.optimizer["lr"]
            lines += ["for group in optimizer.param_groups:"]
            lines += [f'    group["lr"] = {base} * {rate}(state["step"])']
        clip = self.phase.clip or {}
        for name in ("value", "norm"):
            if clip.get(name) is not None:
                lines += self._if_trained(f"torch.nn.utils.clip_grad_{name}_({_ORDERED}, {clip[name]})")
        lines += ["optimizer.step()"]
        if self.phase.ema is not None:
            lines += ['average.update(state["step"])']
        return [*lines, 'state["step"] += 1']
