"""Threat model, line "images": small files that take long, or much, to decode."""

from __future__ import annotations

import pytest

from declare.components.fields import _images
from declare.components.fields._images import open_image
from declare.contract.problem import ProblemError
from tests.trust.hostile_images import animated_png, gif, png, saved, tiff


def refusal(content, frame=None):
    """Return what is said of an image that is refused."""
    with pytest.raises(ProblemError) as caught:
        open_image(content, 0, frame)
    return " ".join((caught.value.problem.code, caught.value.problem.title, *caught.value.problem.notes))


@pytest.mark.parametrize("make", [lambda: gif(200), lambda: animated_png(200)], ids=["gif", "png"])
def test_a_frame_that_is_drawn_on_many_others_is_refused(make):
    """Frames are decoded up to the one that is read: pixels of all of them count."""
    assert "decoding frame 199 needs" in refusal(make(), 199)
    assert open_image(make(), 0, 1).image.size


def test_pages_are_counted_no_further_than_needed():
    """A file of very many pages is refused at once where no frame is stated, and where it lies behind them all."""
    content = tiff(8, 8, pages=20_000)
    assert "contains 100 or more frames" in refusal(content)
    assert "frame 15000 comes after more than 10,000 other frames" in refusal(content, 15_000)
    assert open_image(content, 0, 50).image.size == (8, 8)
    assert "contains 3 frames" in refusal(tiff(8, 8, pages=3))


def test_scans_of_a_progressive_jpeg_are_counted(monkeypatch):
    """Each scan goes over all pixels again."""
    monkeypatch.setattr(_images, "MAX_SCAN_PIXELS", 100_000_000)
    whole = saved("JPEG", (1200, 1000), "L", progressive=True)
    assert open_image(whole, 0).image.size == (1200, 1000)
    last = whole.rindex(b"\xff\xda")
    assert "scans of 1,200,000 pixels" in refusal(whole[:-2] + whole[last:-2] * 100 + b"\xff\xd9")


def test_pixels_are_counted_from_the_header():
    """A header that promises more than 64 million pixels is refused before they are decoded."""
    assert "2 x 40000000 pixels" in refusal(png(2, 40_000_000))
