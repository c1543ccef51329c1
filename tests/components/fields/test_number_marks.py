"""Numbers that stand apart from a column and usually mean "missing"."""

import numpy as np
import pytest

from declare.parsing import parser


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([1.0, 2.5, -999, 3, -999], {"-999": [2, 1.0, 3.0]}),
        ([-3.0, 2.5, -999, 3, -999], {"-999": [2, -3.0, 3.0]}),
        ([1200.0, 55000, -99, 320, -99], {"-99": [2, 320.0, 55000.0]}),
        ([36.5, 38, 999, 37, 999], {"999": [2, 36.5, 38.0]}),
        ([1.0, 2.5, -999, 3], {}),
        ([97.0, 98, 99, 99, 60], {}),
        ([-5.0, -9, -9, 8], {}),
        ([500.0, 9999, 12000, 9999], {}),
        ([-999.0, -999], {}),
        ([np.nan, np.nan], {}),
        ([], {}),
    ],
)
def test_numbers_apart_from_all_others(values, marks):
    """They occur several times, at an end of the column, and far from it or below 0 alone."""
    facts = parser.parse("fields", {"type": "number"}).infer_facts(np.array(values))
    assert facts.extra.get("suspected_marks", {}) == marks


def test_stated_marks_are_gaps():
    """Nothing is left to suspect."""
    field = parser.parse("fields", {"type": "number", "missing": [-999]})
    assert "suspected_marks" not in field.infer_facts(np.array([1.0, 2, -999, -999])).extra


@pytest.mark.parametrize(
    ("days", "marks"),
    [
        (
            ["2024-01-02", "1900-01-01", "2024-03-01", "1900-01-01"],
            {"1900-01-01": [2, "2024-01-02", "2024-03-01"]},
        ),
        (
            ["2024-01-02", "9999-12-31", "2024-03-01", "9999-12-31"],
            {"9999-12-31": [2, "2024-01-02", "2024-03-01"]},
        ),
        (["2024-01-02", "9999-12-31", "2024-03-01"], {}),
        (["1969-01-02", "1970-01-01", "1970-01-01", "1971-03-01"], {}),
        ([None, None], {}),
    ],
)
def test_days_apart_from_all_others(days, marks):
    """Databases write 1900-01-01 or 9999-12-31 for "no time"; stated as a mark they are gaps."""
    facts = parser.parse("fields", {"type": "datetime", "format": "iso"}).infer_facts(days)
    assert facts.extra.get("suspected_marks", {}) == marks
    stated = parser.parse("fields", {"type": "datetime", "format": "iso", "missing": list(marks)})
    assert "suspected_marks" not in stated.infer_facts(days).extra
    assert stated.infer_facts(days).num_missing == sum(day is None or day in marks for day in days)
