"""Laws of fields: raw values of a column as arrays, and the facts that they carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from declare.contract.code import NotWrittenError, RawKind
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field, Uses
from declare.contract.problem import ProblemError
from declare.contract.shapes import Layout, Shape
from declare.contract.text_column import TextColumn
from declare.emit.writers.raw_column import raw_column
from declare.parsing import parser
from declare.parsing.lookup import own_names
from tests.components.conformance import component, variants

_DRAWS = np.random.default_rng(0)
RAW: dict[Layout, list[Any]] = {
    "category": ["dog", "cat", None, "dog", "cat", "cat"],
    "id": ["s2", "s1", "s3", "s1", "s2", "s2"],
    "number": [1.5, 2, None, -3.0, 4e6, 0],
    "labels": [["a", "b"], ["b"], [], ["c"], ["a"], ["a", "c"]],
    "vector": list(_DRAWS.random((6, 3))),
    "counts": list(_DRAWS.integers(0, 5, (6, 3))),
    "valid": [True, False, True, True, False, True],
    "series": list(_DRAWS.random((6, 2, 9))),
    "sequence": list(_DRAWS.random((6, 9, 2))),
    "image": list(_DRAWS.integers(0, 256, (6, 3, 8, 7), dtype=np.uint8)),
    "video": list(_DRAWS.integers(0, 256, (6, 1, 4, 8, 7), dtype=np.uint8)),
    "mask": list(_DRAWS.integers(0, 2, (6, 8, 7), dtype=np.uint8)),
    "tokens": ["a b c d", "b", "c c a", "d a b", "a", "b d"],
    "tags": [["x", "y"], ["y"], ["x", "x"], ["z"], ["y", "z"], ["x"]],
}
"""Six raw values of a column of each layout, as a source reads them."""
MOMENTS = [
    "2024-01-31 10:00",
    "2023-12-01 23:59",
    None,
    "2024-02-29 00:00",
    "2024-01-31 10:00",
    "2021-07-04 12:30",
]
SOME = [4, 0, 3, 0]


class Case(NamedTuple):
    """A field and its raw values."""

    field: Any
    values: list[Any]

    def facts(self) -> FieldFacts:
        """Return what the column says, and what is learned from it."""
        found = self.field.infer_facts(self.values)
        return self.field.fit_values(self.values, found)

    def encode(self, values: list[Any], facts: FieldFacts) -> Any:
        """Return values as an array; entries of a field beside another stand at the first places."""
        if self.field.aligned_with() is None:
            return self.field.encode(values, facts)
        return self.field.encode_at(values, facts, [list(range(len(value))) for value in values])


def equal(found: Any, expected: Any, message: str) -> None:
    """Assert that two arrays hold the same; rows may be padded further in one of them."""
    if found.shape != expected.shape and found.ndim == expected.ndim:
        slices = tuple(slice(min(pair)) for pair in zip(found.shape, expected.shape, strict=True))
        found, expected = found[slices], expected[slices]
    assert found.dtype == expected.dtype, f"{message}: {found.dtype}, not {expected.dtype}"
    assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f"), message


def arrays_have_the_shape_of_the_facts(case: Case) -> None:
    """What is encoded has the sizes, the dtype and the layout that the facts state; classes lie within theirs."""
    facts = case.facts()
    found = case.encode(case.values, facts)
    assert facts.shape.layout == case.field.layout, f"{facts.shape.layout}, not {case.field.layout}"
    narrow = facts.shape.dtype == "int64" and found.dtype.kind == "i"  # ids may be held in fewer bytes
    exact = facts.shape.dtype == "float32" and found.dtype == np.float64  # until transforms are done
    assert narrow or exact or str(found.dtype) == facts.shape.dtype, f"{found.dtype}, not {facts.shape.dtype}"
    assert len(found) == len(case.values), f"{len(found)} rows of {len(case.values)}"
    assert found.ndim == 1 + len(facts.shape.dims), f"{found.shape} for {facts.shape}"
    for size, stated in zip(found.shape[1:], facts.shape.dims, strict=True):
        shorter = facts.shape.layout in {"tokens", "tags"} and size < (
            stated or 0
        )  # texts end where the longest does
        assert stated in {None, size} or shorter or case.field.aligned_with(), (
            f"{found.shape} for {facts.shape}"
        )
    if facts.shape.classes is not None:
        assert found.min() >= -1, "an index below -1"
        assert found.max() < facts.shape.classes, f"index {found.max()} of {facts.shape.classes} classes"


def rows_are_encoded_one_by_one(case: Case) -> None:
    """A value is encoded as it is alone and among any others, in any order."""
    facts = case.facts()
    whole = case.encode(case.values, facts)
    equal(
        case.encode([case.values[place] for place in SOME], facts), whole[SOME], "some rows in another order"
    )
    equal(case.encode(case.values[1:2], facts), whole[1:2], "a row alone")
    equal(case.encode(case.values, facts), whole, "the same rows again")


def facts_are_those_of_the_column(case: Case) -> None:
    """Asked twice they are the same, whatever was examined before, and they survive being written down."""
    first = case.facts()
    case.field.infer_facts(case.values[:2])
    assert case.facts() == first, "other facts of the same column"
    again = FieldFacts.model_validate_json(first.model_dump_json())
    assert again.model_dump(mode="json") == first.model_dump(mode="json"), "facts change in a plan"
    equal(case.encode(case.values, again), case.encode(case.values, first), "with facts of a plan")


def missing_values_are_marked(case: Case) -> None:
    """A value that is None is -1 or NaN, and is counted; every other one is there."""
    gone = [place for place, value in enumerate(case.values) if value is None]
    facts = case.facts()
    found = case.encode(case.values, facts)
    marked = np.isnan(found) if found.dtype.kind == "f" else found == -1
    flat = marked.reshape(len(found), -1).all(axis=1) if found.size else np.zeros(len(found), bool)
    assert np.flatnonzero(flat).tolist() == gone, f"rows {np.flatnonzero(flat)} are missing, not {gone}"
    assert facts.num_missing == len(gone), f"{facts.num_missing} are counted as missing, not {len(gone)}"


def raw_columns(values: list[Any]) -> Iterator[tuple[RawKind, Any]]:
    """Yield a column as sources give it to programs: values, texts, and an array where there can be one."""
    if all(isinstance(value, np.ndarray) for value in values):
        yield "array", np.stack(values)
        values = np.stack(values).tolist()
    if len({*map(type, values)}) == 1 and not isinstance(values[0], list):
        yield "array", np.array(values)
    yield "values", values
    if not any(isinstance(value, list) for value in values):
        yield "texts", [None if value is None else str(value) for value in values]


def compare_with_code(case: Case, kind: RawKind, column: Any, folder: Path) -> bool:
    """Assert that the code of a field encodes a column as it does; return whether there is code for it."""
    try:
        facts = case.facts()
        raw = raw_column("column", kind, case.values, case.field, facts, np.arange(len(column)))
        code = case.field.code("x", facts, raw)
    except (ProblemError, NotWrittenError):
        return False
    for file, text in code.files.items():
        (folder / file).write_text(text)
    scope: dict[str, Any] = {"np": np, "column": column, "FOLDER": folder}
    parts = [*code.imports, *code.definitions, *code.lines, f"made = {code.expression}"]
    exec("\n\n".join(parts), scope)
    encoded, made = case.field.encode(case.values, facts), np.asarray(scope["made"])
    assert made.dtype.kind == encoded.dtype.kind, (case.field, raw.kind)
    equal(made.astype(encoded.dtype), encoded, f"{case.field} from {raw.kind}")
    return True


@pytest.mark.parametrize("name", own_names("fields"))
def test_the_code_of_every_field_encodes_as_it_does(name, tmp_path):
    """For columns of each kind that have code; the others are refused by name."""
    for case in cases(name):
        for kind, values in raw_columns(case.values):
            read: Any = TextColumn.of(values) if kind == "texts" else values
            compare_with_code(case._replace(values=read), kind, values, tmp_path)


VALUES = {
    "truth": [True, False, None, True],
    "numbers with a point": [1.5, 2.0, 1.5, 3.25],
    "numbers with gaps": [1.5, float("nan"), 2.0, 1.5],
    "numbers": [1, 2, None, 2],
    "texts and marks": ["a", "?", "b", None],
}


@pytest.mark.parametrize("kind", ["values", "array"])
@pytest.mark.parametrize("what", VALUES)
def test_code_finds_the_class_of_any_value(what, kind, tmp_path):
    """As JSON and arrays hold them: the text of a class is not always that of Python's value."""
    values: Any = VALUES[what]
    if kind == "array":
        values = np.array([value for value in values if value is not None])
    for name in ("category", "id"):
        field = parser.parse("fields", {"type": name, "missing": ["?"] if what == "texts and marks" else []})
        assert compare_with_code(Case(field.resolve("x", Uses()), values), kind, values, tmp_path)


WRITTEN = {
    "commas": ({"type": "number"}, ["1,5", "-2,25", None, "1e3"]),
    "points between thousands": ({"type": "number"}, ["1.234,5", "-12.345.678,25", "3,0"]),
    "spaces between thousands": ({"type": "number", "thousands": " "}, ["1 234.5", "12 345", "3"]),
    "percent": ({"type": "number", "unit": "%"}, ["12 %", "3.5%", None]),
    "currency": ({"type": "number", "unit": "$"}, ["$ 12.5", "3 $"]),
    "truth": ({"type": "number"}, ["true", "false", "TRUE", None]),
    "marks": ({"type": "number", "missing": [-9, "none"]}, ["1", "-9", "none", "4"]),
    "marks of other lengths": ({"type": "number", "missing": [-9]}, ["1", "-9.0", " -9", "4", "-9"]),
    "marks among classes": ({"type": "category", "missing": [9, "?"]}, ["a", "9.0", " ?", None, "b"]),
    "names": ({"type": "labels"}, ["a|b", "b | c", None, "a", ""]),
    "names with a mark": ({"type": "labels", "separator": ";", "missing": ["?"]}, ["a;b", "?", "c;?", "a"]),
}
"""Fields, and columns of texts for which there is code."""


@pytest.mark.parametrize("what", WRITTEN)
def test_code_reads_texts_in_the_notation_of_the_column(what, tmp_path):
    """The notation that the facts hold, the marks and the separator that the spec states."""
    block, texts = WRITTEN[what]
    field = parser.parse("fields", block).resolve("x", Uses())
    case = Case(field, TextColumn.of(texts))  # type: ignore[arg-type]
    assert compare_with_code(case, "texts", texts, tmp_path)


LAWS: list[Callable[[Case], None]] = [
    arrays_have_the_shape_of_the_facts,
    rows_are_encoded_one_by_one,
    facts_are_those_of_the_column,
    missing_values_are_marked,
]


def cases(name: str) -> Iterator[Case]:
    """Yield a field and those variants that read the same raw values; of its page where it needs settings."""
    bare, problems = parser.read("fields", {"type": name})
    for made in [component("fields", name)] if problems else variants("fields", name, bare):
        field = made.resolve("x", Uses())
        values = next((values for values in (RAW[field.layout], MOMENTS) if _reads(field, values)), None)
        assert values or made is not bare, f"`{name}` reads none of the raw values of a {field.layout}"
        if values:
            yield Case(field, values)


def _reads(field: Any, values: list[Any]) -> bool:
    """Return whether raw values can be of a field's type."""
    try:
        field.infer_facts(values)
    except (ProblemError, TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("fields"))
def test_every_field_keeps_the_law(name, law):
    """On a column of its layout."""
    for case in cases(name):
        law(case)


class Right(Field):
    """Numbers as they are."""

    layout = "number"

    def infer_facts(self, values):
        return FieldFacts(shape=Shape("number", ()), num_missing=sum(value is None for value in values))

    def encode(self, values, facts):
        return np.array([np.nan if value is None else value for value in values], np.float32)


class Whole(Right):
    def encode(self, values, facts):
        return super().encode(values, facts).astype(np.complex64)


class OfTheBatch(Right):
    def encode(self, values, facts):
        found = super().encode(values, facts)
        return found - np.nanmin(found)


class Counting(Right):
    def infer_facts(self, values, seen=[0]):  # noqa: B006 - the fault
        seen[0] += len(values)
        return super().infer_facts(values).model_copy(update={"unique": seen[0]})


class Filling(Right):
    def encode(self, values, facts):
        return np.nan_to_num(super().encode(values, facts))


BROKEN: dict[Callable[[Case], None], type[Field]] = {
    arrays_have_the_shape_of_the_facts: Whole,
    rows_are_encoded_one_by_one: OfTheBatch,
    facts_are_those_of_the_column: Counting,
    missing_values_are_marked: Filling,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A field that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law](), RAW["number"]))
    law(Case(Right(), RAW["number"]))
