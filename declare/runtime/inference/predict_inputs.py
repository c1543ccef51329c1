"""New samples to predict: a table, arrays, images; read with the fields and transforms of a run."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.facts import Reader
from declare.contract.files.image_formats import SUFFIXES
from declare.contract.files.listing import list_files
from declare.contract.kinds.source import REMOTE, Source
from declare.contract.problem import Problem, ProblemError
from declare.data.read import fitted_fields
from declare.data.store.split_arrays import Pool, Statistics
from declare.ir.plan import DatasetPlan, FieldPlan, Plan
from declare.lowering.data.tables import Tables
from declare.parsing.lookup import find, own_names
from declare.parsing.read_component import read_component
from declare.runtime.inference import text_outputs
from declare.runtime.run_folder.durable_io import brief

SPLIT = "predict"


class Images(Reader):
    """Image files as a source: the one field that the model reads of a dataset."""

    def __init__(self, files: Sequence[Path], passed_over: Mapping[str, int]) -> None:
        self._files = list(files)
        self.num_samples = len(self._files)
        self.columns: Sequence[str] = ()
        self.splits: Mapping[str, tuple[int, int]] = {}
        self.passed_over: Mapping[str, int] = passed_over

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return nothing: the run knows its fields."""
        return {}

    def is_light(self, column: str) -> bool:
        """Return that no column is: images are decoded."""
        return False

    def read(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> list[Path]:
        """Return the files of `rows`."""
        return self._files if rows is None else [self._files[int(row)] for row in rows]

    def where(self, row: int) -> str:
        """Return the file's path."""
        return str(self._files[row])


class Inputs(Pool):
    """New samples in place of a dataset's own: every window of a long text, and empty texts too."""

    def __init__(self, plan: DatasetPlan, reader: Reader) -> None:
        self._given = reader
        super().__init__(plan)

    def _open_source(self) -> Reader:
        learns = any(field.needs_fit for field in self.fields.values())
        return fitted_fields.PartedReader(self._given) if learns else self._given

    @cached_property
    def rows(self) -> dict[str, np.ndarray[Any, Any]]:
        """The samples of the one split."""
        rows, number = np.arange(self.reader.num_samples), self.reader.num_samples
        counts = fitted_fields.parts_of(self.fields, self._facts, self.raw, rows)
        if counts is None:
            return {SPLIT: rows}
        return {SPLIT: fitted_fields.samples_of(rows, np.maximum(counts, 1), number)}


class CompletedReader(Reader):
    """Samples whose lacking columns are empty, and whose only column may stand for another one."""

    def __init__(self, reader: Reader, empty: Collection[str], renamed: Mapping[str, str]) -> None:
        self._reader, self._empty, self._renamed = reader, set(empty), dict(renamed)
        self.num_samples = reader.num_samples
        self.columns: Sequence[str] = (*reader.columns, *empty, *renamed)
        self.splits: Mapping[str, tuple[int, int]] = {}
        self.folder = reader.folder

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return nothing: the run knows its fields."""
        return {}

    def is_light(self, column: str) -> bool:
        """Return whether the column decodes no files."""
        return column in self._empty or self._reader.is_light(self._renamed.get(column, column))

    def read(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> Any:
        """Return the values of `rows`."""
        if column in self._empty:
            return [None] * (self.num_samples if rows is None else len(rows))
        return self._reader.read(self._renamed.get(column, column), rows)

    def where(self, row: int) -> str:
        """Return where a sample comes from."""
        return self._reader.where(row)


class InputTables(Tables):
    """Tables of the one dataset whose samples are new."""

    def __init__(self, plan: Plan, statistics: Mapping[str, Statistics], inputs: Inputs) -> None:
        super().__init__(plan, statistics)
        self._inputs = inputs

    def pool(self, dataset: str) -> Pool:
        """Return the new samples."""
        return self._inputs


def open_inputs(plan: Plan, dataset: str, path: Path, statistics: Mapping[str, Statistics]) -> Tables:
    """Return tables in which the samples of `path` are the split `predict` of `dataset`, without targets.

    Raises `ProblemError`: RES817 if a column is missing, RES818 if the file cannot be read.
    """
    reader = open_reader(path, plan.datasets[dataset].source)
    fields = {name: plan.datasets[dataset].fields[name] for name in input_fields(plan, dataset)}
    dataset_plan = plan.datasets[dataset].model_copy(
        update={"fields": fields, "cache": "none", "on_corrupt": {"action": "error"}}
    )
    pool = Inputs(dataset_plan, _with_empty_columns(plan, dataset, fields, reader))
    if isinstance(reader, Images):
        _require_one_image(fields, path)
    else:
        _require_columns(pool, path)
    return InputTables(without_targets(plan, dataset, dataset_plan), statistics, pool)


def input_doubts(pool: Pool) -> tuple[Problem, ...]:
    """Return what is odd about new samples, of which some are looked at, next to those of training."""
    problems: list[Problem] = []
    for name, field in pool.fields.items():
        number = pool.reader.num_samples
        rows = np.linspace(0, number - 1, min(number, field.num_fact_samples)).astype(np.int64)
        if number:
            problems += field.doubts(pool.raw(name, rows), pool.plan.fields[name].facts)
    return tuple(problems)


def _with_empty_columns(plan: Plan, dataset: str, fields: Mapping[str, Any], reader: Reader) -> Reader:
    """Return the reader with empty columns for what the model writes itself; lines of a text are its one column."""
    generated = text_outputs.generated_fields(plan, dataset)
    column_names = {
        name: read_component("fields", field.block).column_name(name) for name, field in fields.items()
    }
    empty = [
        place for name, place in column_names.items() if name in generated and place not in reader.columns
    ]
    columns = [place for name, place in column_names.items() if name not in generated]
    is_text = reader.content == "text" or tuple(reader.columns) == ("text",)
    lines = is_text and len(columns) == 1 and columns[0] != "text"
    return CompletedReader(reader, empty, {columns[0]: "text"} if lines else {}) if empty or lines else reader


def open_reader(path: Path, like: Mapping[str, Any]) -> Reader:
    """Return a reader of a table, of arrays, of an image or of a folder of images.

    A file of the kind that the run's source `like` reads is read with its settings (the separator).
    """
    if path.is_dir():
        listing = list_files(path, SUFFIXES)
        if not listing.files:
            raise ProblemError(_unreadable(path, "the folder contains no images"))
        return Images(listing.files, listing.passed_over)
    if not path.is_file():
        raise ProblemError(_absent(path))
    if path.suffix.lower() in SUFFIXES:
        return Images([path], {})
    extension, sources = path.suffix.lower(), _sources_by_extension()
    if extension not in sources:
        raise ProblemError(
            _unreadable(path, f"`{path.suffix}` is not one of {', '.join(sorted(sources))} or an image")
        )
    cls = sources[extension]
    block: Mapping[str, Any] = like if like.get("type") == cls.type_name() else {"type": cls.type_name()}
    defaults = cls.extensions[extension]
    source = read_component("sources", {**block, **defaults, "path": str(path.absolute())})
    reader: Reader = source.open()
    return reader


def _sources_by_extension() -> dict[str, type[Source]]:
    """Return the sources that read files by themselves, by the endings of these."""
    classes = (find("sources", name) for name in own_names("sources"))
    return {
        ending: cls
        for cls in classes
        if cls is not None and issubclass(cls, Source)
        for ending in cls.extensions
    }


def input_fields(plan: Plan, dataset: str) -> list[str]:
    """Return the fields that the model reads of a dataset, in its order."""
    wires = [
        wire
        for node in plan.nodes
        if dataset in node.datasets
        for wire in (node.variants[dataset].wires if dataset in node.variants else node.wires)
    ]
    field_names = {wire.name for wire in wires if wire.source == "field"}
    return [name for name in plan.datasets[dataset].fields if name in field_names]


def allow_shorter(plan: Plan, dataset: str) -> Plan:
    """Return a plan in which samples may be shorter than those that the run was trained on, if fields pad them."""
    dataset_plan = plan.datasets[dataset]
    fields = {}
    for name, field in dataset_plan.fields.items():
        component = read_component("fields", field.block)
        fields[name] = field.model_copy(update={"facts": component.allow_shorter(field.facts)})
    return plan.model_copy(
        update={"datasets": plan.datasets | {dataset: dataset_plan.model_copy(update={"fields": fields})}}
    )


def without_targets(plan: Plan, dataset: str, dataset_plan: DatasetPlan) -> Plan:
    """Return a plan whose `dataset` is `dataset_plan` and whose tasks ask for no target."""
    tasks = {
        name: task.model_copy(update={"target_field": None, "mask": None})
        for name, task in plan.tasks.items()
    }
    return plan.model_copy(update={"tasks": tasks, "datasets": plan.datasets | {dataset: dataset_plan}})


def choose_dataset(plan: Plan, path: Path) -> str:
    """Return the dataset that the columns of `path` fit; `ProblemError` (RES816) if several might."""
    if len(plan.datasets) == 1:
        return next(iter(plan.datasets))
    fitting = []
    for name, dataset in plan.datasets.items():
        reader = open_reader(path, dataset.source)
        places = [
            read_component("fields", dataset.fields[field].block).column_name(field)
            for field in input_fields(plan, name)
            if field not in text_outputs.generated_fields(plan, name)
        ]
        if isinstance(reader, Images) or all(place in reader.columns for place in places):
            fitting.append(name)
    if len(fitting) == 1:
        return fitting[0]
    raise ProblemError(
        Problem(
            "RES816",
            f"`{brief(path.name)}` may be read as any of {len(fitting) or len(plan.datasets)} datasets",
            notes=(f"the run knows {', '.join(plan.datasets)}",),
            helps=(f"state which one: `--dataset {next(iter(plan.datasets))}`",),
        )
    )


def _require_columns(pool: Inputs, path: Path) -> None:
    for name, field in pool.fields.items():
        column = field.column_name(name)
        if column not in pool.reader.columns:
            raise ProblemError(
                Problem(
                    "RES817",
                    f"`{brief(path.name, 24)}` has no column `{brief(column, 24)}`",
                    notes=(f"the model reads it; the file has {', '.join(pool.reader.columns) or 'none'}",),
                    helps=(
                        "give the file the columns that the run was trained with; targets may be left out",
                    ),
                )
            )


def _require_one_image(fields: Mapping[str, FieldPlan], path: Path) -> None:
    """Raise `ProblemError` (RES817) unless the model reads one field, and that is an image."""
    if [field.facts.shape.layout in {"image", "mask"} for field in fields.values()] == [True]:
        return
    names = ", ".join(f"`{name}` ({field.facts.shape.layout})" for name, field in fields.items())
    raise ProblemError(
        Problem(
            "RES817",
            f"`{brief(path.absolute().name, 24)}` has one image for each sample, but the model reads other fields",
            notes=(f"it reads {brief(names, 120)}",),
            helps=("give a table with a column for each of them, such as a csv file that names the images",),
        )
    )


def _absent(path: Path) -> Problem:
    """Return why a path holds nothing to predict: it is an address, no file, or no regular one."""
    address = REMOTE.match(str(path))
    if address is not None:
        return _unreadable(path, "it is a URL, but data are read only from disk", "fetch the file first")
    reason = "it is not a regular file" if path.exists() else "the file does not exist"
    return _unreadable(path, reason, "correct the path; relative ones start at the current folder")


def _unreadable(path: Path, reason: str, help_text: str = "") -> Problem:
    return Problem(
        "RES818",
        f"`{brief(path)}` cannot be read as input",
        notes=(f"`{path}`: {reason}",),
        helps=(
            help_text or "give a csv, parquet, npz, hdf5, jsonl or txt file, an image, or a folder of images",
        ),
    )
