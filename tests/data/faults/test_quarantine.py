"""Data that fail or change in the course of a run."""

import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from declare.components.fields import _images
from declare.contract.problem import ProblemError
from declare.data.faults.file_stamps import Ledger, Stamps
from declare.data.faults.quarantine import QUARANTINE, Quarantine, SkippedSample
from declare.data.read import prefetch
from declare.lowering.data.loader import evaluation_batches
from declare.lowering.data.tables import Tables
from declare.nn.distributed.process_group import ProcessGroup
from tests.data.store.test_split_arrays import broken, dataset, images, planned

__all__ = ["images"]
NAME = "pics"


class Spec:
    """As much of a plan as tables and their batches ask for."""

    seed = 0
    hardware = SimpleNamespace(workers=2, determinism="fast")

    def __init__(self, data):
        self.datasets = {NAME: data}


def opened(folder, place, **keys):
    keys = {"cache": "none", "split": {"val": 0.25}} | keys
    plan = planned(dataset({"type": "image_folder", "path": str(folder)}, **keys))
    tables = Tables(Spec(plan), {}, place)
    return tables, tables.table(NAME, "train")


SKIP = {"action": "skip", "limit": 3}


def victims(table, count):
    """Return the files of the first training samples."""
    return [where for _, where in table.where(np.arange(count))]


def test_the_finding_names_dataset_sample_path_and_what_became_of_the_file(images, tmp_path):
    """An image that is cut off while the run reads is told with everything that is known of it."""
    _, table = opened(images, tmp_path)
    [(row, where)] = table.where(np.arange(1))
    os.truncate(images / where, 20)
    with pytest.raises(ProblemError) as caught:
        table.sound(["image"], np.arange(8))
    problem = caught.value.problem
    assert problem.code == "DAT311"
    assert f"sample {row} of `{NAME}`: {where}" in problem.notes
    assert any("when the run began and has 20 now" in note for note in problem.notes)


def test_a_sample_that_fails_late_is_replaced_alike_and_kept_in_the_list(images, tmp_path):
    """The batch keeps its size; a run that goes on takes the same substitute, even if the file is whole again."""
    tables, table = opened(images, tmp_path, on_corrupt=SKIP)
    where = victims(table, 1)[0]
    whole = (images / where).read_bytes()
    stat = (images / where).stat()
    os.truncate(images / where, 20)
    heard = []
    tables.on_skipped_sample(lambda name, item: heard.append((name, item.where, item.late)))
    positions, found = table.sound(["image"], np.arange(8))
    tables.report()
    tables.report()
    assert heard == [(NAME, where, True)]
    assert len(positions) == 8 == len(found["image"])
    assert positions[0] != 0
    np.testing.assert_array_equal(positions[1:], np.arange(1, 8))
    (images / where).write_bytes(whole)
    os.utime(images / where, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again, table = opened(images, tmp_path, on_corrupt=SKIP)
    np.testing.assert_array_equal(table.sound(["image"], np.arange(8))[0], positions)
    again.on_skipped_sample(lambda *_: heard.append("told twice"))
    again.report()
    assert len(heard) == 1
    assert where in (tmp_path / QUARANTINE).read_text()


def test_an_evaluation_loses_a_sample_that_fails_late(images, tmp_path):
    """No other sample counts twice in a metric."""
    tables, _ = opened(images, tmp_path, on_corrupt=SKIP)
    table = tables.table(NAME, "val")
    broken(images, victims(table, 2)[1])
    positions, found = table.sound(["image"], np.arange(5))
    assert positions.tolist() == [0, 2, 3, 4]
    assert len(found["image"]) == 4


def test_more_late_failures_than_the_limit_stop_the_run_with_all_of_them(images, tmp_path):
    """Samples that fail one after another count together."""
    _, table = opened(images, tmp_path, on_corrupt=SKIP)
    names = victims(table, 4)
    broken(images, *names[:3])
    table.sound(["image"], np.arange(8))
    broken(images, names[3])
    with pytest.raises(ProblemError) as caught:
        table.sound(["image"], np.arange(8))
    assert caught.value.problem.code == "DAT332"
    assert sorted(note.partition(":")[0] for note in caught.value.problem.notes) == sorted(names)


def test_a_file_written_anew_stops_the_run_even_if_it_can_be_read(images, tmp_path):
    """`skip` is for what cannot be read; other data than the run began with are no sample of it."""
    _, table = opened(images, tmp_path, on_corrupt=SKIP)
    one, other = victims(table, 2)
    (images / one).write_bytes((images / other).read_bytes() + b"\0")
    with pytest.raises(ProblemError) as caught:
        table.sound(["image"], np.arange(8))
    assert caught.value.problem.code == "DAT374"
    assert one.rpartition("/")[2] in caught.value.problem.title


def test_a_file_that_was_only_touched_is_the_same(images, tmp_path):
    """Content of small data is known by its hash."""
    _, table = opened(images, tmp_path)
    os.utime(images / victims(table, 1)[0], (1, 1))
    assert len(table.sound(["image"], np.arange(8))[0]) == 8


def test_stamps_say_what_differs(tmp_path):
    """Gone, of another size, of other content and new: each is said by name."""
    for name in ("gone", "grown", "other", "same"):
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / f"{name}.png").write_bytes(b"12345678")
    source = {"type": "image_folder", "path": str(tmp_path)}
    stamps = Stamps.from_json(Stamps.of(source, {}).plain())
    (tmp_path / "c" / "gone.png").unlink()
    (tmp_path / "c" / "grown.png").write_bytes(b"123456789")
    (tmp_path / "c" / "other.png").write_bytes(b"87654321")
    os.utime(tmp_path / "c" / "other.png", (1, 1))
    said = {path.rpartition("/")[2]: how for path, how in stamps.differences()}
    assert said.keys() == {"gone.png", "grown.png", "other.png"}
    assert "is gone" in said["gone.png"]
    assert "had 8 bytes when the run began and has 9 now" in said["grown.png"]
    assert "other content" in said["other.png"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"pics": {"data": 1}}', '{"pics": {"data": "x", "samples": [{}]}}']
)
def test_a_damaged_list_is_a_finding(tmp_path, text):
    """What was left out, and of which data, is read back as it was written or not at all."""
    (tmp_path / QUARANTINE).write_text(text)
    (tmp_path / "data.json").write_text(text)
    for reader in (Quarantine, Ledger):
        with pytest.raises(ProblemError) as caught:
            reader(tmp_path)
        assert caught.value.problem.code == "RES823"


@pytest.mark.parametrize("where", ["memory", "none"])
def test_a_read_that_hangs_is_told_with_its_sample_and_the_stacks(images, tmp_path, monkeypatch, where):
    """Decoding a whole dataset or a batch of it: the run is given up, and what every thread did is kept."""
    tables, table = opened(images, tmp_path, cache=where)
    [(row, name)] = table.where(np.array([5]))
    gate, before = threading.Event(), _images._open

    def blocked(value, number):
        if str(value).endswith(name):
            gate.wait()
        return before(value, number)

    monkeypatch.setattr(_images, "_open", blocked)
    monkeypatch.setattr(prefetch, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(prefetch, "_SUSPECT_SECONDS", 0.2)
    monkeypatch.setattr("declare.lowering.data.columns.used_fields", lambda *_: ["image"])
    with pytest.raises(ProblemError) as caught:
        list(evaluation_batches(tables, NAME, "train", 8, torch.device("cpu")))
    gate.set()
    assert caught.value.problem.code == "DAT375"
    assert f"sample {row} of `{NAME}`" in caught.value.problem.title
    assert f"sample {row}: {name}" in caught.value.problem.notes
    [stacks] = tmp_path.glob("stacks-*.txt")
    assert "in blocked" in stacks.read_text()


class Pair(ProcessGroup):
    """Two processes of which the other one says what it is told to say."""

    size = 2

    def __init__(self, other):
        self._other = other

    def all_gather_object(self, value):
        return [value, self._other]


def another(tables):
    """Return the tables of a process that may not write into the run folder, and its training samples."""
    others = Tables(tables.plan, {}, None, tables.stamps())
    return others, others.table(NAME, "train")


def test_what_one_process_cannot_read_stands_in_the_list_of_the_run(images, tmp_path):
    """The leading process hears of a sample that only another one met, once, and keeps it."""
    tables, table = opened(images, tmp_path, on_corrupt=SKIP)
    others, theirs = another(tables)
    where = victims(table, 1)[0]
    os.truncate(images / where, 20)
    theirs.sound(["image"], np.arange(8))
    heard = []
    tables.on_skipped_sample(lambda name, item: heard.append((name, item.where, item.late)))
    for _ in range(2):
        tables.sync_skipped_samples(Pair(others._quarantine.late_samples()))
        tables.report()
    assert heard == [(NAME, where, True)]
    assert where in (tmp_path / QUARANTINE).read_text()


def test_data_that_were_away_for_a_while_can_be_read_again(images, tmp_path):
    """Where all of a batch is away the run ends; its list keeps none of them, so that it goes on when they are back."""
    tables, table = opened(images, tmp_path, on_corrupt={"action": "skip", "limit": 3})
    images.rename(tmp_path / "away")
    with pytest.raises(ProblemError) as caught:
        table.sound(["image"], np.arange(8))
    assert caught.value.problem.code == "DAT332"
    (tmp_path / "away").rename(images)
    _, again = opened(images, tmp_path, on_corrupt={"action": "skip", "limit": 3})
    positions, _ = again.sound(["image"], np.arange(8))
    assert list(positions) == list(range(8))
    assert not tables._quarantine.late_samples().get(NAME)


def test_a_batch_of_an_evaluation_may_be_lost_whole_but_not_its_split(images, tmp_path):
    """No sample of it is left, in the form of samples; where none of the split is, that is an error by its name."""
    tables, _ = opened(images, tmp_path, on_corrupt={"action": "skip", "limit": 40})
    table = tables.table(NAME, "val")
    places = np.arange(table.num_samples)
    for _, where in table.where(places[:2]):
        os.truncate(images / where, 20)
    positions, found = table.sound(["image"], places[:2])
    assert not len(positions)
    assert found["image"].shape == (0, *table.sound(["image"], places[2:])[1]["image"].shape[1:])
    for _, where in table.where(places[2:]):
        os.truncate(images / where, 20)
    with pytest.raises(ProblemError, match="none of the samples of `val`"):
        table.sound(["image"], places)


def test_the_limit_holds_for_all_processes_together(images, tmp_path):
    """Samples that several processes could not read, few enough for each alone, end the run in each."""
    tables, table = opened(images, tmp_path, on_corrupt={"action": "skip", "limit": 2})
    others, _ = another(tables)
    for index, (row, where) in enumerate(table.where(np.arange(4))):
        found = SkippedSample("train", row, where, "cut off", late=True)
        (tables, others)[index % 2]._quarantine.add(NAME, found)
    tables.sync_skipped_samples(Pair({}))
    for one, other in ((tables, others), (others, tables)):
        with pytest.raises(ProblemError) as caught:
            one.sync_skipped_samples(Pair(other._quarantine.late_samples()))
        assert caught.value.problem.code == "DAT332"
        assert "4 unreadable samples" in caught.value.problem.title


def test_every_process_sees_that_a_file_was_written_anew(images, tmp_path):
    """Stamps of the run's beginning are handed to processes that do not keep them."""
    tables, table = opened(images, tmp_path, on_corrupt=SKIP)
    _, theirs = another(tables)
    one, other = victims(table, 2)
    (images / one).write_bytes((images / other).read_bytes() + b"\0")
    with pytest.raises(ProblemError) as caught:
        theirs.sound(["image"], np.arange(8))
    assert caught.value.problem.code == "DAT374"


def test_a_file_of_arrays_that_is_cut_off_is_not_read_as_zeros(tmp_path):
    """HDF5 gives zeros for what lies behind the end of a file: also columns that are small are looked after."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "data.hdf5"
    with h5py.File(path, "w") as file:
        file["x"] = np.ones((4000, 3))
        file["kind"] = np.arange(4000) % 2
    fields = {"x": {"type": "vector"}, "kind": {"type": "category"}}
    plan = planned(dataset({"type": "hdf5", "path": str(path)}, fields=fields, split={"val": 0.25}))
    table = Tables(Spec(plan), {}, tmp_path).table(NAME, "val")
    os.truncate(path, 8000)
    for field in fields:
        with pytest.raises(ProblemError) as caught:
            table.array(field)
        assert caught.value.problem.code == "DAT374"


def test_the_list_of_the_beginning_is_written_whole(images, tmp_path):
    """A run that was killed before it looked at a split finds what cannot be read in it all the same."""
    names = ["light/00.png", "dark/01.png", "light/02.png", "dark/03.png", "light/04.png", "dark/05.png"]
    broken(images, *names)
    keys = {"on_corrupt": {"action": "skip", "limit": 6}}
    _, table = opened(images, tmp_path, **keys)
    assert 0 < len(table.skipped_samples) < len(names)
    again, _ = opened(images, tmp_path, **keys)
    assert len(again.pool(NAME).unreadable) == len(names)
