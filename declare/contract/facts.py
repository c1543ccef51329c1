"""What is known of data: facts of a field, and the reader that a source opens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from declare.contract.shapes import Array, Shape


class OutputStatistics(BaseModel):
    """Statistics of each output of a target over the training samples of its task, as the task learns it.

    After the target's transforms, without what its mask leaves out; outputs are the last axis of a sample. `known`
    counts finite values; an output without any has mean 0 and deviation 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    minimum: tuple[float, ...]
    maximum: tuple[float, ...]


class FieldFacts(BaseModel):
    """Facts of one field, as the source delivers it (before transforms).

    `classes` are the class names in index order (categories, labels, masks, and the names behind ids);
    `values` are the raw values that stand for them if they differ from the names (integer labels).
    `counts` maps split -> samples per class. Numeric statistics are of the training split alone. `outputs` is set
    if the facts are those of a task's target: what the task learns, and its `counts` of the training split too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: Shape
    classes: tuple[str, ...] | None = None
    values: tuple[int | float | str | bool, ...] | None = None
    counts: dict[str, tuple[int, ...]] = {}
    num_missing: int = 0
    num_nonfinite: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    rate: float | None = None
    unique: int | None = None
    extra: dict[str, Any] = {}
    outputs: OutputStatistics | None = None


class Reader(Protocol):
    """An open source: samples by row, columns by name. Plain numpy and Python values, no torch.

    Reading must be deterministic and safe to call from several processes after a fork. A reader subclasses this, so
    that its other settings are the defaults.
    """

    num_samples: int
    columns: Sequence[str]
    splits: Mapping[str, tuple[int, int]]
    """Row ranges of explicit per-split files, empty if the source has one pool."""
    folder: Path = Path()
    """Where file names in its columns start."""
    reads_late: bool = False
    """Whether it reads light columns too from its files whenever it is asked: a change under it is then noticed."""
    passed_over: Mapping[str, int] = MappingProxyType({})
    """Files or rows of the source that it leaves out, reason -> number."""
    grouping: str = ""
    """The column that names the file or recording of which each sample is a part; empty if there is none."""
    content: str = ""
    """The only column that is data, if the others describe its origin; empty if there is none."""
    as_stored: str = ""
    """The setting of the source that reads columns as they are stored; empty if it reads them so."""

    def read_as(self, column: str) -> str:
        """Return how the values of a column are read, if they are not those stored (scaled ones)."""
        return ""

    def expectation(self, column: str, rows: Array) -> Array | None:
        """Return the expected value of randomly generated columns, the best prediction; None if unknown.

        Reports then state what fraction of the best possible metric was reached.
        """
        return None

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return field blocks (`{"image": {"type": "image"}}`) if the source knows its fields, else nothing."""
        ...

    def is_light(self, column: str) -> bool:
        """Whether the whole column can be read cheaply (labels, numbers, ids), without decoding files."""
        ...

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return the column's raw values for `rows` (all rows if None): an array [N, ...] or a list of N values.

        Raises `ProblemError` (a corrupt sample is DAT311 and names its row and file).
        """
        ...

    def where(self, row: int) -> str:
        """Return where a sample comes from, for messages: a file name or `table.csv line 17`."""
        ...
