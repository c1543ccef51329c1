"""JSON that any reader takes: no NaN, no infinity."""

from __future__ import annotations

import json
import math
from pathlib import Path

from declare.contract import strict_json


def test_numbers_that_json_has_no_word_for_are_null() -> None:
    """NaN and infinities become null, however deep; everything else stays."""
    value = {"a": math.nan, "b": [1.5, (math.inf, -math.inf)], "c": {"d": None, "e": True}}
    assert json.loads(strict_json.dumps(value)) == {
        "a": None,
        "b": [1.5, [None, None]],
        "c": {"d": None, "e": True},
    }


def test_keys_and_paths_are_texts() -> None:
    """Keys are written as `json` writes them, also where a number beside them is null."""
    value = {7: math.nan, None: Path("a"), True: 2}
    assert json.loads(strict_json.dumps(value)) == {"7": None, "null": "a", "true": 2}


def test_null_comes_back_as_a_figure_that_is_not_defined() -> None:
    """What judges figures finds NaN where a file holds null."""
    figures = strict_json.with_nan({"a": None, "b": 0.5})
    assert math.isnan(figures["a"])
    assert figures["b"] == 0.5
