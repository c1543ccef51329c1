"""Writes `data.py`: reading, splits, transforms, and the order of training samples."""

import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from declare.contract import strict_json
from declare.contract.code import Code, NotWrittenError, code_at, text_literal
from declare.contract.shapes import Shape
from declare.data.read.fingerprints import SPLITS
from declare.data.store.split_arrays import Pool
from declare.data.store.statistics import fit_pool
from declare.emit.specialize.abstract_values import UNKNOWN, Const, NotNone, Tensor, Value
from declare.emit.specialize.finish import finish
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit, bind_arguments, function_unit, method_unit
from declare.emit.text.definitions import Definitions
from declare.emit.writers.raw_column import raw_column
from declare.ir.plan import DatasetPlan, PhasePlan, Plan
from declare.lowering.data.columns import used_fields
from declare.parsing.read_component import read_component

_FEW = 16
"""Statistics of a transform that are in the code at most."""
_SPLIT = '''def split(fields: dict[str, Tensor], parts: int) -> list[dict[str, Tensor]]:
    """Return the rows of a batch in parts, as even as can be."""
    parts = min(parts, len(next(iter(fields.values()))))
    columns = [values.tensor_split(parts) for values in fields.values()]
    return [dict(zip(fields, part, strict=True)) for part in zip(*columns, strict=True)]'''


_CUT = """
    longest = max(1, int((fields["{field}"] >= 0).sum(1).max()))
    fields["{field}"] = fields["{field}"][:, :longest].long()"""
_SAMPLES = '''@cache
def {name}_samples(split: str) -> dict[str, Tensor]:
    """Return the samples of a split as tensors [samples, ...]."""
    rows, fields = SPLITS["{name}"][split], {fields}
    return {{name: torch.from_numpy(values[rows]) for name, values in read_{name}().items() if name in fields}}


def take_{name}(split: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Return the samples at `rows` of a split."""
    places = torch.from_numpy(rows)
    fields = {{name: values.index_select(0, places) for name, values in {name}_samples(split).items()}}{cuts}
    return fields


def {name}_batches(split: str, size: int = {size}) -> Iterator[dict[str, Tensor]]:
    """Yield a split in order."""
    number = len({name}_samples(split)["{first}"])
    for start in range(0, number, size):
        yield take_{name}(split, np.arange(start, min(start + size, number)))'''
_RESIZE = '''def resize(images: Tensor, size: int) -> Tensor:
    """Return pictures [N, C, H, W] with the shorter edge at `size`, antialiased."""
    height, width = images.shape[-2:]
    shorter = min(height, width)
    if shorter == size:
        return images
    edges = [max(1, round(edge * size / shorter)) for edge in (height, width)]
    pixels = images.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(pixels, size=edges, mode="bilinear", antialias=True)'''


class DataCode:
    """The data of a plan."""

    def __init__(self, plan: Plan, evaluation_sizes: Mapping[str, int], folder: str) -> None:
        self.plan = plan
        self.folder = folder
        self.evaluation_sizes = evaluation_sizes
        self.definitions = Definitions(Library(), {"SPLITS", "FOLDER"})
        self.library = self.definitions.library
        self.statistics: dict[str, dict[str, list[float]]] = {}
        """Statistics of transforms that are too many to be in the code, by `DATASET/FIELD/NUMBER`."""
        self.splits: dict[str, dict[str, list[int]]] = {}
        self.files: dict[str, str] = {}
        self.pools = {name: Pool(dataset, f"datasets.{name}") for name, dataset in plan.datasets.items()}
        self.names = {name: self._names_of(name, dataset) for name, dataset in plan.datasets.items()}
        self.sources: dict[str, Code] = {}
        self.units: dict[tuple[str, ...], Unit] = {}
        """Of generators, transforms (dataset, field, number) and samplers (phase, dataset)."""
        used = {name: dataset for name, dataset in plan.datasets.items() if self.names[name]}
        for name, dataset in used.items():
            with code_at(f"datasets.{name}.source"):
                self._source(name, dataset)
            with code_at(f"datasets.{name}.transforms"):
                self._transforms(name, dataset)
        for phase in plan.phases:
            for name in phase.datasets:
                with code_at(f"phases.{phase.name}.sampler"):
                    self._sampler(phase, name)
        self.library.specialize_all()
        for name, dataset in used.items():
            with code_at(f"datasets.{name}"):
                self._dataset(name, dataset)
        for phase in plan.phases:
            for name in phase.datasets:
                self._order(phase, name)
        self._micro_batches()
        if any(phase.scales for phase in plan.phases):
            self.definitions.imports.add("from torch.nn import functional")
            self.definitions.add(_RESIZE)

    def text(self) -> str:
        """Return the file."""
        self.definitions.imports |= {"import json", "from pathlib import Path", "import numpy as np"}
        self.definitions.imports |= {
            "import torch",
            "from torch import Tensor",
            "from functools import cache",
        }
        self.definitions.constants[:0] = [
            "FOLDER = Path(__file__).parent",
            'SPLITS = json.loads((FOLDER / "splits.json").read_text())',
            '"""Rows of each split, by dataset."""',
        ]
        if self.statistics:
            self.definitions.constants[3:3] = [
                'STATISTICS = json.loads((FOLDER / "statistics.json").read_text())'
            ]
            self.files["statistics.json"] = strict_json.dumps(self.statistics, indent=1) + "\n"
        return self.definitions.text(f"The data of `{self.plan.name}`.")

    def _names_of(self, name: str, dataset: DatasetPlan) -> list[str]:
        """Return the fields that the model, tasks and samplers read."""
        return [
            item
            for item in dataset.fields
            if item in {*used_fields(self.plan, name), *self._sampler_fields(name)}
        ]

    def _column(self, name: str, field: str) -> str:
        return self.pools[name].fields[field].column_name(field)

    def _root(
        self, key: tuple[str, ...], unit: Unit, known: list[Value], named: dict[str, Value] | None = None
    ) -> None:
        unit.key += f" of {'/'.join(key)}"
        self.units[key] = self.library.call(unit, bind_arguments(unit, known, named or {}))

    def _source(self, name: str, dataset: DatasetPlan) -> None:
        code = read_component("sources", dataset.source).code(
            [self._column(name, item) for item in self.names[name]]
        )
        self.sources[name] = code
        if code.function is not None:
            unit = function_unit(code.function)
            assert unit is not None
            self._root((name,), unit, [], {key: Const(value) for key, value in code.arguments.items()})
            word = code.arguments_name if len(self.plan.datasets) == 1 else name
            self.definitions.name(self.units[name,], f"simulate_{word}")

    def _transforms(self, name: str, dataset: DatasetPlan) -> None:
        if any(block.get("on", "all") != "all" for block in dataset.transforms):
            raise NotWrittenError(f"transforms of `{name}` for some splits only")
        statistics = fit_pool(self.pools[name])
        for field in self.names[name]:
            shape = dataset.fields[field].facts.shape
            for number, block in enumerate(dataset.transforms):
                if field not in ([block["field"]] if block.get("field") else block.get("fields") or ()):
                    continue
                transform = read_component("transforms", block)
                if not transform.stored:
                    raise NotWrittenError(f"the transform `{block['type']}`")
                fitted = statistics.get(f"{number}.{field}", {})
                key = (name, field, str(number))
                known: list[Value] = [Tensor(len(shape.dims) + 1), Const(fitted)]
                if sum(map(len, fitted.values())) > _FEW:
                    known[1] = NotNone()
                    self.statistics["/".join(key)] = fitted
                self._root(key, method_unit(transform, "apply"), known)
                word = f"{name}_{field}" if len(self.plan.datasets) > 1 else field
                self.definitions.name(self.units[key], f"{block['type']}_{word}")
                after = transform.infer(shape)
                assert isinstance(after, Shape)
                shape = after

    def _sampler(self, phase: PhasePlan, name: str) -> None:
        sampler = read_component("samplers", phase.sampler_of(name))
        size = self.plan.datasets[name].splits["train"]
        self._root(
            ("order", phase.name, name),
            method_unit(sampler, "order"),
            [Const(size), NotNone(), NotNone(), UNKNOWN],
        )
        self.definitions.name(self.units["order", phase.name, name], f"{self._word(phase, name)}_permutation")

    @staticmethod
    def _word(phase: PhasePlan, name: str) -> str:
        return f"{phase.name}_{name}" if len(phase.datasets) > 1 else phase.name

    def _dataset(self, name: str, dataset: DatasetPlan) -> None:
        """Write how a dataset is read."""
        if any(isinstance(dataset.split.get(split), str | Path) for split in SPLITS):
            raise NotWrittenError(f"files for the splits of `{name}`")
        self.splits[name] = {split: rows.tolist() for split, rows in self.pools[name].rows.items()}
        others = {
            split for item in self.plan.datasets.values() for split, size in item.splits.items() if size
        }
        self.splits[name] |= {split: [] for split in sorted(others - self.splits[name].keys())}
        if any(
            max(rows, default=0) >= self.pools[name].reader.num_samples for rows in self.splits[name].values()
        ):
            raise NotWrittenError(f"texts of `{name}` that are cut into several samples")
        source, names = self.sources[name], self.names[name]
        self._take(source)
        expression = source.expression
        if source.function is not None:
            unit = self.units[name,]
            finish(unit, {"columns"}, {self._column(name, item) for item in names})
            expression = expression.replace("{call}", f"{unit.marker}()")
        lines = ["@cache", f"def read_{name}() -> dict[str, np.ndarray]:"]
        lines += [f'    """Return the fields of all samples of `{name}`, encoded and transformed."""']
        lines += [f"    {self._portable(dataset, line)}" for line in source.lines]
        lines += [f"    columns = {expression}"]
        for item in names:
            with code_at(f"datasets.{name}.fields.{item}"):
                lines += [f"    {line}" for line in self._field(name, item, source)]
        kept = {item: f"{item}_values" for item in names}
        kept |= {f"{item}.encoded": f"{item}_encoded" for item in names if self._is_weight(name, item)}
        pairs = ", ".join(f'"{key}": {value}' for key, value in kept.items())
        self.definitions.add("\n".join([*lines, f"    return {{{pairs}}}"]))
        self._split(name, dataset)

    def _portable(self, dataset: DatasetPlan, line: str) -> str:
        """Return code in which a file inside the program's folder is named relative to it."""
        path = str(dataset.source.get("path", ""))
        inside = os.path.relpath(path, self.folder) if path else ""
        return (
            line.replace(repr(path), f"FOLDER / {text_literal(inside)}")
            if path and not inside.startswith("..")
            else line
        )

    def _sampler_fields(self, name: str) -> set[str]:
        """Return the fields by which samplers draw."""
        phases = [phase for phase in self.plan.phases if name in phase.datasets]
        return {
            item for phase in phases for item in read_component("samplers", phase.sampler_of(name)).columns()
        }

    def _is_weight(self, owner: str, name: str) -> bool:
        """Return whether a sampler draws by the numbers of a field, as they are before transforms and rounding."""
        shape = self.plan.datasets[owner].fields[name].facts.shape
        return shape.layout == "number" and name in self._sampler_fields(owner)

    def _take(self, code: Code) -> None:
        self.definitions.imports |= {*code.imports}
        self.files |= code.files
        for text in code.definitions:
            if text not in self.definitions.blocks:
                self.definitions.add(text)

    def _field(self, owner: str, name: str, source: Code) -> list[str]:
        """Return the lines that encode and transform a field."""
        plan = self.plan.datasets[owner].fields[name]
        column = self._column(owner, name)
        reader, field = self.pools[owner].reader, self.pools[owner].fields[name]
        # Of samples with axes the type alone counts.
        rows = min(_FEW, reader.num_samples) if plan.facts.shape.dims else reader.num_samples
        values = reader.read(column, np.arange(rows))
        used = np.concatenate([*self.pools[owner].rows.values()])
        raw = raw_column(f"columns[{text_literal(column)}]", source.kind, values, field, plan.facts, used)
        code = field.code(name, plan.facts, raw)
        self._take(code)
        lines, value = list(code.lines), code.expression
        if self._is_weight(owner, name):
            lines.append(f"{name}_encoded = {value}")
            value = f"{name}_encoded"
        for key, unit in self.units.items():
            if key[:2] == (owner, name):
                lines.append(f"{name}_values = {value}")
                place = "/".join(key)
                more = [f'STATISTICS["{place}"]'] if place in self.statistics else []
                value = self.definitions.call(unit, f"{name}_values", *more)
        is_single = plan.shape.dtype == "float32" and not plan.double and plan.facts.shape.dtype != "uint8"
        if is_single and not value.endswith("np.float32)"):
            value = f"({value}).astype(np.float32)"
        return [*lines, f"{name}_values = {value}"]

    def _split(self, name: str, dataset: DatasetPlan) -> None:
        """Write the samples of a split, and how some of them are taken."""
        names = used_fields(self.plan, name)
        texts = [item for item in names if dataset.fields[item].shape.layout == "tokens"]
        if any(dataset.fields[item].has_lengths for item in names if item not in texts):
            raise NotWrittenError(f"series of `{name}` that differ in length")
        self.definitions.imports |= {"from collections.abc import Iterator", "from functools import cache"}
        cuts = "".join(_CUT.format(field=item) for item in texts)
        size, fields = self.evaluation_sizes[name], "{" + ", ".join(f'"{item}"' for item in names) + "}"
        for text in _SAMPLES.format(name=name, fields=fields, cuts=cuts, size=size, first=names[0]).split(
            "\n\n\n"
        ):
            self.definitions.add(text)

    def _micro_batches(self) -> None:
        """Write how batches are cut, if a phase accumulates gradients."""
        if any(phase.accumulate > 1 for phase in self.plan.phases):
            self.definitions.add(_SPLIT)

    def _order(self, phase: PhasePlan, name: str) -> None:
        """Write which samples each step of a phase takes from a dataset."""
        size, rows = self.plan.datasets[name].splits["train"], phase.rows[name]
        sampler = read_component("samplers", phase.sampler_of(name))
        unit, word = self.units["order", phase.name, name], self._word(phase, name)
        columns = "{}"
        if sampler.columns():
            columns = (
                "{"
                + ", ".join(
                    f'"{item}": {self._sampler_values(name, item, sampler.by_length)}'
                    for item in sampler.columns()
                )
                + "}"
            )
        key = [self.plan.seed, zlib.crc32(phase.name.encode()), zlib.crc32(name.encode())]
        turns = len(phase.datasets) if phase.alternate else 1
        ends = len(phase.datasets) == 1
        batch = size / -(-size // rows) if ends else rows
        total = phase.steps * batch / turns
        lines = ["@cache", f"def {word}_order(epoch: int) -> np.ndarray:"]
        lines += [
            f'    """Return the order of the training samples of `{name}` in an epoch of `{phase.name}`."""'
        ]
        lines += [f"    generator = np.random.default_rng([{', '.join(map(str, key))}, epoch])"]
        progress = f"min(1.0, epoch * {size} / {max(1, total)})"
        call = self.definitions.call(unit, columns, "generator", progress)
        lines += [f"    return {call}"]
        self.definitions.add("\n".join(lines))
        lines = [f"def {word}_batch(step: int) -> dict[str, Tensor]:"]
        lines += [f'    """Return the samples of `{name}` in a step of `{phase.name}`."""']
        if ends:
            lines += [f"    epoch, place = divmod(step, {-(-size // rows)})"]
            lines += [f"    rows = {word}_order(epoch)[{rows} * place : {rows} * (place + 1)]"]
        else:
            group = sampler.group_size
            lines += [f"    epoch, start = divmod({rows} * step, {-(-size // group) * group})"]
            lines += [f"    rows = {word}_order(epoch)[start : start + {rows}]"]
            lines += [f"    while len(rows) < {rows}:", "        epoch += 1"]
            lines += [f"        rows = np.concatenate([rows, {word}_order(epoch)[: {rows} - len(rows)]])"]
        lines += [f'    return take_{name}("train", rows)']
        self.definitions.add("\n".join(lines))

    def _sampler_values(self, dataset: str, field: str, by_length: bool) -> str:
        key = f"{field}.encoded" if self._is_weight(dataset, field) else field
        values = f'read_{dataset}()["{key}"][SPLITS["{dataset}"]["train"]]'
        if not by_length:
            return values
        is_text = self.plan.datasets[dataset].fields[field].shape.layout == "tokens"
        return (
            f"({values} >= 0).sum(1)"
            if is_text
            else f"np.zeros({self.plan.datasets[dataset].splits['train']}, int)"
        )


def splits_json(splits: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    """Return the rows of splits as JSON."""
    return strict_json.dumps(splits, separators=(",", ":")) + "\n"
