"""A full reading counts every sample once, and finds what stands there twice or cannot be read."""

import json

import numpy as np
import pytest
from PIL import Image

from declare.contract.problem import ProblemError
from declare.data.check import previews
from declare.data.check.problems import dataset_problems
from declare.data.check.scan import open_for_scan, summarise
from declare.data.facts.facts import gather
from declare.language.spec import Dataset
from declare.parsing import parser


def dataset(source, **keys):
    """Read a dataset's block as a spec would."""
    found, problems = parser.read(Dataset, {"source": source, **keys})
    assert not problems, problems
    return found


def summary_of(block, targets=("label",)):
    return summarise("data", open_for_scan("data", block, 0), targets, lambda _: None)


def codes(block, targets=("label",)):
    return [problem.code for problem in dataset_problems(summary_of(block, targets), block)]


def lines(tmp_path, rows, **keys):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return dataset({"type": "jsonl", "path": str(path)}, **keys)


PARTED = {"fields": {"x": {"type": "vector"}, "label": {"type": "category"}, "part": {"type": "category"}}}
PARTED |= {"split": {"column": "part"}}


def parted(tmp_path, *rows):
    """Return vectors with a label in a split, besides some that no finding is about."""
    usual = [([number, number], "ab"[number % 2], "train" if number < 8 else "val") for number in range(10)]
    given = [{"x": x, "label": label, "part": part} for x, label, part in [*usual, *rows]]
    return lines(tmp_path, given, **PARTED)


def test_nothing_is_found_in_sound_data(tmp_path):
    """Samples that differ give no finding, and every one is counted in its split and class."""
    block = parted(tmp_path)
    found = summary_of(block)
    assert codes(block) == []
    assert found.splits == {"train": 8, "val": 2}
    assert found.field("label").counts == {"a": {"train": 4, "val": 1}, "b": {"train": 4, "val": 1}}
    assert (found.field("x").minimum, found.field("x").maximum) == (0, 9)
    assert found.field("x").mean == pytest.approx(4.5)
    assert found.field("x").std == pytest.approx(np.std(np.arange(10)))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (([0, 0], "a", "val"), "DAT370"),
        (([0, 0], "a", "train"), "DAT371"),
        (([0, 0], "b", "train"), "DAT372"),
    ],
)
def test_equal_samples(tmp_path, row, code):
    """A sample again is found: in another split, in the same one, with another target."""
    assert code in codes(parted(tmp_path, row))


def test_equal_rows_of_a_table_are_no_error(tmp_path):
    """Rows of few coarse columns coincide by chance: that is said, never as a leak."""
    rows = [{"n": number % 3, "label": "ab"[number % 2]} for number in range(40)]
    fields = {"n": {"type": "number"}, "label": {"type": "category"}}
    assert codes(lines(tmp_path, rows, fields=fields)) == ["DAT371"]


def test_padding_tells_no_samples_apart(tmp_path):
    """Series of different lengths are compared as they are, whatever stands beside them."""
    rows = [{"s": [1.0, 2.0]}, {"s": [1.0, 2.0, 3.0]}, *({"s": [float(n)] * 2} for n in range(4, 3000))]
    rows.append({"s": [1.0, 2.0]})
    found = summary_of(lines(tmp_path, rows, fields={"s": {"type": "series"}}, split={"val": 0}), ())
    assert found.duplicates.groups == (("x.jsonl line 1 (train)", "x.jsonl line 2999 (train)"),)
    assert found.field("s").lengths == (2, 2, 3)
    assert found.field("s").nan == 0


def test_groups_in_two_splits(tmp_path):
    """Values of an id that stand in two splits are counted; `by` that id leaves none."""
    rows = [{"n": number, "who": f"p{number % 4}"} for number in range(40)]
    fields = {"n": {"type": "number"}, "who": {"type": "id"}}
    loose = lines(tmp_path, rows, fields=fields, split={"val": 0.5})
    assert summary_of(loose, ()).field("who").shared == {"train+val": 4}
    assert codes(loose, ()) == ["DAT310"]
    assert codes(lines(tmp_path, rows, fields=fields, split={"val": 0.5, "by": "who"}), ()) == []


def test_infinite_values_and_gaps(tmp_path):
    """Infinite values are an error, missing ones are counted."""
    path = tmp_path / "x.csv"
    path.write_text("n,m\n" + "".join(f"{n},{n}\n" for n in range(20)) + ",inf\n")
    fields = {"n": {"type": "number"}, "m": {"type": "number"}}
    block = dataset({"type": "csv", "path": str(path)}, fields=fields, split={"val": 0})
    found = summary_of(block, ())
    assert (found.field("n").missing, found.field("m").infinite) == ({"train": 1}, 1)
    assert sum(found.field("n").histogram) == 20
    assert codes(block, ()) == ["DAT316"]


@pytest.fixture
def images(tmp_path):
    """Forty images of two classes, three of which are no images."""
    for number in range(40):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), 5 * number).save(folder / f"{number:02d}.png")
    for name in ("a/04.png", "a/06.png", "b/09.png"):
        (tmp_path / "images" / name).write_bytes(b"no image")
    return {"type": "image_folder", "path": str(tmp_path / "images")}


def test_every_unreadable_sample_is_named(images):
    """All images that cannot be decoded are listed, the others are counted."""
    found = summary_of(dataset(images))
    assert {item.where for item in found.unreadable} == {"a/04.png", "a/06.png", "b/09.png"}
    assert found.field("image").maximum == 195


@pytest.fixture
def masks(tmp_path):
    """A table of 600 masks of two classes and the place of its files."""
    lines = ["mask,part"]
    for number in range(600):
        pixels = np.arange(4, dtype=np.uint8).reshape(2, 2) % 2
        Image.fromarray(pixels).save(tmp_path / f"{number:03d}.png")
        lines.append(f"{number:03d}.png,{'val' if 560 <= number < 580 else 'train'}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    fields = {"mask": {"type": "mask"}, "part": {"type": "category"}}
    source = {"type": "csv", "path": str(tmp_path / "t.csv")}
    return dataset(source, fields=fields, split={"column": "part"}), tmp_path


def test_a_value_that_is_no_class_has_the_code_of_masks(masks):
    """A mask that facts did not look at is read by a full check, which says what else to do than to remove it."""
    block, place = masks
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(place / "571.png")
    problem = next(dataset_problems(summary_of(block, ()), block))
    assert (problem.code, problem.at) == ("DAT301", "fields.mask")
    assert "t.csv line 573" in problem.notes[0]
    assert "void" in problem.helps[0]


def test_facts_go_by_every_mask_that_was_counted(masks):
    """A mask whose pixels were counted alone makes facts old where it changes, and is named where it is wrong."""
    block, place = masks
    assert gather("data", block, 0).fields["mask"].classes == ("0", "1")
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(place / "592.png")
    with pytest.raises(ProblemError) as caught:
        gather("data", block, 0)
    assert caught.value.problem.code == "DAT301"
    assert "t.csv line 594" in caught.value.problem.notes[0]


@pytest.mark.parametrize(
    ("limit", "code"), [(None, "DAT311"), (2, "DAT332"), (3, "DAT373"), ("8%", "DAT373")]
)
def test_what_may_be_skipped(images, limit, code):
    """Unreadable samples are errors, unless they are skipped and no more than the limit."""
    keys = {} if limit is None else {"on_corrupt": {"action": "skip", "limit": limit}}
    assert codes(dataset(images, **keys)) == [code]


def test_samples_of_each_class(images):
    """Readable samples of every class are chosen to be looked at."""
    chosen = previews.choose(open_for_scan("data", dataset(images), 0), ["label"])
    assert {name: {item.values["label"] for item in items} for name, items in chosen.items()} == {
        "a": {"a"},
        "b": {"b"},
    }


def test_texts_are_compared_as_they_stand(tmp_path):
    """Equal texts with different labels contradict each other; lengths are those of the texts."""
    rows = [{"t": f"word {'again ' * number}", "label": "ab"[number % 2]} for number in range(12)]
    rows += [{"t": "twice", "label": "a"}, {"t": "twice", "label": "b"}]
    fields = {"t": {"type": "text", "tokenizer": {"type": "word"}}, "label": {"type": "category"}}
    block = lines(tmp_path, rows, fields=fields, split={"val": 0})
    assert codes(block) == ["DAT371", "DAT372"]
    assert summary_of(block).field("t").lengths[0] == 5
