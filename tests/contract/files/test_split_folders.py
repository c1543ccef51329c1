"""Names of folders and files that may be splits."""

import pytest

from declare.contract.files.split_folders import (
    by_split,
    files_like_splits,
    folder_of_splits,
    folders_like_splits,
    splits_inside,
)
from declare.contract.problem import ProblemError


def names(paths):
    return [tuple(path.split("/")) for path in paths.split()]


@pytest.mark.parametrize(
    ("paths", "top", "inside"),
    [
        ("seg_train/a/1 seg_test/a/1 other/1", ["seg_test", "seg_train"], []),
        ("train_1/a/1 more/a/1", ["train_1"], []),
        ("training_shoes/1 boots/1", [], []),
        ("training_shoes/a/1 boots/b/1", [], []),
        ("a/train/1 a/test/1 b/train/1", [], ["test", "train"]),
        ("a/train/1 b/train/1", [], []),
        ("a/train/1 a/test/1 b/1", [], []),
    ],
)
def test_folders_that_may_be_splits(paths, top, inside):
    """One folder with a split's word is a class, unless another one holds the same folders."""
    assert (folders_like_splits(names(paths)), splits_inside(names(paths))) == (top, inside)


@pytest.mark.parametrize(
    ("paths", "around"),
    [
        ("data/train/a/1 data/test/a/1", "data"),
        ("x/data/train/a/1 x/data/train/b/1", "x/data"),
        ("data/train.txt data/test.txt", "data"),
        ("train/train/1 train/test/1", ""),
        ("train/a/1 test/a/1", ""),
        ("data/train/1 more/train/1", ""),
        ("data/a/1 data/b/1", ""),
    ],
)
def test_one_folder_may_stand_around_all_splits(paths, around):
    """It is named by its path, however deep it lies."""
    assert folder_of_splits(names(paths)) == around


@pytest.mark.parametrize(
    ("paths", "like"),
    [
        ("wiki.train.txt wiki.test.txt more.txt", ["wiki.test.txt", "wiki.train.txt"]),
        ("training day.txt".replace(" ", "-") + " a-test-of-time.txt", []),
        ("x_train.txt y_train.txt", []),
        ("x_train/1 x_test/1", []),
    ],
)
def test_files_that_differ_in_the_word_of_a_split(paths, like):
    """Files of names that differ in more, or that name one split, are no question."""
    assert files_like_splits(names(paths)) == like


@pytest.mark.parametrize("paths", ["train/1 val/1 valid/1", "train/1 Train/2", "dev.txt val.txt train.txt"])
def test_two_names_of_one_split_are_refused(paths, tmp_path):
    """Nobody knows whether `val` and `valid` are one split, or which one is."""
    with pytest.raises(ProblemError) as caught:
        by_split(tmp_path, [tmp_path / name for name in paths.split()])
    assert caught.value.problem.code == "DAT323"
