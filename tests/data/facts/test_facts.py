"""Facts: what the data say, each with its place; kept so that a second reading costs nothing."""

import os
import subprocess
import sys

import numpy as np
import pytest

from declare.contract.problem import ProblemError
from declare.data.facts.facts import gather
from declare.language.spec import Dataset
from declare.parsing import parser


def dataset(source, **keys):
    """Read a dataset's block as a spec would."""
    found, problems = parser.read(Dataset, {"source": source, **keys})
    assert not problems, problems
    return found


def problems_of(block):
    with pytest.raises(ProblemError) as caught:
        gather("data", block, 0)
    return [(problem.code, problem.at) for problem in caught.value.problems]


def table(tmp_path, text, fields, **keys):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return dataset({"type": "csv", "path": str(path)}, fields=fields, **keys)


def test_every_missing_column_is_reported_at_once(tmp_path):
    """Two absent columns and a text among numbers are three findings, each at its field."""
    rows = "".join(f"{number},{number}\n" for number in range(20))
    fields = {name: {"type": "number"} for name in ("width", "heigth", "depth")}
    block = table(tmp_path, f"width,height\n{rows}1,x\nold,2\n", fields)
    assert problems_of(block) == [
        ("DAT318", "fields.width"),
        ("DAT308", "fields.heigth"),
        ("DAT308", "fields.depth"),
    ]


def test_a_bad_value_is_found_in_its_line(tmp_path):
    """The note names the line of the file."""
    block = table(tmp_path, "x\n" + "1\n" * 20 + "two\n", {"x": {"type": "number"}})
    with pytest.raises(ProblemError) as caught:
        gather("data", block, 0)
    assert caught.value.problem.notes[0] == "it is in table.csv line 22"


def test_statistics_are_of_the_training_split_alone():
    """Mean and spread of a number, and of a series, are those of the training samples."""
    source = {"type": "simulated", "name": "eeg", "samples": 60, "channels": 2, "rate": 20, "seconds": 1}
    block = dataset(source, split={"val": 0.5, "by": "subject"})
    facts = gather("data", block, 0)
    from declare.data.facts.examine import assign_splits, limit_rows
    from declare.data.read.open_reader import open_reader

    split = {"val": 0.5, "by": "subject", "seed": 0}
    reader = open_reader(block.source, split)
    columns = {"subject": reader.read("subject")}
    columns = {"subject": np.unique(columns["subject"], return_inverse=True)[1]}
    train = assign_splits(reader, split, columns, {}, limit_rows(60, None, 0))["train"]
    for name in ("age", "eeg"):
        values = np.asarray(reader.read(name)[train], np.float32).astype(np.float64)
        assert facts.fields[name].mean == pytest.approx(values.mean(), rel=1e-6, abs=1e-9)
        assert facts.fields[name].std == pytest.approx(values.std(), rel=1e-6)


def test_classes_are_counted_by_split():
    """Counts of a class over the splits add up to its samples, missing labels counted apart."""
    source = {"type": "simulated", "name": "pain", "samples": 200, "missing": 0.2}
    facts = gather("data", dataset(source, split={"val": 0.2, "test": 0.2, "by": "subject"}), 0)
    labels = gather_labels(source)
    counts = np.sum([facts.fields["pain_level"].counts[name] for name in facts.splits], axis=0)
    assert counts.tolist() == [int((labels == level).sum()) for level in range(5)]
    assert sum(facts.missing["pain_level"].values()) == int((labels == -1).sum())
    assert sum(facts.splits.values()) == facts.num_samples == 200


def gather_labels(source):
    return parser.parse("sources", source).open().read("pain_level")


def test_groups_without_shares_hold_a_tenth_out():
    """`split: {by: subject}` says how to split, not that nothing is held out."""
    source = {"type": "simulated", "name": "pain", "samples": 100, "subjects": 20}
    assert gather("data", dataset(source, split={"by": "subject"}), 0).splits == {"train": 90, "val": 10}


def test_a_limit_uses_so_many_samples_of_everywhere():
    """`limit` takes a sample of the rows keyed by the seed, not the first ones."""
    source = {"type": "simulated", "name": "regression", "samples": 500}
    first, again, other = (
        gather("data", dataset(source, limit=50), seed).fields["target"].mean for seed in (0, 0, 1)
    )
    assert first == again != other
    assert gather("data", dataset(source, limit=50), 0).num_samples == 50


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_too_few_samples_to_hold_any_out_are_an_error(samples):
    """Where the share of validation rounds to no sample, the finding says so."""
    block = dataset({"type": "simulated", "name": "regression", "samples": samples})
    assert problems_of(block) == [("DAT314", "split")]


def test_one_sample_can_be_trained_on():
    """With nothing held out, a single sample is a data set."""
    block = dataset({"type": "simulated", "name": "regression", "samples": 1}, split={"val": 0})
    assert gather("data", block, 0).splits == {"train": 1}


def test_facts_are_read_again_when_the_file_changes(tmp_path):
    """The fingerprint follows the file."""
    fields = {"x": {"type": "number"}}
    first = gather("data", table(tmp_path, "x\n" + "1\n" * 20, fields), 0)
    second = gather("data", table(tmp_path, "x\n" + "1\n" * 21, fields), 0)
    assert (first.num_samples, second.num_samples) == (20, 21)
    assert first.fingerprint != second.fingerprint


def test_a_damaged_cache_is_read_over(tmp_path, monkeypatch):
    """Facts that are not what was written are gathered anew, and said."""
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    block = table(tmp_path, "x\n" + "1\n" * 20, {"x": {"type": "number"}})
    facts = gather("data", block, 0)
    (file,) = (tmp_path / "cache" / "facts").iterdir()
    file.write_text(file.read_text().replace('"num_samples":20', '"num_samples":30'))
    with pytest.warns(UserWarning, match="a damaged entry of the cache"):
        assert gather("data", block, 0) == facts


def test_a_file_of_the_same_size_and_time_is_read_again(tmp_path):
    """Facts go by inode and time of change too: a file put in another's place is other data, the plan's or not."""
    block = table(tmp_path, "x\n" + "1\n" * 20, {"x": {"type": "number"}})
    path = tmp_path / "table.csv"
    before, facts = path.stat(), gather("data", block, 0)
    path.write_text("x\n" + "2\n" * 20)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = gather("data", block, 0)
    assert (facts.fields["x"].mean, found.fields["x"].mean) == (1, 2)
    assert found.fingerprint == facts.fingerprint  # copies on other machines have the same plan


def test_images_that_a_table_names_are_read_again_when_they_are_others(tmp_path):
    """Facts and decoded samples go by the images too, not by the table alone."""
    from PIL import Image

    from declare.data.store.split_arrays import Table
    from tests.data.store.test_split_arrays import planned

    rows = []
    for number in range(8):
        Image.new("L", (6, 6), number).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number % 2}\n")
    fields = {"image": {"type": "image"}, "y": {"type": "category"}}
    block = table(tmp_path, "image,y\n" + "".join(rows), fields, cache="disk", split={"val": 0.25})
    before = np.array(Table.open(planned(block), "train", {}).array("image"))
    for number in range(8):
        Image.new("L", (6, 6), 200).save(tmp_path / f"{number}.png")
    after = np.array(Table.open(planned(block), "train", {}).array("image"))
    assert before.max() < 8
    assert (after == 200).all()
    for number in range(8):
        Image.new("L", (4, 4), 200).save(tmp_path / f"{number}.png")
    assert gather("data", block, 0).fields["image"].shape.dims == (1, 4, 4)


def test_a_second_reading_needs_no_numpy(tmp_path):
    """Facts that are kept come back without numpy, polars or the data's own library."""
    (tmp_path / "table.csv").write_text("x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(30)))
    code = f"""
import sys
from declare.parsing import parser
from declare.data.facts.facts import gather
from declare.language.spec import Dataset
for source in ({{"type": "csv", "path": {str(tmp_path / "table.csv")!r}}},
               {{"type": "sklearn", "name": "iris"}},
               {{"type": "simulated", "name": "pain"}}):
    fields = {{"x": {{"type": "number"}}, "y": {{"type": "category"}}}} if source["type"] == "csv" else {{}}
    block, problems = parser.read(Dataset, {{"source": source, "fields": fields}})
    assert not problems
    gather("data", block, 0)
print(*(name for name in ("numpy", "polars", "sklearn") if name in sys.modules))
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert runs == [["numpy", "polars", "sklearn"], []]


def test_pixels_are_counted_by_class():
    """Class counts of masks are pixels, by split: what balanced weights are made of."""
    source = {"type": "simulated", "name": "segmentation", "samples": 20, "size": 8, "classes": 3}
    facts = gather("data", dataset(source, split={"val": 0.25}), 0)
    masks = parser.parse("sources", source).open().read("mask")
    counts = np.sum([facts.fields["mask"].counts[name] for name in ("train", "val")], axis=0)
    assert counts.tolist() == np.bincount(masks.reshape(-1), minlength=3).tolist()


def test_a_file_of_a_split_that_lacks_a_column_is_named(tmp_path):
    """The finding says which file has no such column, not that the source has none."""
    (tmp_path / "val.csv").write_text("y\n1\n")
    block = table(tmp_path, "x,y\n1,2\n", {"x": {"type": "number"}}, split={"val": str(tmp_path / "val.csv")})
    with pytest.raises(ProblemError) as caught:
        gather("data", block, 0)
    assert caught.value.problem.title == "the file of `val` has no column `x`"


def test_a_file_of_a_split_that_is_not_there(tmp_path):
    """The finding stands at the split that names it."""
    block = table(tmp_path, "x\n1\n", {"x": {"type": "number"}}, split={"val": str(tmp_path / "none.csv")})
    assert problems_of(block) == [("DAT312", "split.val")]


def test_ids_are_counted_by_split(tmp_path):
    """Facts say how many samples of each name stand in each split."""
    text = "who,part\na,train\na,train\nb,train\nb,val\n"
    fields = {"who": {"type": "id"}, "part": {"type": "category"}}
    facts = gather("data", table(tmp_path, text, fields, split={"column": "part"}), 0)
    assert facts.fields["who"].counts == {"train": (2, 1), "val": (0, 1)}


def lines(tmp_path, rows, field):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(f'{{"s": {row}}}\n' for row in rows))
    return dataset({"type": "jsonl", "path": str(path)}, fields={"s": field})


def test_lengths_that_differ_are_known(tmp_path):
    """Series of several lengths have none in their shape; the facts keep the shortest and the longest."""
    facts = gather("data", lines(tmp_path, ["[1, 2]", "[1, 2, 3]"] * 10, {"type": "series"}), 0)
    assert facts.fields["s"].shape.dims == (1, None)
    assert facts.fields["s"].extra == {"lengths": [2, 3]}


def test_gaps_in_series_of_several_lengths_are_counted(tmp_path):
    """A NaN inside of a sample is missing although the samples are padded with NaN too."""
    facts = gather("data", lines(tmp_path, ["[1, NaN]", "[1, 2, 3]"] * 10, {"type": "series"}), 0)
    assert facts.fields["s"].num_missing == 10


def test_a_mask_of_more_classes_stands_at_its_field(tmp_path):
    """Masks that hold other values than are stated are reported at the field, not at the source."""
    np.savez(tmp_path / "x.npz", mask=np.ones((20, 4, 4), np.uint8) * 3)
    source = {"type": "npz", "path": str(tmp_path / "x.npz")}
    assert problems_of(dataset(source, fields={"mask": {"type": "mask", "classes": {"a": 0, "b": 1}}})) == [
        ("DAT301", "fields.mask.classes")
    ]


@pytest.mark.parametrize("key", ["by", "stratify"])
def test_an_array_splits_nothing(tmp_path, key):
    """Rows of several numbers are no groups and no classes."""
    np.savez(tmp_path / "rows.npz", x=np.ones((20, 3)))
    block = dataset(
        {"type": "npz", "path": tmp_path / "rows.npz"},
        fields={"x": {"type": "vector"}},
        split={"val": 0.2, key: "x"},
    )
    assert problems_of(block) == [("DAT313", f"split.{key}")]


def test_names_of_files_are_all_counted(tmp_path):
    """A field of names is read whole, also where its column would be decoded for images."""
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for row in range(40):
            Image.new("L", (2, 2)).save(tmp_path / name / f"{row}.png")
    block = dataset({"type": "image_folder", "path": tmp_path}, fields={"image": {"type": "id"}})
    facts = gather("d", block, 0).fields["image"]
    assert len(facts.classes) == 80
    assert sum(sum(row) for row in facts.counts.values()) == 80
