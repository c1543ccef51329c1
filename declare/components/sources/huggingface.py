"""Data sets of the `datasets` library, from local files only."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import Field as Param

from declare.components.sources._arrow_limits import refuse_shared_texts, refuse_unsafe
from declare.components.sources._datasets_reader import DatasetsReader
from declare.components.sources._frames import file_fingerprint
from declare.components.sources._json_objects import Room, parse
from declare.components.sources._lines import fault, header, twice
from declare.components.sources._text_files import read_text
from declare.contract.facts import Reader
from declare.contract.files.listing import SPLIT_ORDER, list_files, split_of
from declare.contract.files.split_folders import Layouts, top_name, unclear_splits
from declare.contract.kinds.source import Source, SpecPath, is_file, is_folder
from declare.contract.problem import Problem, ProblemError
from declare.system.extras import require
from declare.system.out_of_memory import refuse_if_short

_LAYOUTS = Layouts(
    thing="part of the data",
    whole="put all files into one, or name one of them, if all of them train alike",
    lay_out="train.csv and test.csv (or in folders of these names)",
)
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".txt": "text",
}
"""The format that a file's ending implies."""
_FILE_OF_SPLIT = re.compile(r"([a-z]+)([-_.0-9].*)?", re.IGNORECASE)
"""A file named by its split: `train.csv`, `test-00000-of-00002.parquet`."""


class Huggingface(Source):
    """A folder written by `save_to_disk`, or files that `datasets` reads: csv, json, parquet, arrow, text.

    Columns keep their names. Splits in the folder (`train`, `validation`, `test`; files such as `train.csv`,
    `test-00000-of-00002.parquet` or `test/0.csv`) are used as they are; rows of other splits (`unsupervised`)
    are skipped and counted, unless `split` names one of them. If no table is called `train`, or names only
    contain such a word (`seg_train.csv`), DAT323 is raised. A negative `ClassLabel` is missing, as the
    library defines it; lists of them are lists of names. Text files are UTF-8. Nothing is downloaded and
    no code of a data set is run. Needs the extra `huggingface`.

    Example:
        ```yaml
        source: {type: huggingface, path: imdb}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("hf", "datasets", "hub", "load_dataset", "tfds")

    path: SpecPath = Param(description="the folder or file")
    split: str | None = Param(None, description="use only this split, and divide it by the dataset's `split`")
    format: Literal["csv", "json", "parquet", "arrow", "text"] | None = Param(
        None, description="format of the files; default: by their names"
    )

    def fingerprint(self) -> str:
        """Return names, sizes and times of the files that the library may read."""
        require("datasets", "huggingface", "source")
        if not is_folder(self.path):
            return file_fingerprint(self.path)
        files = list_files(self.path, _FORMATS).files
        if not any(map(is_file, files)):
            title = f"`{self.path.name}` holds no file that can be read"
            notes = (f"looked in `{self.path.parent}`",)
            helps = ("correct the path; relative paths start at the file that states them",)
            raise ProblemError(
                Problem("DAT312", title, at="source.path", label="no such data", notes=notes, helps=helps)
            )
        stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.sha256(repr(stats).encode()).hexdigest()

    def open(self) -> Reader:
        """Open the data set; raises `ProblemError` DAT333 if the library cannot read it."""
        require("datasets", "huggingface", "source")
        try:
            tables, passed_over = self._tables()
        except ProblemError:
            raise
        except Exception as error:  # noqa: BLE001 - the library raises its own, of every kind
            refuse_if_short(error)
            title = f"`{self.path.name}` cannot be read by `datasets`"
            notes = (f"{type(error).__name__}: {error}"[:300],)
            helps = ("use a folder of `save_to_disk`, or state the `format` of the files",)
            raise ProblemError(
                Problem("DAT333", title, at="source.path", label="malformed", notes=notes, helps=helps)
            ) from None
        if self.split is not None and self.split not in tables:
            title = f"the data set has no split `{self.split}`"
            helps = (f"use one of {', '.join(tables)}",)
            raise ProblemError(
                Problem("DAT312", title, at="source.split", label="no such split", helps=helps)
            )
        if self.split:
            return DatasetsReader({"train": tables[self.split]}, self.path, passed_over)
        of_splits, others = self._of_splits(tables)
        return DatasetsReader(of_splits, self.path, {**passed_over, **others})

    def _of_splits(self, tables: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
        """Return tables by split, and the number of skipped rows of other tables, by reason."""
        if len(tables) == 1:
            return {"train": next(iter(tables.values()))}, {}
        known = {key: split_of(key) for key in tables}
        if "train" not in known.values() or len({*known.values()} - {None}) < len(
            list(filter(None, known.values()))
        ):
            raise ProblemError(_splits_unclear(self.path, tables))
        by_split = {split: tables[key] for key, split in known.items() if split}
        others = {f"rows of `{key}`": len(tables[key]) for key, split in known.items() if not split}
        return {split: by_split[split] for split in SPLIT_ORDER if split in by_split}, others

    def _tables(self) -> tuple[dict[str, Any], dict[str, int]]:
        """Return tables by split name, and counts of skipped files."""
        import datasets

        datasets.disable_progress_bars()
        if is_file(self.path / "dataset_dict.json") or is_file(self.path / "state.json"):
            for file in _saved_files(self.path):
                refuse_unsafe(file)
            content: Any = datasets.load_from_disk(str(self.path))
            tables = dict(content) if isinstance(content, datasets.DatasetDict) else {"train": content}
            return tables, {}
        kind = self.format or _format(self.path)
        read = _readers(datasets).get(kind)
        if read is None:
            raise ValueError(f"`{kind}` is not one of {', '.join(_readers(datasets))}: state the `format`")
        by_split, passed_over = {"train": [self.path]}, {}
        if is_folder(self.path):
            listing = list_files(
                self.path, [suffix for suffix, format_ in _FORMATS.items() if format_ == kind]
            )
            by_split, passed_over = _files_by_split(self.path, listing.files), listing.passed_over
        with TemporaryDirectory(ignore_cleanup_errors=True) as place:
            tables = {
                name: read(list(map(str, items)), cache_dir=place, keep_in_memory=True)
                for name, items in by_split.items()
            }
        return tables, passed_over


def _saved_files(folder: Path) -> list[Path]:
    """Return the files of a saved data set; raises ValueError if one is outside its folder."""
    splits, files = folder / "dataset_dict.json", []
    names = json.loads(splits.read_text(encoding="utf-8"))["splits"] if is_file(splits) else ["."]
    for name in names:
        place = folder if name == "." else folder / _inner_path(name)
        state = json.loads((place / "state.json").read_text(encoding="utf-8"))
        files += [place / _inner_path(item["filename"]) for item in state["_data_files"]]
    return files


def _inner_path(name: str) -> str:
    if Path(name).name != name:
        raise ValueError("it refers to files outside its folder")
    return name


def _readers(datasets: Any) -> dict[str, Any]:
    """Return the library's readers by format; its other builders may unpickle or download."""
    return {
        "csv": partial(_texts, datasets),
        "json": lambda files, **_: _Lines(files),
        "parquet": partial(_parquet, datasets),
        "text": lambda files, **_: _Documents(files),
        "arrow": lambda files, **_: datasets.concatenate_datasets([_arrow(datasets, file) for file in files]),
    }


def _parquet(datasets: Any, files: list[str], **where: Any) -> Any:
    from declare.components.sources._parquet_limits import refuse_large

    for file in files:
        refuse_large(Path(file))
        refuse_shared_texts(Path(file))
    return datasets.Dataset.from_parquet(files, **where)


def _arrow(datasets: Any, file: str) -> Any:
    refuse_unsafe(Path(file))
    return datasets.Dataset.from_file(file)


def _texts(datasets: Any, files: list[str], **where: Any) -> Any:
    """Read text tables with every column as text: the library would infer types, and `007` would become 7."""
    mark = "\t" if files[0].lower().endswith(".tsv") else ","

    headers = {file: _checked_header(Path(file), mark) for file in files}
    first, names = next(iter(headers.items()))
    other = next((name for name, items in headers.items() if set(items) != set(names)), None)
    if other is not None:
        raise ValueError(f"`{Path(first).name}` and `{Path(other).name}` have different columns")
    texts = datasets.Features({name: datasets.Value("string") for name in names})
    as_they_stand = {"keep_default_na": False, "na_values": [""], "delimiter": mark, "index_col": False}
    return datasets.Dataset.from_csv(files, features=texts, **as_they_stand, **where)


def _checked_header(file: Path, mark: str) -> list[str]:
    """Return the column names of a text table; raises ValueError if it is not UTF-8 or not a table."""
    from declare.components.sources._table_limits import refuse_large

    def content() -> BinaryIO:
        return file.open("rb")

    refuse_large(content, mark)
    because = fault(content, mark)
    if because is not None:
        raise ValueError(f"`{file.name}`: {because}; the source `csv` has more options to read it")
    names = header(content, mark)
    if (name := twice(names)) is not None:
        raise ValueError(f"the header line of `{file.name}` names `{name}` twice")
    return names


class _Lines:
    """Objects of JSON files, one per line or in one list; the library would parse times and turn ids into floats."""

    def __init__(self, files: list[str]) -> None:
        rows = [row for file in files for row in _objects(_content(Path(file)))]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("it is neither one JSON object per line nor a list of objects")
        self._rows: list[dict[str, Any]] = rows
        self.column_names = list(dict.fromkeys(name for row in rows for name in row))
        self.features: dict[str, Any] = dict.fromkeys(self.column_names)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, name: str) -> list[Any]:
        return [row.get(name) for row in self._rows]


class _Documents:
    """Lines of text files: the library would keep a byte-order mark as a character."""

    column_names = ("text",)

    def __init__(self, files: list[str]) -> None:
        contents = (_content(Path(file)).removesuffix("\n") for file in files)
        self._texts = [line for content in contents for line in content.split("\n")]
        self.features: dict[str, Any] = {"text": None}

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, name: str) -> list[str]:
        return self._texts


def _content(file: Path) -> str:
    try:
        return read_text(file)
    except ValueError as error:
        raise ValueError(f"`{file.name}`: {error}; only other sources have `encoding`") from None


def _objects(text: str) -> list[Any]:
    """Return the values of a file; raises ValueError for duplicate keys, and for lists that are too deep."""
    room = Room("the table", len(text))
    if text.lstrip().startswith("["):
        room.require(text)
        return list(parse(text))
    rows = []
    for line in text.split("\n"):
        if line.strip():
            room.require(line)
            rows.append(parse(line))
    return rows


def _format(path: Path) -> str:
    """Return the format of a file, or of all files of a folder; raises ValueError if there are several."""
    if not is_folder(path):
        return _FORMATS.get(path.suffix.lower(), path.suffix)
    formats = sorted({_FORMATS[file.suffix.lower()] for file in list_files(path, _FORMATS).files})
    if len(formats) > 1:
        raise ValueError(f"the folder contains files of {', '.join(formats)}: state the `format` to read")
    return formats[0] if formats else ""


def _files_by_split(root: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Return files by the split in their names, or in those of their folders; all together if there is none.

    Folders that contain all files are ignored. Raises `ProblemError` DAT323 if names only contain the word of
    a split.
    """
    while (
        len(tops := {file.relative_to(root).parts[0] for file in files}) == 1
        and (root / next(iter(tops))).is_dir()
    ):
        root /= next(iter(tops))
    by_split: dict[str, list[Path]] = {}
    names = [file.relative_to(root).parts for file in files]
    for file, parts in zip(files, names, strict=True):
        top = top_name(parts)
        word = _FILE_OF_SPLIT.fullmatch(top) if len(parts) == 1 else None
        named = split_of(word[1]) if word else split_of(top)
        by_split.setdefault(top if named is None else word[1] if word else top, []).append(file)
    if any(map(split_of, by_split)) and len(files) > 1:
        return by_split
    grouped = [parts if len(parts) > 1 else (top_name(parts), *parts) for parts in names]
    if problem := unclear_splits(root, grouped, _LAYOUTS):
        raise ProblemError(problem)
    return {"train": list(files)}


def _splits_unclear(path: Path, tables: Mapping[str, Any]) -> Problem:
    names = ", ".join(f"`{name}`" for name in list(tables)[:8])
    return Problem(
        "DAT323",
        f"the tables of `{path.name}` are {names}: which one is for training?",
        at="source",
        label="splits, or not?",
        notes=("exactly one table must be called `train`, others `validation` or `test`",),
        helps=("state the one to use: `split: NAME`", "or rename them"),
    )
