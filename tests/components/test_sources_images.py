"""Sources of images: folders and torchvision's files, whole and broken."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from declare.contract.problem import ProblemError
from declare.parsing import parser


def source(block):
    """Return a source."""
    return parser.parse("sources", block)


def problem(block):
    """Return the problem that opening ends in, the title and label within the rules of form."""
    made = source(block)
    with pytest.raises(ProblemError) as caught:
        made.open()
    found = caught.value.problem
    assert len(found.title) <= 80
    assert len(found.label.split()) <= 8
    assert found.at.startswith("source")
    return found


# image_folder


def image(path, mode="RGB", size=(8, 6), **options):
    """Write an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, **options).save(path)


def folder(path, labels=("cat", "dog"), number=2):
    """Write a folder of class folders."""
    for label in labels:
        for index in range(number):
            image(path / label / f"{index}.png")
    return {"type": "image_folder", "path": path}


def test_image_folder_gives_images_and_labels(tmp_path):
    """Files stand in order of their paths, labelled by their folder; hidden ones and other types are left out."""
    block = folder(tmp_path / "p")
    image(tmp_path / "p" / "cat" / "deep" / "er.JPG")
    image(tmp_path / "p" / ".cache" / "x.png")
    image(tmp_path / "p" / "cat" / "._0.png")
    (tmp_path / "p" / "cat" / "notes.txt").write_text("x")
    reader = source(block).open()
    assert reader.read("label") == ["cat", "cat", "cat", "dog", "dog"]
    assert reader.read("file", np.array([2])) == ["cat/deep/er.JPG"]
    assert reader.where(3) == "dog/0.png"
    assert set(reader.known_fields()) == {"image", "label"}
    assert reader.is_light("label")
    assert not reader.is_light("image")


def test_image_folder_with_splits(tmp_path):
    """`train`, `val` and `test` are row ranges, whatever their alphabet."""
    for name, number in (("train", 3), ("valid", 1), ("test", 2)):
        folder(tmp_path / "p" / name, number=number)
    reader = source({"type": "image_folder", "path": tmp_path / "p"}).open()
    assert reader.splits == {"train": (0, 6), "val": (6, 8), "test": (8, 12)}
    assert reader.where(6).startswith("valid/cat")


def tree(path, *names):
    """Write an empty image file for each name, and return the source's block."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return {"type": "image_folder", "path": path}


@pytest.mark.parametrize(
    ("names", "labels", "splits", "passed_over"),
    [
        (
            ["train/a/1.png", "train/b/1.png", "test/1.png"],
            ["a", "b"],
            {"train": (0, 2)},
            {"images without a class in `test`": 1},
        ),
        (
            ["Train/a/1.png", "Valid/a/1.png", "unlabeled/1.png", "TEST/1.png"],
            ["a", "a"],
            {"train": (0, 1), "val": (1, 2)},
            {"images without a class in `TEST`": 1, "images without a class in `unlabeled`": 1},
        ),
        (
            ["train/a/1.png", "dev/a/1.png", "raw/1.png", "1.png"],
            ["a", "a"],
            {"train": (0, 1), "val": (1, 2)},
            {"images next to the class folders": 1, "images without a class in `raw`": 1},
        ),
        (["a/1.png", "b/c/1.png", "0.png"], ["a", "b"], {}, {"images next to the class folders": 1}),
        (["a/1.jfif", "a/2.JPE", "a/3.jp2", "a/4.tga", "a/5.txt"], ["a"] * 4, {}, {"other files (.txt)": 1}),
    ],
)
def test_split_folders_are_no_classes(names, labels, splits, passed_over, tmp_path):
    """Folders of splits that hold class folders are the split; images without a class are counted, not learned."""
    reader = source(tree(tmp_path, *names)).open()
    assert (reader.read("label"), reader.splits) == (labels, splits)
    assert reader.passed_over == passed_over


def test_a_class_may_have_the_word_of_a_split_in_its_name(tmp_path):
    """One such folder among others is a class, and no question."""
    reader = source(tree(tmp_path, "training_shoes/1.png", "boots/1.png")).open()
    assert (reader.read("label"), reader.splits) == (["boots", "training_shoes"], {})


@pytest.mark.parametrize(
    "names",
    [
        ["train/1.png", "test/1.png"],
        ["train/1.png", "car/1.png"],
        ["a/1.png", "b/1.png", "test/1.png"],
        ["val/a/1.png", "test/a/1.png"],
        ["train/a/1.png", "cat/1.png", "dog/1.png"],
        ["train/a/1.png", "val/a/1.png", "extra/a/1.png"],
        ["seg_train/a/1.png", "seg_test/a/1.png"],
        ["seg_train/seg_train/a/1.png", "seg_test/seg_test/a/1.png"],
        ["train/train/a/1.png", "test/test/a/1.png"],
        ["train2017/1.png", "val2017/1.png"],
        ["a/train/1.png", "a/test/1.png", "b/train/1.png", "b/test/1.png"],
        ["data/train/a/1.png", "data/train/b/1.png"],
        ["a/1.png", "b/1.png", "Unlabelled/1.png"],
        ["a/1.png", "b/1.png", "unsup/x/1.png"],
        ["train/a/1.png", "train/unlabeled/1.png", "test/a/1.png"],
        ["fold1/a/1.png", "fold1/b/1.png", "fold2/a/1.png", "fold2/b/1.png"],
        ["seen/a/x/1.png", "seen/b/1.png", "new/a/1.png", "new/b/1.png"],
    ],
)
def test_folders_that_may_be_splits_or_classes_are_a_question(names, tmp_path):
    """Names of splits that are laid out otherwise are DAT323; `layout` answers it."""
    block = tree(tmp_path, *names)
    assert problem(block).code == "DAT323"
    top = [name.partition("/")[0] for name in sorted(names)]
    assert source(block | {"layout": "class"}).open().read("label") == top


@pytest.mark.parametrize(
    "names",
    [
        ["cat/small/1.png", "cat/large/1.png", "dog/small/1.png", "dog/large/1.png", "dog/1.png"],
        ["cat/small/1.png", "cat/large/1.png", "dog/small/1.png"],
        ["cat/images/1.png", "dog/images/1.png"],
        ["cat/small/1.png", "cat/large/1.png"],
    ],
)
def test_folders_inside_of_classes_are_no_question(names, tmp_path):
    """Only the same folders in every class, with no image beside them, may be the classes."""
    assert set(source(tree(tmp_path, *names)).open().read("label")) <= {"cat", "dog"}


def test_split_folders_may_be_stated(tmp_path):
    """With `layout: split/class` what is no split is passed over."""
    block = tree(tmp_path, "train/a/1.png", "val/b/1.png", "extra/a/1.png") | {"layout": "split/class"}
    reader = source(block).open()
    assert (reader.splits, reader.passed_over) == ({"train": (0, 1), "val": (1, 2)}, {"in `extra`": 1})


@pytest.mark.parametrize(
    ("names", "mask"),
    [
        (["images/1.png", "masks/1.png"], "masks/1.png"),
        (["benign/a.png", "benign/a_mask.png", "normal/b.png"], "benign/a_mask.png"),
        (
            ["train/images/1.png", "train/masks/1.png", "val/images/2.png", "val/masks/2.png"],
            "train/masks/1.png",
        ),
    ],
)
def test_masks_are_no_class(names, mask, tmp_path):
    """Masks next to their images are DAT327; with a stated layout they are samples."""
    for name in names:
        image(tmp_path / "p" / name)
    found = problem({"type": "image_folder", "path": str(tmp_path / "p")})
    assert found.code == "DAT327"
    assert mask in found.title
    layout = "split/class" if "train" in names[0] else "class"
    made = source({"type": "image_folder", "path": str(tmp_path / "p"), "layout": layout})
    assert made.open().num_samples == len(names)


@pytest.mark.parametrize("files", [[], ["a.png"], ["cat/a.txt"], [".git/a.png"]])
def test_image_folder_without_images(files, tmp_path):
    """No image in a class folder is DAT302."""
    (tmp_path / "p").mkdir()
    for name in files:
        image(tmp_path / "p" / name, size=(2, 2)) if name.endswith("png") else (
            (tmp_path / "p" / name).parent.mkdir(),
            (tmp_path / "p" / name).write_text("x"),
        )
    assert problem({"type": "image_folder", "path": tmp_path / "p"}).code == "DAT302"


def test_image_folder_that_is_none(tmp_path):
    """A path that is no folder is DAT312."""
    assert problem({"type": "image_folder", "path": tmp_path / "none"}).code == "DAT312"


def decoded(block, row=0, **field):
    """Return one image of a folder as its field encodes it."""
    values = source(block).open().read("image", np.array([row]))
    image = parser.parse("fields", {"type": "image"} | field)
    return image.encode(values, image.infer_facts(values))[0]


@pytest.mark.parametrize(
    ("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 3), ("P", 3), ("I;16", 1), ("1", 1)]
)
def test_image_folder_reads_every_mode(mode, channels, tmp_path):
    """Grey, palette, transparent and 16-bit images become bytes, channels first."""
    image(tmp_path / "p" / "c" / "x.png", mode)
    found = decoded({"type": "image_folder", "path": tmp_path / "p"})
    assert (found.dtype, found.shape) == (np.uint8, (channels, 6, 8))


def huge_png(side=60_000):
    """Return a PNG of a few bytes whose header promises billions of pixels."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


@pytest.mark.parametrize("content", [b"", b"no image", huge_png(), huge_png(9_000)])
def test_image_folder_with_a_bad_image(content, tmp_path):
    """A corrupt image, or one whose header promises too many pixels, is DAT311 and names its file."""
    block = folder(tmp_path / "p")
    (tmp_path / "p" / "cat" / "0.png").write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        decoded(block)
    found = caught.value.problem
    assert found.code == "DAT311"
    assert "0.png" in found.title


# torchvision


def idx(array):
    """Return an array as the bytes of an IDX file of MNIST."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def test_torchvision_reads_files_that_are_there(tmp_path):
    """The data set's own test part is the test split; labels are the names of its classes."""
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, number in (("train", 5), ("t10k", 3)):
        images = np.arange(number * 784).reshape(number, 28, 28) % 256
        (raw / f"{name}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.arange(number)))
    reader = source({"type": "torchvision", "name": "FashionMNIST", "root": tmp_path}).open()
    assert reader.splits == {"train": (0, 5), "test": (5, 8)}
    assert reader.read("image").shape[:3] == (8, 28, 28)
    assert reader.read("label", np.array([1, 5])) == ["Trouser", "T-shirt/top"]


@pytest.mark.parametrize("name", ["MNIST", "CIFAR10", "SVHN"])
def test_torchvision_without_files(name, tmp_path):
    """Files that are not there are DAT312, whose help speaks of `download`; nothing is fetched."""
    found = problem({"type": "torchvision", "name": name, "root": tmp_path})
    assert found.code == "DAT312"
    assert "download: true" in found.helps[0]
    assert not list(tmp_path.rglob("*.gz"))


def test_torchvision_sees_changed_files(tmp_path):
    """The fingerprint changes with the data set's files, and with no others under the root."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(b"one")
    made = source({"type": "torchvision", "name": "MNIST", "root": tmp_path})
    first = made.fingerprint()
    (tmp_path / "others.bin").write_bytes(b"x")
    assert made.fingerprint() == first
    (raw / "train-images-idx3-ubyte").write_bytes(b"longer")
    assert made.fingerprint() != first
