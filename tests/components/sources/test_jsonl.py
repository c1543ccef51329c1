"""JSON lines: values in other values."""

from __future__ import annotations

import pytest

from declare.contract.problem import ProblemError
from declare.parsing import parser

SOURCES = ({"type": "jsonl"}, {"type": "huggingface"})


def opened(folder, line, block):
    path = folder / "table.jsonl"
    path.write_text(line + "\n")
    return parser.parse("sources", block | {"path": str(path)}).open()


def nested(opening, closing, levels):
    """Return a row whose value is in so many lists or objects, the row among them."""
    return '{"a": ' + opening * (levels - 1) + "1" + closing * (levels - 1) + "}"


@pytest.mark.parametrize("block", SOURCES, ids=lambda block: block["type"])
@pytest.mark.parametrize(
    "brackets", [("[", "]"), ('{"a": ', "}"), ('[1, {"a": ', "}]")], ids=["[", "{", "[{"]
)
def test_values_are_at_most_32_levels_deep(tmp_path, block, brackets):
    """NumPy has 64 axes, Python's stack ends at about a thousand levels."""
    step = 2 if brackets[1] == "}]" else 1
    read = opened(tmp_path, nested(*brackets, 30 // step), block)
    assert read.num_samples == 1
    for levels in (33, 900, 100_000):
        with pytest.raises(ProblemError) as caught:
            opened(tmp_path, nested(*brackets, levels), block)
        assert caught.value.problem.code == "DAT333"
        assert "more than 32 levels" in "".join(caught.value.problem.notes)


def test_brackets_in_texts_are_not_levels(tmp_path):
    """A text may have any number of them."""
    assert opened(tmp_path, '{"a": "' + "[{" * 100 + '"}', SOURCES[0]).read("a") == ["[{" * 100]
