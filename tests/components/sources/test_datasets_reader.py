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
