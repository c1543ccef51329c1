"""Tables of the `datasets` library."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.components.sources._datasets_reader import DatasetsReader
from declare.contract.problem import ProblemError


def test_times_that_no_calendar_has_are_a_problem_of_the_file() -> None:
    """The library stores them, and Python has no dates for them."""
    arrow = pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    times = arrow.array([2**52, 0], type=arrow.timestamp("ms"))
    table = datasets.Dataset(arrow.table({"when": times, "x": [1, 2]}))
    reader = DatasetsReader({"train": table}, Path("table.parquet"), {})
    assert reader.read("x") == [1, 2]
    with pytest.raises(ProblemError) as caught:
        reader.read("when")
    assert caught.value.problem.code == "DAT333"
    assert "`when` of `table.parquet`" in caught.value.problem.title


def test_class_labels_are_names_in_lists_and_missing_below_zero() -> None:
    """The library defines negative labels as unknown; two indices in a list are not a row of 0 and 1."""
    datasets = pytest.importorskip("datasets")
    label = datasets.ClassLabel(names=["zebra", "ant"])
    table = datasets.Dataset.from_dict(
        {"one": [0, -1, 1], "several": [[0, 1], [1, -1], []], "plain": [[0, 1], [1, 1], [-1, 0]]},
        features=datasets.Features(
            {
                "one": label,
                "several": datasets.Sequence(label),
                "plain": datasets.Sequence(datasets.Value("int64")),
            }
        ),
    )
    reader = DatasetsReader({"train": table}, Path("table.parquet"), {})
    assert reader.read("one") == [0, None, 1]
    assert reader.read("several") == [["zebra", "ant"], ["ant", None], []]
    assert reader.read("plain") == [[0, 1], [1, 1], [-1, 0]]
