"""Numbered files: which are parts of recordings by their names."""

import itertools

import pytest

from declare.contract.files.sequences import sequences_of


def names(pattern, *ranges):
    return [pattern.format(*values) for values in itertools.product(*ranges)]


@pytest.mark.parametrize(
    ("files", "first"),
    [
        (names("{}/clip{:02d}_{:04d}.png", "ab", range(3), range(4)), "a/clip00_"),
        (names("{}/patient{}/{:03d}.png", "ab", range(3), range(4)), "a/patient0/"),
        (names("{}/s{}-view-{}.jpg", "ab", range(3), range(4)), "a/s0-view-"),
        (names("{}/frame_{}.png", "ab", range(9)), "a/frame_"),
        (names("{}/scan/slice{}.png", "ab", range(9)), "a/scan/slice"),
    ],
)
def test_numbered_names_are_sequences(files, first):
    """Several numbers in a name, or the word of a part, tell of a recording; so in one folder without classes."""
    assert sequences_of(files, [name[0] for name in files])[0] == first
    assert sequences_of(files, [""] * len(files))[0] == first


@pytest.mark.parametrize(
    "files",
    [
        names("{}/{:04d}.png", "ab", range(9)),
        names("{}/IMG{}.jpg", "ab", range(9)),
        names("n0144{0}/n0144{0}_{1}.jpg", range(3), range(9)),
        names("{}/{:04d}_x.png", "ab", range(9)),
        names("{}/8f{}a{}.png", "ab", range(9), "xy"),
        names("{}/indoor/{}.png", "ab", range(9)),
        ["a/1.png"],
    ],
)
def test_images_one_by_one_are_none(files):
    """One number for each image, classes in the names, and names without order are no recordings."""
    assert sequences_of(files, [name.split("/")[0] for name in files]) is None
