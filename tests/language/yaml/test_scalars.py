"""Plain scalars follow the YAML 1.2 core schema."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from declare.language.yaml.scalars import OutOfRangeError, ambiguity, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("0o17", 15),
        ("0xfF", 255),
        ("0777", 777),
        ("1e-3", 0.001),
        ("2E4", 20000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", -math.inf),
        ("+.INF", math.inf),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2024-01-31", "2024-01-31"),
        ("None", "None"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1O", "1O"),
        ("-", "-"),
        ("--1", "--1"),
        ("1e", "1e"),
        (".", "."),
        ("e3", "e3"),
        ("\uff10", "\uff10"),
    ],
)
def test_core_schema(text, value):
    """Each text has the value and the type that the core schema of YAML 1.2 gives it."""
    found = resolve(text)
    assert (found, type(found)) == (value, type(value))


def test_nan():
    """`.nan` is not a number."""
    assert math.isnan(resolve(".NaN"))


@pytest.mark.parametrize("text", ["1e1000", "-1e999", "1e-1000", "9" * 301, "0x" + "f" * 400])
def test_out_of_range(text):
    """Numbers that would become infinite, zero or absurdly long are refused."""
    with pytest.raises(OutOfRangeError):
        resolve(text)


def test_zero_stays_zero():
    """A zero with an exponent is no underflow."""
    assert resolve("0e-1000") == 0.0


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_integers_round_trip(number):
    """Every integer that Python writes is read as itself."""
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_round_trip(number):
    """Every float that Python writes is read as itself."""
    assert resolve(repr(number)) == number


@pytest.mark.parametrize(
    ("text", "safe", "other"),
    [
        ("no", '"no"', "false"),
        ("Yes", '"Yes"', "true"),
        ("off", '"off"', "false"),
        ("y", '"y"', "true"),
        ("0777", "777", "511"),
        ("-010", "-10", "-8"),
        ("089", "89", '"089"'),
        ("1_000", "1000", None),
        ("2024_01", '"2024_01"', "202401"),
        ("0.5_0", '"0.5_0"', "0.50"),
        ("0._", '"0._"', "0."),
        (".5_", '".5_"', ".5"),
        ("0b101", '"0b101"', "5"),
        ("12:30", '"12:30"', None),
        ("1:30:05.5", '"1:30:05.5"', None),
    ],
)
def test_ambiguous(text, safe, other):
    """What YAML 1.1 reads otherwise is told, with a way of writing it that both read alike."""
    found = ambiguity(text)
    assert found is not None
    assert (found.safe, found.other) == (safe, other)


@pytest.mark.parametrize(
    "text", ["", "true", "null", "12", "007", "1e-3", ".5", "._", "none", "nope", "12:3x", "a_b", "0", "-"]
)
def test_unambiguous(text):
    """Scalars that both versions read alike carry no warning."""
    assert ambiguity(text) is None


@given(st.text(st.sampled_from("0123456789_:.-+eExoby noNOtrufalsTYF~"), max_size=8))
def test_silent_means_equal_to_yaml_1_1(text):
    """Where no warning is given, a YAML 1.1 reader sees the same truth value, integer or text, `1e-3` apart."""
    text = text.strip()
    if ambiguity(text) is not None:
        return
    try:
        ours = resolve(text)
    except OutOfRangeError:
        return
    if isinstance(ours, float) or text.startswith(("0o", "+0o", "-0o")) or "x" in text:
        return  # 1.1 wants a dot and a signed exponent, and writes octal otherwise: ours is what was meant
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
    kinds = {"bool": bool, "int": int, "null": type(None), "str": str, "float": float}
    expected = kinds.get(tag.rpartition(":")[2], str)
    assert isinstance(ours, expected), (text, ours, tag)
