"""Times: one format for a column, gaps, zones, and features in double precision."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.contract.text_column import TextColumn
from declare.parsing import parser

SECONDS = {"features": ["seconds"], "origin": "2024-01-01"}


def field(**block):
    return parser.parse("fields", {"type": "datetime", **block})


def read(values, **block):
    made = field(**block)
    facts = made.infer_facts(values)
    return facts, made.encode(values, facts)


def refused(values, **block):
    with pytest.raises(ProblemError) as caught:
        field(**block).infer_facts(values)
    assert len(caught.value.problem.title) <= 80
    return caught.value.problem


@pytest.mark.parametrize(
    ("values", "block", "seconds"),
    [
        (["2024-01-01", "2024-01-01T00:01", "2024-01-02 00:00:00.5", None], {}, [0, 60, 86400.5, np.nan]),
        (["31.12.2023", "01.01.2024"], {}, [-86400, 0]),
        (["01/02/2024", "13/02/2024"], {}, [31 * 86400, 43 * 86400]),
        (["02/01/2024", "02/13/2024"], {}, [31 * 86400, 43 * 86400]),
        (["Jan 1, 2024 3:04 PM"], {}, [54240]),
        (["1/2/24 10:30"], {"format": "%d/%m/%y %H:%M"}, [31 * 86400 + 37800]),
        (["2024-01"], {"format": "%Y-%m"}, [0]),
        (["2024-01-01 02:00 +0200"], {"format": "%Y-%m-%d %H:%M %z"}, [0]),
        (["2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00Z"], {}, [0, 0]),
        (np.array([20240101, 20240102]), {"format": "%Y%m%d"}, [0, 86400]),
        (np.array([1704067200, -1]), {"format": "unix_s", "missing": [-1]}, [0, np.nan]),
        ([1704067200000.5, None], {"format": "unix_ms"}, [0.0005, np.nan]),
        (np.array([1704067200 * 10**9 + 1500]), {"format": "unix_ns"}, [0.000001]),
        (np.array(["2024-01-01", "NaT"], "datetime64[D]"), {}, [0, np.nan]),
        (np.array(["1900-01-01", "2024-01-01"], "datetime64[ns]"), {"missing": ["1900-01-01"]}, [np.nan, 0]),
        ([dt.date(2024, 1, 2), dt.datetime.fromisoformat("2024-01-01T00:00:01")], {}, [86400, 1]),
        (["NA", "2024-01-01", "-999"], {"missing": ["NA", -999]}, [np.nan, 0, np.nan]),
    ],
)
def test_seconds_since_an_origin(values, block, seconds):
    """Whatever the format and the source, the same moment is the same number; gaps stay gaps."""
    facts, encoded = read(values, **SECONDS, **block)
    np.testing.assert_array_equal(encoded[:, 0], seconds)
    assert facts.num_missing == int(np.isnan(np.array(seconds, float)).sum())
    assert "unused_marks" not in facts.extra


@pytest.mark.parametrize(
    ("values", "block", "code", "said"),
    [
        (["01/02/2024", "03/04/2024"], {}, "DAT383", 'format: "%m/%d/%Y"'),
        ([1704067200, 1704067260], {}, "DAT383", "unix_s"),
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00"], {}, "DAT383", "offset"),
        (["2024-01-01", "2024-01-02", "NA"], {}, "DAT382", '"NA"'),
        (["2024-02-30"], {"format": "iso"}, "DAT382", "format"),
        (["01/02/24"], {"format": "%d/%m/%Y"}, "DAT382", "format"),
        (["soon"], {}, "DAT382", "format"),
        (np.array([1704067200 * 10**6]), {"format": "unix_s"}, "DAT382", "unix_us"),
        ([True], {}, "DAT382", ""),
    ],
)
def test_what_is_unclear_is_asked_once(values, block, code, said):
    """Two orders of day and month, numbers without a unit, mixed zones and other texts name their remedy."""
    problem = refused(values, **block)
    assert problem.code == code
    assert said in " ".join(problem.helps)


@pytest.mark.parametrize(
    "block", [{"format": "%Q"}, {"format": "day"}, {"timezone": "Mars/X"}, {"origin": "x"}]
)
def test_parameters_that_cannot_be_used(block):
    """An unknown directive, zone or origin is DAT383 before data are read."""
    _, problems = parser.read("fields", {"type": "datetime", **block})
    assert [(item.code, item.at) for item in problems] == [("DAT383", next(iter(block)))]


@given(st.datetimes(dt.datetime.fromisoformat("1901-01-01"), dt.datetime.fromisoformat("2199-01-01")))
def test_features_are_places_on_their_circles(time):
    """Sine and cosine turn back into the share of the day, week, month and year."""
    names = ["minute", "hour", "weekday", "day", "month", "day_of_year"]
    _, encoded = read([time.isoformat()], features=names)
    turns = np.arctan2(encoded[0, ::2].astype(float), encoded[0, 1::2]) / (2 * np.pi) % 1
    second = time.minute * 60 + time.second + time.microsecond / 1e6
    month = (
        dt.date(time.year + time.month // 12, time.month % 12 + 1, 1) - dt.date(time.year, time.month, 1)
    ).days
    year = (dt.date(time.year + 1, 1, 1) - dt.date(time.year, 1, 1)).days
    expected = [
        *(second / 3600, (time.hour * 3600 + second) / 86400, time.weekday() / 7, (time.day - 1) / month),
        *((time.month - 1) / 12, (time.timetuple().tm_yday - 1) / year),
    ]
    gaps = np.abs(turns - expected)
    assert np.minimum(gaps, 1 - gaps).max() < 1e-6


def test_features_follow_from_the_column():
    """Dates have no hour, clocks no date; what the column showed holds for a part of it."""
    assert read(["2024-01-31", "2024-02-01"])[0].extra["features"] == ["weekday", "month"]
    assert read(["12:30", "23:59"])[0].extra["features"] == ["hour"]
    facts, encoded = read(["2024-01-31", "2024-02-01T12:00"])
    assert facts.extra["columns"] == [
        "hour_sin",
        "hour_cos",
        "weekday_sin",
        "weekday_cos",
        "month_sin",
        "month_cos",
    ]
    assert field().encode(["2024-01-31"], facts).tolist() == encoded[:1].tolist()


def test_a_zone_turns_instants_into_its_clock(tmp_path):
    """Times with an offset are looked at in the stated zone, summer time included; a typed column alike."""
    block = {"features": ["hour"], "timezone": "Europe/Berlin"}
    texts = ["2024-01-15T11:00:00Z", "2024-07-15T12:00:00+02:00"]
    _, encoded = read(texts, **block)
    hours = np.arctan2(encoded[:, 0].astype(float), encoded[:, 1]) / (2 * np.pi) % 1 * 24
    np.testing.assert_allclose(hours, [12, 12], atol=1e-5)
    times = pl.Series(texts).str.to_datetime("%Y-%m-%dT%H:%M:%S%#z").dt.convert_time_zone("America/New_York")
    pl.DataFrame({"when": times}).write_parquet(tmp_path / "t.parquet")
    typed = parser.parse("sources", {"type": "parquet", "path": tmp_path / "t.parquet"}).open().read("when")
    np.testing.assert_array_equal(read(typed, **block)[1], encoded)


def test_times_of_another_kind_are_refused_later():
    """A model that learned instants takes no times without an offset, and texts keep the format of the column."""
    made = field(**SECONDS)
    facts = made.infer_facts(["2024-01-01T00:00:00Z"])
    with pytest.raises(ProblemError, match="have no offset"):
        made.encode(["2024-01-01T00:00:00"], facts)
    facts = made.infer_facts(TextColumn.of(["01/02/2024", "13/02/2024"]))
    assert made.encode(["03/02/2024"], facts)[0, 0] == 33 * 86400
    with pytest.raises(ProblemError) as caught:
        made.encode(["02/13/2024"], facts)
    assert caught.value.problem.code == "DAT382"


def test_later_times_that_another_fitting_format_reads_otherwise_are_refused():
    """Times of training that day first and month first agree on decide nothing for new ones."""
    made = field(**SECONDS)
    facts = made.infer_facts(TextColumn.of(["01/01/2023", "02/02/2024"]))
    assert made.encode(["03/03/2024", "25/12/2024"], facts).shape == (2, 1)
    with pytest.raises(ProblemError) as caught:
        made.encode(["03/03/2024", "03/04/2024"], facts)
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT383", 1)
    stated = field(**SECONDS, format="%m/%d/%Y")
    facts = stated.infer_facts(TextColumn.of(["01/01/2023", "02/02/2024"]))
    assert np.diff(stated.encode(["01/01/1970", "03/04/1970"], facts)[:, 0]) == 62 * 86400


def test_seconds_keep_their_precision():
    """An origin is subtracted in double: a second between two times of today is a second."""
    _, encoded = read(["2024-05-05T10:00:00", "2024-05-05T10:00:01"], features=["seconds"])
    assert encoded[1, 0] - encoded[0, 0] == 1


@pytest.mark.parametrize(
    ("texts", "format_", "features"),
    [
        (["2024-03", "2023-12"], "%Y-%m", ["month"]),
        (["03/2024", "12/2023"], "%m/%Y", ["month"]),
        (["Mar 2024", "Dec 2023"], "%b %Y", ["month"]),
        (["20240301T000000", "20231201T000000"], "%Y%m%dT%H%M%S", ["weekday", "month"]),
        (["2024-03-01 00:00:00 UTC", "2023-12-01 01:00:00+01"], "iso", ["weekday", "month"]),
        (["Fri, 01 Mar 2024 00:00:00 +0000", "Fri, 01 Dec 2023 02:00:00 +0200"], None, ["weekday", "month"]),
        (["01/Mar/2024:00:00:00 +0000", "01/Dec/2023:00:00:00 +0000"], None, ["weekday", "month"]),
        (["Fri Mar 01 00:00:00 2024", "Fri Dec 01 00:00:00 2023"], None, ["weekday", "month"]),
    ],
)
def test_usual_formats_need_not_be_stated(texts, format_, features):
    """Months, basic ISO 8601, names of UTC, mails and web servers; a month has no weekday."""
    field = parser.parse("fields", {"type": "datetime"})
    facts = field.infer_facts(TextColumn.of(texts))
    assert facts.extra["features"] == features
    assert facts.extra["format"] == (format_ or facts.extra["format"])
    days = parser.parse("fields", {"type": "datetime", "features": ["days"], "origin": "2023-12-01"})
    values = TextColumn.of(texts)
    assert days.encode(values, days.infer_facts(values))[:, 0].tolist() == [91.0, 0.0]


def test_new_times_without_a_time_of_day_are_refused():
    """Dates alone are no midnights where training had times of day, and the reverse; features of days are the same."""
    made, clocks, dates = field(), ["2024-01-31T10:20", "2024-02-01T12:00"], ["2024-01-31", "2024-02-01"]
    facts = made.infer_facts(clocks)
    for new in (["2024-03-01T11:00", "2024-03-01"], np.array(["2024-03-01"], "datetime64[D]")):
        with pytest.raises(ProblemError, match="1 of these times have no time of day"):
            made.encode(new, facts)
    with pytest.raises(ProblemError, match="have a time of day"):
        field(**SECONDS).encode(clocks, field(**SECONDS).infer_facts(dates))
    assert (
        made.encode(clocks, made.infer_facts(dates)).tolist()
        == made.encode(dates, made.infer_facts(dates)).tolist()
    )
    midnights = np.array(dates, "datetime64[us]")
    assert field(**SECONDS).encode(midnights, field(**SECONDS).infer_facts(dates))[:, 0].tolist() == [
        2592000,
        2678400,
    ]


def test_times_read_as_midnight_are_questioned():
    """Some dates alone in the data, and new times all at midnight, are DAT403; one time at midnight is not."""
    made, clocks = field(), np.datetime64("2024-01-01T01:00", "us") + np.arange(9) * np.timedelta64(7, "h")
    mixed = made.infer_facts(["2024-01-31T10:20", "2024-02-01"])
    assert [problem.code for problem in made.compare(mixed)] == ["DAT403"]
    facts = made.infer_facts(clocks)
    midnights = np.array(["2024-03-01", "2024-03-02"], "datetime64[us]")
    assert [problem.code for problem in made.doubts(midnights, facts)] == ["DAT403"]
    assert not [*made.doubts(midnights[:1], facts), *made.doubts(clocks, facts), *made.compare(facts)]
