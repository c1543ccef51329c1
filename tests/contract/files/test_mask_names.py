"""Masks by their names: pairs of folders and of files, and names that are classes."""

from __future__ import annotations

import pytest

from declare.contract.files.mask_names import mask_of_image


@pytest.mark.parametrize(
    ("mask", "image"),
    [
        ("masks/1.png", "images/1.png"),
        ("masks/x_mask.png", "images/x.png"),
        ("GT/0001.png", "img/0001.jpg"),
        ("SegmentationClass/1.png", "JPEGImages/1.jpg"),
        ("train_masks/7.png", "train_images/1.jpg"),
        ("train/masks/1.png", "train/images/1.jpg"),
        ("set/id1/masks/aaa.png", "set/id1/images/id1.png"),
        ("labels/label_1.png", "imgs/img_1.png"),
        ("benign/benign (1)_mask.png", "benign/benign (1).png"),
        ("b/1-seg.png", "a/1.png"),
    ],
)
def test_masks_are_told_by_folders_and_files(mask, image):
    """A folder of masks next to one of images, or a file whose name has only the word more, is found."""
    names = [tuple(name.split("/")) for name in (image, mask, "normal/normal (1).png")]
    assert mask_of_image(names) == (names[1], names[0])


@pytest.mark.parametrize(
    "names",
    [
        ["cats/1.jpg", "dogs/1.jpg"],
        ["mask/1.png", "no_mask/1.png"],
        ["with_mask/1.png", "without_mask/1.png"],
        ["a/a.png", "a/mask.png"],
        ["images/1.png", "labelled/1.png"],
        ["a/1.png", "a/1_mask.png", "b/2_mask.png", "b/3_mask.png"],
    ],
)
def test_words_of_masks_alone_are_no_masks(names):
    """Equal names in class folders, a class called `mask` and single files are no pairs."""
    assert mask_of_image([tuple(name.split("/")) for name in names]) is None
