"""Axes of arrays: stated layouts are read as such, and sizes that fit another order name it in one finding."""

from __future__ import annotations

import numpy as np
import pytest

from declare.components.fields.series import Series
from declare.components.fields.video import Video
from declare.contract.problem import ProblemError
from declare.parsing import parser

SERIES = np.random.default_rng(0).normal(size=(3, 2, 7)).astype(np.float32)
VIDEO = np.random.default_rng(0).normal(size=(3, 2, 7, 5, 4)).astype(np.float32)
CASES = [("series", SERIES, name, order) for name, order in Series.axis_orders.items()]
CASES += [("video", VIDEO, name, order) for name, order in Video.axis_orders.items()]
SIZES = {"series": {"channels": 2, "length": 7}, "video": {"channels": 2, "frames": 7, "size": [5, 4]}}


def field(kind, **block):
    return parser.parse("fields", {"type": kind} | block)


def laid(values, order):
    """Return samples whose axes lie in another order: the opposite of how a field reads them."""
    if None in order:
        values = values[:, 0]
    back = np.argsort([axis for axis in order if axis is not None])
    return np.ascontiguousarray(values.transpose(0, *(int(place) + 1 for place in back)))


@pytest.mark.parametrize(("kind", "values", "name", "order"), CASES)
def test_each_layout_gives_the_same_field(kind, values, name, order):
    """Tables and lists in every layout are read as channels first; sizes are then asserted of those axes."""
    given = laid(values, order)
    expected = values[:, :1] if None in order else values
    made = field(kind, layout=name)
    for column in (given, list(given), given.astype(">f8")):
        facts = made.infer_facts(column)
        assert facts.shape.dims == expected.shape[1:]
        assert np.array_equal(made.encode(column, facts), expected)
    sizes = SIZES[kind] | ({"channels": 1} if None in order else {})
    assert list(field(kind, layout=name, **sizes).compare(facts)) == []


@pytest.mark.parametrize(
    ("kind", "values", "name", "order"),
    [case for case in CASES if None not in case[3] and case[2] not in {"channels_time", "CTHW"}],
)
def test_sizes_that_fit_another_layout_are_one_finding_with_it(kind, values, name, order):
    """However many sizes are at other axes, one finding offers the layout, and its edit is safe."""
    made = field(kind, **SIZES[kind])
    [found] = made.compare(made.infer_facts(laid(values, order)))
    assert (found.code, len(found.title) <= 80) == ("DAT322", True)
    assert [(item.path, item.value, item.safe) for item in found.rewrites] == [("layout", name, True)]


def test_sizes_that_fit_no_layout_are_said_one_by_one():
    """A size that no axis has stays a contradiction of its own."""
    made = field("series", channels=3, length=9)
    assert [item.code for item in made.compare(made.infer_facts(SERIES))] == ["DAT334", "DAT334"]
    video = field("video", size=9)
    assert [item.at for item in video.compare(video.infer_facts(VIDEO))] == ["size"]


def test_recordings_of_many_lengths_may_lie_time_first():
    """Samples [time, channels] of several lengths have one finding, and are padded in time once it is mended."""
    values = [np.ones((length, 3), np.float32) for length in (4, 6, 5)]
    for block in ({"channels": 3}, {"channels": 3, "length": 5}):
        made = field("series", **block)
        [found] = made.compare(made.infer_facts(values))
        assert [item.value for item in found.rewrites] == ["time_channels"]
    made = field("series", channels=3, layout="time_channels")
    facts = made.infer_facts(values)
    assert (facts.shape.dims, facts.extra["lengths"]) == ((3, None), [4, 6])
    assert made.encode(values, facts).shape == (3, 3, 6)


def test_a_single_channel_has_no_order():
    """Samples [time] are one channel in either layout."""
    for column in (SERIES[:, 0], [item.tolist() for item in SERIES[:, 0]]):
        for name in Series.axis_orders:
            made = field("series", layout=name)
            assert np.allclose(made.encode(column, made.infer_facts(column))[:, 0], SERIES[:, 0])


def test_a_stated_layout_of_images_that_contradicts_their_channels():
    """`layout: CHW` of arrays whose three channels are last is one finding that says `HWC`."""
    with pytest.raises(ProblemError) as caught:
        field("image", channels=3, layout="CHW").infer_facts(np.zeros((2, 8, 8, 3), np.uint8))
    assert caught.value.problem.code == "DAT322"
    assert [item.value for item in caught.value.problem.rewrites] == ["HWC"]


@pytest.mark.parametrize(
    ("block", "known", "new"),
    [
        ({"type": "series"}, SERIES, SERIES.swapaxes(1, 2)),
        ({"type": "series"}, SERIES, SERIES[..., :5]),
        ({"type": "video"}, VIDEO, VIDEO.swapaxes(1, 2)),
        ({"type": "vector"}, SERIES[:, 0], SERIES[:, 0, :5]),
    ],
)
def test_later_samples_of_another_size_are_refused(block, known, new):
    """New arrays are read as those of training; those of another size are SHP524 at their sample."""
    made = field(block.pop("type"), **block)
    facts = made.infer_facts(known)
    for values in (new, [known[0], new[1]]):
        with pytest.raises(ProblemError) as caught:
            made.encode(values, facts)
        assert caught.value.problem.code == "SHP524"
    assert caught.value.problem.row == 1


def test_another_number_of_axes_names_the_layouts_that_have_it():
    """Videos without an axis of channels are DAT319, whose help is the layout that reads them."""
    with pytest.raises(ProblemError) as caught:
        field("video").infer_facts(VIDEO[:, 0])
    assert caught.value.problem.code == "DAT319"
    assert "`layout: THW`" in caught.value.problem.helps[0]
    with pytest.raises(ProblemError) as caught:
        field("video", layout="THW").infer_facts(VIDEO)
    assert "`layout: CTHW`" in caught.value.problem.helps[0]


def questions(kind, shape, **block):
    """Return the codes of what a field asks about samples of a shape, and the layouts that it offers."""
    made = field(kind, **block)
    asked = list(made.compare(made.infer_facts(np.zeros((3, *shape), np.float32))))
    assert all(len(item.title) <= 80 for item in asked)
    return [item.code for item in asked], [change.value for item in asked for change in item.rewrites]


@pytest.mark.parametrize(
    ("shape", "block", "layouts"),
    [
        ((5, 6, 7, 3), {}, ["CTHW", "THWC", "HWTC"]),
        ((5, 3, 6, 7), {}, ["CTHW", "TCHW"]),
        ((3, 4, 6, 7), {}, ["CTHW", "TCHW"]),
        ((5, 6, 7, 3), {"layout": "TCHW"}, ["TCHW", "THWC", "HWTC"]),
        ((3, 6, 7, 8), {}, []),
        ((1, 1, 7, 8), {}, []),
        ((31, 6, 7, 8), {}, []),
        ((5, 6, 7, 3), {"layout": "THWC"}, []),
        ((5, 6, 7, 3), {"layout": "TCHW", "channels": 6}, []),
        ((3, 4, 6, 7), {"frames": 4, "channels": 3}, []),
    ],
)
def test_another_axis_of_videos_may_hold_the_channels(shape, block, layouts):
    """An axis of 1 to 4 that is not read as channels is DAT324, unless stated sizes or axes of 1 settle it."""
    assert questions("video", shape, **block) == (["DAT324"] * bool(layouts), layouts)


@pytest.mark.parametrize(
    ("shape", "block", "codes"),
    [
        ((20, 1), {}, ["DAT324"]),
        ((20, 1), {"layout": "channels_time"}, []),
        ((20, 1), {"channels": 20}, []),
        ((1, 20), {}, []),
        ((1, 1), {}, []),
        ((128, 9), {}, ["DAT326"]),
        ((3, 100), {"layout": "time_channels"}, ["DAT326"]),
        ((128, 9), {"channels": 128}, []),
        ((128, 9), {"length": 9}, []),
        ((128, 9), {"layout": "time_channels"}, []),
    ],
)
def test_more_channels_than_steps_are_a_question(shape, block, codes):
    """One step of several channels is DAT324, more channels than steps a warning; stated sizes settle both."""
    assert questions("series", shape, **block)[0] == codes


def test_a_number_of_channels_that_varies_is_a_question():
    """Samples of several first sizes and one last size lie time first."""
    made = field("series")
    facts = made.infer_facts([np.zeros((length, 3), np.float32) for length in (4, 6, 5)])
    assert [item.code for item in made.compare(facts)] == ["DAT324"]


@pytest.mark.parametrize(("known", "new"), [(1.0, 255.0), (255.0, 1.0)])
def test_videos_of_another_scale_are_refused(known, new):
    """Bytes where training had 0 to 1, or shares where it had bytes, are DAT390 at their sample; black is neither."""
    values = np.abs(np.tanh(VIDEO)) / np.abs(np.tanh(VIDEO)).max()
    made = field("video")
    facts = made.infer_facts(values * known)
    assert made.encode(values * known * 0.9, facts).shape == VIDEO.shape
    assert made.encode(values[:1] * 0, facts).max() == 0
    with pytest.raises(ProblemError) as caught:
        made.encode(np.concatenate([values[:1] * known, values[1:] * new]), facts)
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT390", 1)


def test_a_stated_length_says_what_it_changes():
    """How many samples are truncated and padded stands in the plan."""
    samples = [[[0.0] * steps] for steps in (2, 3, 5, 7)]
    facts = parser.parse("fields", {"type": "series", "length": 3}).infer_facts(samples)
    assert facts.extra["read_as"] == "2 of 4 samples truncated, 1 padded"
    assert "read_as" not in parser.parse("fields", {"type": "series"}).infer_facts(samples).extra
