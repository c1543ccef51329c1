"""Field types: how raw values of a column become tensors, and their facts."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field as Param

from declare.contract import strict_json
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.component import Component, DataValue
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Layout

Pairing = tuple[tuple[str, ...], str | None]
"""Fields in which two samples agree, and one in which they differ."""


def pairing_key(pairing: Pairing) -> str:
    """Return the name under which facts store the statistics of a pairing."""
    return strict_json.dumps(pairing)


class Uses(NamedTuple):
    """What the tasks of a dataset do with its fields, and the phases that train them.

    `generated` names the fields that models write themselves, `worded` those that other fields are aligned with;
    `splits_samples` states whether a piece of a sample is for every task as good as the whole. `samplers` are blocks
    (JSON) of those that draw from it by some of its fields, `pairings` which of its samples are positives of others.
    """

    generated: tuple[str, ...] = ()
    worded: tuple[str, ...] = ()
    splits_samples: bool = False
    samplers: tuple[str, ...] = ()
    pairings: tuple[Pairing, ...] = ()


class Field(Component):
    """A column of a dataset, with a type.

    Encoded values are plain numpy: float32, int64, uint8 or bool arrays [rows, ...]. Missing targets are -1
    (category, mask), NaN (number, labels): losses and metrics leave them out.
    """

    layout: ClassVar[Layout]
    needs_fit: ClassVar[bool] = False
    """Whether it must `fit_values` from the training split before it can encode."""
    num_fact_samples: ClassVar[int] = 64
    """How many samples of a column that is read from files `infer_facts` gets, spread over all of them."""

    tells_apart: ClassVar[bool] = True
    """Whether two samples with an equal array of it are the same sample; times of two samples may be equal."""
    takes_missing: ClassVar[bool] = True
    """Whether a value of `missing` can be in its column."""

    key: str | None = Param(
        None, description="name of the field in the source; default: the field's own name"
    )
    column: str | None = Param(None, description="the same as `key`, for tables")
    missing: list[int | Annotated[float, DataValue()] | str | bool | None] = Param(
        [], description='values that mean "missing": ignored by losses and metrics'
    )

    @classmethod
    def interface(cls) -> tuple[str, ...]:
        """Return the layout of its values."""
        return (f"gives: {cls.layout}",)

    def check(self) -> Iterable[Problem]:
        """Yield a problem for two statements of the field's place, and for missing-value marks without effect."""
        if self.missing and not self.takes_missing:
            yield Problem(
                "DAT389",
                f"`{self.type_name()}` takes no `missing`: no value of it can be a mark",
                at="missing",
                label="has no effect",
                helps=("remove it",),
            )
        if self.column is not None and self.key is not None and self.column != self.key:
            yield Problem(
                "SCH113",
                f"both `column: {self.column}` and `key: {self.key}` are stated",
                at="key",
                label="the same as `column`",
                helps=("state one of them",),
            )

    def column_name(self, name: str) -> str:
        """Return the source's column for the field called `name`."""
        return self.column or self.key or name

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the facts of raw `values`: the whole column, or a sample of rows for large values.

        Raises `ProblemError` if the values cannot be of this type.
        """
        raise NotImplementedError

    def summary(self, values: Array, valid: Mapping[str, Array]) -> dict[str, Any]:
        """Return further facts, from the encoded training split and its `valid` fields."""
        return {}

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if the stated parameters contradict the facts."""
        return ()

    def doubts(self, values: Any, facts: FieldFacts) -> Iterable[Problem]:
        """Yield what is odd about raw values of new samples, if it was not about those of the facts."""
        return ()

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return raw values as an array [rows, ...]; raises `ProblemError` for a value that cannot be encoded."""
        raise NotImplementedError

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that encodes the values of a column, `raw`; raises `NotWrittenError`."""
        raise NotWrittenError(f"the field type `{self.type_name()}` (`{name}`)")

    def resolve(self, name: str, uses: Uses) -> Self:
        """Return the field called `name`, with open settings resolved from its use in tasks."""
        return self

    def stamp(self) -> str:
        """Return a value that changes with the files that the parameters name; empty if there are none."""
        return ""

    def fit_values(self, values: Any, facts: FieldFacts) -> FieldFacts:
        """Return facts with what is learned from the raw values of the training split (vocabularies).

        Raises `ProblemError` if nothing can be learned.
        """
        return facts

    def num_samples_per_row(self, values: Any, facts: FieldFacts) -> Array | None:
        """Return the number of samples that each raw value makes [rows]; None if all make one."""
        return None

    def take_part(self, values: Any, numbers: Array) -> Any:
        """Return raw values paired with the number of their part, for `encode`."""
        return values

    def cut_to(self) -> tuple[int, int] | None:
        """Return the aspect ratio to which images are centre-cropped when read, as (height, width), or None."""
        return None

    def aligned_with(self) -> str | None:
        """Return the field whose positions the values of this one are aligned with, if any."""
        return None

    def token_positions(self, values: Any, facts: FieldFacts) -> list[list[int]]:
        """Return the position of each entry of each raw value in the encoded array; -1 if it has none."""
        raise NotImplementedError

    def encode_at(self, values: Any, facts: FieldFacts, places: list[list[int]]) -> Array:
        """Return raw values as an array with their entries at `places` (fields that are `aligned_with` another)."""
        raise NotImplementedError

    def complete(self, column: Array, facts: FieldFacts) -> tuple[Array, FieldFacts]:
        """Return the encoded column of all samples and its facts, completed by it (if `aligned_with` one)."""
        return column, facts

    def prompt(self) -> Self:
        """Return the field for encoding a prompt, which a model continues."""
        return self

    def allow_shorter(self, facts: FieldFacts) -> FieldFacts:
        """Return facts under which later samples may be shorter than those in the data, if the field pads them."""
        return facts

    def decode(self, values: Array, facts: FieldFacts) -> list[Any]:
        """Return encoded values [rows, ...] in a readable form."""
        raise NotImplementedError


def resolve_fields(fields: Mapping[str, Field], uses: Uses) -> dict[str, Field]:
    """Return the fields of a dataset with open settings resolved from tasks and other fields."""
    worded = sorted({name for field in fields.values() if (name := field.aligned_with()) is not None})
    whole = uses._replace(worded=tuple(worded))
    return {name: field.resolve(name, whole) for name, field in fields.items()}
