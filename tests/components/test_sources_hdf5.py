"""HDF5 files: what they give, and that nothing outside the file is ever read."""

import h5py
import numpy as np
import pytest

from declare.contract import reading
from declare.contract.problem import ProblemError


@pytest.fixture
def path(tmp_path):
    """A file with signals, labels and names in a group, and a scalar beside them."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["version"] = 3
        trials = file.create_group("trials")
        trials["signal"] = np.arange(60, dtype=np.float32).reshape(10, 2, 3)
        trials["label"] = np.arange(10) % 2
        trials.create_dataset("name", data=[f"s{i}" for i in range(10)], dtype=h5py.string_dtype())
        trials["more/depth"] = np.linspace(0, 1, 10)
    return path


def opened(path, **settings):
    """Return a reader."""
    return reading.parse("sources", {"type": "hdf5", "path": path, **settings}).open()


def problem(path, **settings):
    """Return the problem that opening ends in."""
    with pytest.raises(ProblemError) as caught:
        opened(path, **settings)
    return caught.value.problem


def test_columns_are_the_datasets_by_path(path):
    """Datasets of inner groups are columns too, scalars are not."""
    reader = opened(path)
    assert set(reader.columns) == {"trials/signal", "trials/label", "trials/name", "trials/more/depth"}
    assert reader.num_samples == 10
    assert set(opened(path, group="trials").columns) == {"signal", "label", "name", "more/depth"}


@pytest.mark.parametrize("rows", [[3], [7, 2, 2, 9], [0, 9], list(range(9, -1, -1)), []])
def test_rows_come_in_the_order_asked_for(path, rows):
    """Any rows, twice or backwards, are those of the whole column."""
    reader = opened(path, group="trials")
    whole = reader.read("signal")
    np.testing.assert_array_equal(reader.read("signal", np.array(rows, int)), whole[np.array(rows, int)])
    assert reader.read("name", np.array(rows, int)) == [f"s{row}" for row in rows]


def test_no_hdf5(tmp_path):
    """Another kind of file, a cut one and a group that is not there are DAT333."""
    other = tmp_path / "x.h5"
    other.write_bytes(b"no hdf5")
    assert problem(other).code == "DAT333"


def test_a_cut_file_and_a_wrong_group(path):
    """A cut file and a group that is not there are DAT333."""
    assert problem(path, group="nothing").code == "DAT333"
    path.write_bytes(path.read_bytes()[:-200])
    assert problem(path).code in {"DAT333", "DAT302"}


def test_columns_of_other_lengths(path):
    """Datasets that do not agree in their samples are DAT317."""
    with h5py.File(path, "a") as file:
        file["trials/short"] = np.zeros(4)
    assert problem(path, group="trials").code == "DAT317"


def test_nothing_outside_the_file_is_read(path, tmp_path):
    """Links into other files and raw data of other files are DAT335."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"0123456789")
    with h5py.File(path, "a") as file:
        file["trials/link"] = h5py.ExternalLink("other.h5", "/x")
    assert problem(path).code == "DAT335"
    with h5py.File(path, "a") as file:
        del file["trials/link"]
        space = [(str(secret), 0, 10)]
        file.create_dataset("trials/raw", shape=(10,), dtype="u1", external=space)
    assert problem(path).code == "DAT335"


@pytest.mark.parametrize("link", [lambda file: h5py.SoftLink("/"), lambda file: file["/"]])
def test_a_loop_of_links_ends(path, link):
    """A link back to the top is refused instead of followed for ever."""
    with h5py.File(path, "a") as file:
        file["trials/again"] = link(file)
    assert problem(path).code == "DAT335"
