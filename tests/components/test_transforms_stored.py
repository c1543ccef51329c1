"""Stored transforms of numbers and series against what they state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.facts import FieldFacts
from declare.contract.kinds.transform import facts_before
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.parsing import parser

SERIES = Shape("series", (2, 500))


def parse(**block):
    """Return a transform of the field `x`."""
    return parser.parse("transforms", {"field": "x"} | block)


def sine(rate, length, hertz=3.0):
    """Return one sample [1, 2, length] of a sine and its negative."""
    wave = np.sin(2 * np.pi * hertz * np.arange(length) / rate)
    return np.stack([wave, -wave])[None].astype(np.float32)


@pytest.mark.parametrize(("old", "new"), [(250, 100), (100, 250), (256, 200), (250, 250), (512, 100)])
def test_a_slow_sine_keeps_its_course(old, new):
    """A sine far below both rates is the same sine at the new rate, away from the ends."""
    transform = parse(type="resample", rate=new, from_rate=old)
    done = transform.apply(sine(old, 2 * old), {})
    assert done.shape[1:] == transform.infer(Shape("series", (2, 2 * old))).dims
    wanted = sine(new, done.shape[-1])
    assert np.abs(done - wanted)[..., new // 4 : -new // 4].max() < 0.02


def test_what_is_above_the_new_band_is_removed():
    """A sine above half the new rate is filtered out, not folded into a slow one."""
    done = parse(type="resample", rate=100, from_rate=500).apply(sine(500, 1000, hertz=90), {})
    assert np.abs(done[..., 20:-20]).max() < 0.05


@given(old=st.integers(20, 600), new=st.integers(20, 600), length=st.integers(1, 400))
def test_the_length_is_the_inferred_one(old, new, length):
    """For any rates and lengths the shape is what `infer` says."""
    transform = parse(type="resample", rate=new, from_rate=old)
    done = transform.apply(np.zeros((1, 2, length), np.float32), {})
    assert done.shape[1:] == transform.infer(Shape("series", (2, length))).dims


def facts(*rates):
    """Return facts of fields x0, x1, ... with these rates."""
    return {f"x{place}": FieldFacts(shape=SERIES, rate=rate) for place, rate in enumerate(rates)}


def test_the_rate_is_that_of_the_fields():
    """The present rate comes from the fields where all have one; a stated one stands."""
    both = parse(type="resample", field=None, fields=["x0", "x1"], rate=100)
    assert both.resolve(facts(250.0, 250.0)).from_rate == 250
    assert both.resolve(facts(250.0, 500.0)).from_rate is None
    assert both.resolve(facts(250.0, None)).from_rate is None
    stated = parse(type="resample", field="x0", rate=100, from_rate=200)
    assert stated.resolve(facts(250.0)).from_rate == 200


def test_a_rate_is_what_the_resampling_before_has_made():
    """Each one in a row starts from the rate that the one before gave, also where it is of one side alone."""
    chains = {
        ("all", "all", "all"): [250, 100, 50],
        ("train", "eval", "all"): [250, 250, None],
        ("train", "train", "eval"): [250, 100, 250],
    }
    for sides, wanted in chains.items():
        rates = zip((100, 50, 25), sides, strict=True)
        chain = [parse(type="resample", field="x0", rate=rate, on=on) for rate, on in rates]
        known = facts_before(chain, facts(250.0))
        assert [item.resolve(its).from_rate for item, its in zip(chain, known, strict=True)] == wanted


def test_a_stated_rate_does_not_contradict_the_field():
    """What the field says is true; where it says nothing, anything may be stated."""
    stated = parse(type="resample", field="x0", rate=100, from_rate=200)
    assert stated.check_facts(facts(250.0)).code == "DAT325"
    assert stated.check_facts(facts(200.0)) is None
    assert stated.check_facts(facts(None)) is None


def test_a_rate_that_nobody_says():
    """Without a present rate there is DAT348."""
    found = parse(type="resample", rate=100).infer(SERIES)
    assert isinstance(found, Problem)
    assert (found.code, found.at) == ("DAT348", "rate")


def test_clip_bounds_values_and_keeps_gaps():
    """Values beyond a bound become it, missing ones stay missing."""
    done = parse(type="clip", low=-1, high=2).apply(np.array([-5.0, 0.5, 7.0, np.nan], np.float32), {})
    assert done.tolist()[:3] == [-1, 0.5, 2]
    assert np.isnan(done[3])


@pytest.mark.parametrize(("bounds", "code"), [({}, "SCH103"), ({"low": 2, "high": 1}, "SCH108")])
def test_clip_needs_bounds_in_order(bounds, code):
    """No bound, or a low one above the high one, is a problem."""
    _, problems = parser.read("transforms", {"type": "clip", "field": "x"} | bounds)
    assert [problem.code for problem in problems] == [code]


def test_log_is_natural_and_keeps_gaps():
    """The logarithm of value + offset; missing values stay missing."""
    done = parse(type="log", offset=1).apply(np.array([0.0, np.e - 1, np.nan], np.float32), {})
    assert done[:2] == pytest.approx([0, 1])
    assert np.isnan(done[2])


def test_log_of_what_has_none():
    """A value without a logarithm is DAT336, which says the least of them."""
    with pytest.raises(ProblemError) as caught:
        parse(type="log").apply(np.array([1.0, -3.0, 0.0], np.float32), {})
    assert caught.value.problem.code == "DAT336"
    assert "-3" in caught.value.problem.title


def test_flatten_scales_images():
    """Pixels are laid out row by row on the scale 0..1; other numbers stay as they are."""
    transform = parse(type="flatten")
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2)
    assert transform.infer(Shape("image", (3, 2, 2), "uint8")) == Shape("vector", (12,))
    assert transform.apply(pixels, {}).ravel() == pytest.approx(np.arange(24) / 255)
    series = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    assert transform.apply(series, {}).tolist() == [list(range(8))]


@pytest.mark.parametrize(
    ("kind", "shape", "code"),
    [
        ("flatten", Shape("series", (2, None)), "SHP512"),
        ("flatten", Shape("category", (), "int64"), "SHP511"),
        ("clip", Shape("category", (), "int64"), "SHP511"),
        ("log", Shape("image", (3, 4, 4), "uint8"), "SHP511"),
        ("resample", Shape("vector", (3,)), "SHP511"),
    ],
)
def test_fields_that_do_not_fit(kind, shape, code):
    """What a transform cannot change is found from the shape."""
    needed = {"clip": {"low": 0}, "resample": {"rate": 10, "from_rate": 20}}.get(kind, {})
    found = parse(type=kind, **needed).infer(shape)
    assert isinstance(found, Problem)
    assert found.code == code


def test_a_gap_of_a_resampled_series_stays_where_it_is():
    """One missing step leaves its neighbours and the rest of its channel alone, at the ends too."""
    item = parser.parse("transforms", {"type": "resample", "field": "x", "from_rate": 4, "rate": 2})
    steps = np.arange(24, dtype=np.float64)
    holed = np.stack([steps, steps])[None]
    holed[0, 0, 23] = holed[0, 0, 8] = np.nan
    found = item.apply(holed, {})
    assert np.isnan(found[0, 0]).nonzero()[0].tolist() == [4]
    known = np.isfinite(found)
    assert np.allclose(found[known], np.broadcast_to(np.arange(0, 24, 2.0), found.shape)[known], atol=0.6)


@pytest.mark.parametrize(
    ("before", "after", "factors"),
    [(48000, 4, (1, 12000)), (44100, 1, (1, 44100)), (250, 100, (2, 5)), (256.5, 100, (200, 513))],
)
def test_rates_are_taken_as_written(before, after, factors):
    """The ratio is that of the two rates, however large."""
    item = parser.parse("transforms", {"type": "resample", "field": "x", "from_rate": before, "rate": after})
    assert item._factors() == factors
    assert item.infer(Shape("series", (1, 100_000))).dims == (1, -(-100_000 * factors[0] // factors[1]))


def test_a_ratio_that_is_too_fine_is_refused():
    """A filter for it would not fit into memory."""
    item = parser.parse("transforms", {"type": "resample", "field": "x", "from_rate": 1e6, "rate": 0.3})
    assert item.infer(Shape("series", (1, 100))).code == "DAT348"


def test_a_rate_a_thousand_times_higher_is_refused():
    """Days of computing are a rate in another unit: the same the other way round is cheap, and taken."""
    rates = {"type": "resample", "field": "x", "from_rate": 10}
    assert parser.parse("transforms", rates | {"rate": 10_000}).infer(Shape("series", (1, 9))).dims == (
        1,
        9000,
    )
    found = parser.parse("transforms", rates | {"rate": 10_001}).infer(Shape("series", (1, 9)))
    assert (found.code, found.at) == ("DAT348", "rate")
