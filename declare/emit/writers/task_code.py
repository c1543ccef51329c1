"""Writes `losses.py`: the losses, metrics and predictions of tasks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from declare.contract.code import NotWrittenError, code_at
from declare.contract.kinds.task import Target
from declare.contract.lengths import lengths_name
from declare.emit.specialize.abstract_values import Batch, Const, NotNone, Tensor, Value
from declare.emit.specialize.member_lookup import methods_of
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit, bind_arguments, function_unit, method_unit
from declare.emit.text.definitions import Definitions
from declare.ir.plan import Plan, TaskPlan
from declare.parsing.read_component import read_component


class TaskCode:
    """The functions of one task for one target, and the class that gathers its metrics."""

    def __init__(self, plan: Plan, name: str, definitions: Definitions, target: Target, word: str) -> None:
        self.plan, self.task, self.definitions = plan, plan.tasks[name], definitions
        self.name, self.word = name, word
        self.library: Library = definitions.library
        self.adapter = read_component("tasks", self.task.block).build(target)
        self.losses = [read_component("losses", loss.block).build(target) for loss in self.task.losses]
        self.metrics = {
            item.name: read_component("metrics", item.block).build(target) for item in self.task.metrics
        }
        for title, metric in self.metrics.items():
            if not hasattr(metric, "accumulator") and not hasattr(metric, "mean_score"):
                with code_at(f"tasks.{name}.metrics"):
                    raise NotWrittenError(f"the metric `{title}`")
        output, batch = _output(plan, self.task), Batch(_lengths(plan, self.task))
        self.target = self._method(self.adapter, "target", [batch])
        self.scores = self._method(self.adapter, "scores", [output, batch])
        self.predict = self._method(self.adapter, "predict", [output])
        self.view = (
            self._method(self.adapter, "mask_inputs", [batch, NotNone()])
            if "mask_inputs" in methods_of(self.adapter)
            else None
        )
        kind = self._target_kind()
        self.forwards = [self._method(loss, "forward", [output, kind]) for loss in self.losses]
        self.counts = [self._method(loss, "count", [kind]) for loss in self.losses]
        self.means = [
            self._method(loss, "mean", [output, kind]) if loss.has_fused_mean is True else None
            for loss in self.losses
        ]
        self.accumulators: dict[Any, tuple[Any, Unit, Unit]] = {}
        self.formulas: dict[str, tuple[Any, Unit]] = {}
        self.rankings: dict[str, tuple[Unit, Unit]] = {}
        """Metrics over the columns of all samples: what gives them, and the metric."""
        for title, metric in self.metrics.items():
            self._metric(title, metric, output)

    def _target_kind(self) -> Value:
        field = (
            self.task.target_field
            and self.plan.datasets[self.task.datasets[0]].fields[self.task.target_field]
        )
        if not field or self.view is not None:
            return Tensor()
        return Tensor(len(field.shape.dims) + 1, not str(field.shape.dtype).startswith("int"))

    def _method(self, owner: Any, name: str, arguments: Sequence[Value]) -> Unit:
        return self._root(method_unit(owner, name), arguments)

    def _root(self, unit: Unit, arguments: Sequence[Value]) -> Unit:
        return self.library.call(unit, bind_arguments(unit, list(arguments), {}))

    def _metric(self, name: str, metric: Any, output: Value) -> None:
        if hasattr(metric, "mean_score"):
            pair = [Tensor(None, True), self._target_kind()]
            self.rankings[name] = (
                self._method(metric, "columns", pair),
                self._method(metric, "mean_score", [Tensor(2, True), Tensor(2, True)]),
            )
            return
        accumulator: Any = metric.accumulator
        formula: Any = metric.formula
        fixed: list[Value] = []
        if accumulator.key not in self.accumulators:
            arguments: list[Value] = [Tensor(None, True), self._target_kind()]
            sums = self._method(accumulator, "table" if accumulator.most_rows else "sums", arguments)
            merge = self._method(accumulator, "merge", [Tensor(None, True), Tensor(None, True)])
            self.accumulators[accumulator.key] = (accumulator, sums, merge)
        if isinstance(formula, partial):
            formula, fixed = formula.func, [Const(item) for item in formula.args]
        unit = function_unit(formula)
        if unit is None:
            raise NotWrittenError(f"the metric `{name}`")
        unit.key = f"{unit.key} of {self.word}/{name}"
        self.formulas[name] = (accumulator.key, self._root(unit, [*fixed, Tensor(None, True)]))

    def name_functions(self) -> None:
        """Name the functions, for where they are written."""
        define = self.definitions.name
        for unit, count, mean, loss in zip(
            self.forwards, self.counts, self.means, self.task.losses, strict=True
        ):
            word = str(loss.block["type"])
            define(unit, f"{word}_sum", "The sum of the loss over valid targets, and their weight.")
            define(count, f"{word}_weight")
            if mean is not None:
                define(mean, word)
        for accumulator, sums, merge in self.accumulators.values():
            define(sums, _snake(type(accumulator).__name__) + ("_table" if accumulator.most_rows else ""))
            define(merge, f"merge_{_snake(type(accumulator).__name__)}")
        for title, (columns, score) in self.rankings.items():
            define(columns, "columns")
            define(score, title)
        for metric in self.task.metrics:
            if metric.name in self.rankings:
                continue
            doc = type(read_component("metrics", metric.block)).__doc__ or ""
            define(self.formulas[metric.name][1], metric.name, doc.strip().partition("\n")[0])
        define(self.target, f"{self.word}_target")
        define(self.scores, f"{self.word}_scores")
        define(self.predict, f"{self.word}_prediction")
        if self.view is not None:
            define(self.view, f"{self.word}_view")

    @property
    def view_name(self) -> str:
        """The name of the function that hides inputs, which other tasks may share."""
        return "" if self.view is None else self.definitions.names[self.view.marker]

    @property
    def view_draws(self) -> bool:
        """Whether hiding inputs draws random numbers."""
        return self.view is not None and "generator" in self.view.remaining_parameters

    def write(self) -> None:
        """Write the class, and what hides inputs."""
        if self.view is not None:
            self.definitions.function(self.view)
        self.definitions.add("\n".join(self._scores_class()))

    @property
    def _sums(self) -> dict[Any, str]:
        """The attribute that holds each accumulator's sums; several of one class are numbered."""
        names: dict[Any, str] = {}
        for key, (accumulator, _, _) in self.accumulators.items():
            word = _snake(type(accumulator).__name__)
            number = 1 + sum(name.partition("_of_")[0] == word for name in names.values())
            names[key] = word if number == 1 else f"{word}_of_{number}"
        return names

    def _scores_class(self) -> list[str]:
        lines = [
            f"class {camel(self.word)}Scores:",
            f'    """The metrics of `{self.word}` over batches."""',
            "",
        ]
        lines += ["    def __init__(self) -> None:"]
        number = len(self.losses)
        single = ["        self.total = self.weight = 0.0"]
        several = [f"        self.totals = [0.0] * {number}", f"        self.weights = [0.0] * {number}"]
        lines += [*(single if number == 1 else several), "        self.has_nan = False"]
        for key, (accumulator, _, _) in self.accumulators.items():
            kind = "tuple[Tensor, Tensor]" if accumulator.most_rows else "Tensor"
            lines += [f"        self.{self._sums[key]}: list[{kind}] = []"]
        if self.rankings:
            lines += ["        self.columns: list[tuple[Tensor, Tensor]] = []"]
        return [*lines, "", *self._update(), "", *self._results()]

    def _update(self) -> list[str]:
        """Return the method that takes in a batch."""
        call = self.definitions.call
        lines = ["    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:"]
        lines += ['        """Take in a batch."""', f"        target = {call(self.target, 'batch')}"]
        for number, unit in enumerate(self.forwards):
            place = f"s[{number}]" if len(self.forwards) > 1 else ""
            lines += [f"        total, weight = {call(unit, 'output.double()', 'target')}"]
            lines += [
                f"        self.total{place} += float(total)",
                f"        self.weight{place} += float(weight)",
            ]
        lines += [f"        prediction, target = {call(self.scores, 'output', 'batch')}"]
        lines += ["        self.has_nan = self.has_nan or bool(prediction.isnan().any())"]
        for key, (accumulator, sums, _) in self.accumulators.items():
            rows = accumulator.most_rows
            taken = "(prediction.double(), target)" if rows else call(sums, "prediction", "target")
            lines += [f"        self.{self._sums[key]}.append({taken})"]
        for columns, _ in [*self.rankings.values()][:1]:
            lines += [f"        self.columns.append({call(columns, 'prediction', 'target')})"]
        return lines

    def _results(self) -> list[str]:
        """Return the method that gives the metrics."""
        lines = [
            "    def results(self) -> dict[str, float]:",
            '        """Return the loss and every metric."""',
        ]
        lines += [f"        {self._sums[key]} = {self._total(key, 'self')}" for key in self.accumulators]
        lines += ["        return {", f'            "loss": {self._loss()},', *self._formula_lines()]
        names = [item.name for item in self.task.metrics]
        if not names:
            return [*lines, "        }"]
        undefined = f'{{"loss": {self._loss()}, **dict.fromkeys({names}, torch.nan)}}'
        return [*lines, f"        }} if not self.has_nan else {undefined}"]

    def _formula_lines(self) -> list[str]:
        call = self.definitions.call
        codes = {name: call(unit, self._sums[key]) for name, (key, unit) in self.formulas.items()}
        rows = [f"torch.cat([pair[{at}] for pair in self.columns])" for at in (0, 1)]
        codes |= {name: call(unit, *rows) for name, (_, unit) in self.rankings.items()}
        return [f'            "{item.name}": float({codes[item.name]}),' for item in self.task.metrics]

    def _total(self, key: Any, owner: str) -> str:
        """Return the code of the sums over all batches of `owner`."""
        accumulator, sums, merge = self.accumulators[key]
        parts = f"{owner}.{self._sums[key]}"
        if accumulator.most_rows:
            rows = [f"torch.cat([pair[{at}] for pair in {parts}])[:{accumulator.most_rows}]" for at in (0, 1)]
            return self.definitions.call(sums, *rows)
        if _is_sum(accumulator):
            return f"sum({parts}).double()"
        self.definitions.imports.add("from functools import reduce")
        return f"reduce({self.definitions.reference(merge)}, {parts}).double()"

    def write_combined(self) -> None:
        """Write the class of metrics over datasets that have a head each; called of the first of them."""
        word = self.word.removesuffix(f"_{self.task.datasets[0]}")
        if (
            len(self.losses) > 1
            or self.rankings
            or not all(item.by_unit for item, _, _ in self.accumulators.values())
        ):
            raise NotWrittenError(f"losses or metrics of `{word}`, which has a head for each dataset")
        lines = [
            f"class {camel(word)}Scores:",
            f'    """The metrics of `{word}` over datasets with a head each."""',
            "",
        ]
        lines += ["    def __init__(self, *parts: Any) -> None:", "        self.parts = parts", ""]
        lines += [
            "    def results(self) -> dict[str, float]:",
            '        """Return the loss and every metric."""',
        ]
        for key in self.accumulators:
            lines += [
                f"        {self._sums[key]} = torch.cat([{self._total(key, 'part')} for part in self.parts], -1)"
            ]
        total, weight = (f"sum(part.{item} for part in self.parts)" for item in ("total", "weight"))
        share = "" if self.task.losses[0].weight == 1 else f"{self.task.losses[0].weight} * "
        lines += [
            "        return {",
            f'            "loss": {share}{total} / {weight} if {weight} else torch.nan,',
            *self._formula_lines(),
        ]
        self.definitions.imports.add("from typing import Any")
        self.definitions.add("\n".join([*lines, "        }"]))

    def _loss(self) -> str:
        """Return the code of the loss over all batches; NaN if nothing was valid."""
        shares = [loss.weight for loss in self.task.losses]
        if len(shares) == 1:
            factor = "" if shares[0] == 1 else f"{shares[0]} * "
            return f"{factor}self.total / self.weight if self.weight else torch.nan"
        terms = " + ".join(
            f"{share} * self.totals[{at}] / self.weights[{at}]" for at, share in enumerate(shares)
        )
        return f"{terms} if all(self.weights) else torch.nan"


def _is_sum(accumulator: Any) -> bool:
    """Return whether parts are merged by adding them."""
    return "merge" not in vars(type(accumulator))


def _output(plan: Plan, task: TaskPlan) -> Tensor:
    head = plan.node(task.head)
    outputs = head.outputs or next(iter(head.variants.values())).outputs
    return Tensor(len(next(iter(outputs.values())).dims) + 1, True)


def _lengths(plan: Plan, task: TaskPlan) -> frozenset[str]:
    """Return the names of the lengths that batches of a task's datasets hold."""
    fields = [(name, field) for item in task.datasets for name, field in plan.datasets[item].fields.items()]
    return frozenset(
        lengths_name(name) for name, field in fields if field.has_lengths and field.shape.layout != "tokens"
    )


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")


def camel(name: str) -> str:
    """Return a name as those of classes are written."""
    return "".join(part.capitalize() for part in name.split("_"))
