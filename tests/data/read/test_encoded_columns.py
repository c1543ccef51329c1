"""What is asked of encoded columns, of those of an empty split too."""

from __future__ import annotations

import numpy as np
import pytest

from declare.data.read.encoded_columns import constant_splits, missing_rows


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_missing_is_a_row_of_which_nothing_is_known(shape, dtype):
    """A value for each row, also of no rows: `limit` may leave a split nothing of its file."""
    column = np.zeros((4, *shape), dtype)
    if dtype != "bool":
        column[1] = np.nan if dtype == "float32" else -1
    assert missing_rows(column).tolist() == [False, dtype != "bool", False, False]
    assert missing_rows(column[:0]).tolist() == []
    assert constant_splits({"x": column}, {"train": np.arange(4), "val": np.arange(0)})["x"][0] == "train"
