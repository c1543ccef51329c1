"""Plain values are written as YAML that reads back as the same values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.diagnostics.diagnostic import Source
from declare.language.document import Text, plain
from declare.language.yaml.parse_file import parse
from declare.language.yaml.yaml_writer import block, flow


def read(text: str) -> object:
    parsed = parse(Source("x", text), Text(Path()))
    assert parsed.diagnostics == []
    assert parsed.node is not None
    return plain(parsed.node)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), max_size=12)
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts.filter(bool), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts.filter(bool), values, min_size=1, max_size=4))
def test_round_trip(value):
    """Whatever is written reads back as the same value, in flow and in block style."""
    assert read(f"a: {flow(value)}\n") == {"a": value}
    assert read(block(value)) == value


@pytest.mark.parametrize(
    "text", ["no", "1e-3", "0777", "12:30", "null", "~", "", " a", "a: b", "#x", "{", "*", "5%"]
)
def test_text_stays_text(text):
    """Text that YAML would read as something else is put in quotes."""
    assert read(f"a: {flow(text)}\n") == {"a": text}


def test_short_maps_stay_on_a_line():
    """Blocks that fit on a line are written in flow style below the sections."""
    text = block({"model": {"encoder": {"type": "mlp", "hidden": [8]}}, "seed": 3})
    assert text == "model:\n  encoder: {type: mlp, hidden: [8]}\nseed: 3\n"
