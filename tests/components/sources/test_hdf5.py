"""HDF5 files: what they give, and that nothing outside the file is ever read."""

import contextlib

import h5py
import numpy as np
import pytest

from declare.contract.problem import ProblemError
from declare.data.read.raw_values import with_reading_told
from declare.parsing import parser


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
    return parser.parse("sources", {"type": "hdf5", "path": path, **settings}).open()


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


def stored(path, values, **attributes):
    """Write a column with attributes."""
    with h5py.File(path, "w") as file:
        file["x"] = np.asarray(values)
        file["x"].attrs.update(attributes)
    return path


I2, F4 = np.int16, np.float32
PACKED = {
    "scale": (I2([10, 25]), {"scale_factor": 0.1, "add_offset": np.array([5.0])}, [6.0, 7.5]),
    "fill": (I2([10, -999]), {"_FillValue": I2(-999), "scale_factor": 0.5}, [5.0, np.nan]),
    "several": (F4([1.5, -9.9, -8]), {"missing_value": np.array([-9.9, -8])}, [1.5, np.nan, np.nan]),
    "whole": (I2([3, -1, 5]), {"_FillValue": I2([-1])}, [3, None, 5]),
    "no gap": (I2([3, 5]), {"_FillValue": I2(-1)}, [3, 5]),
    "range": (I2([1, 9, 4]), {"valid_range": I2([2, 5]), "scale_factor": 2.0}, [np.nan, np.nan, 8.0]),
    "limits": (F4([1, 9, 4]), {"valid_min": 2, "valid_max": 5}, [np.nan, np.nan, 4.0]),
    "unsigned": (np.int8([-1, 1]), {"_Unsigned": "true"}, [255, 1]),
    "unsigned gap": (np.int8([-1, 1]), {"_Unsigned": "true", "_FillValue": np.int8(-1)}, [None, 1]),
    "unsigned range": (
        np.int8([-56, -55, 1]),
        {"_Unsigned": "true", "valid_range": np.int8([0, -56]), "scale_factor": 0.5},
        [100, np.nan, 0.5],
    ),
    "images": (I2([[1, -1], [3, 4]]), {"_FillValue": I2(-1)}, [[1, np.nan], [3, 4]]),
    "nan": (F4([1, np.nan]), {"_FillValue": F4(np.nan)}, [1, np.nan]),
}


@pytest.mark.parametrize(("values", "attributes", "meant"), PACKED.values(), ids=PACKED)
def test_attributes_of_netcdf_say_what_numbers_mean(values, attributes, meant, tmp_path):
    """Columns are what stored values stand for, as in xarray and netCDF4, whichever rows are asked for."""
    path = stored(tmp_path / "x.h5", values, **attributes)
    reader = opened(path)
    np.testing.assert_array_equal(reader.read("x"), meant)
    np.testing.assert_array_equal(reader.read("x", np.array([1])), meant[1:2])
    np.testing.assert_array_equal(opened(path, mask_and_scale=False).read("x"), values)


@pytest.mark.parametrize(
    "attributes",
    [{"scale_factor": [0.1, 0.2]}, {"add_offset": "5"}, {"scale_factor": 0.0}, {"_FillValue": "x"}],
)
def test_attributes_that_are_not_clear_are_refused(attributes, tmp_path):
    """The finding says how to read the column without them."""
    found = problem(stored(tmp_path / "x.h5", I2([1, 2]), **attributes))
    assert found.code == "DAT333"
    assert "mask_and_scale: false" in found.notes[0]


def test_what_attributes_make_of_numbers_is_said(tmp_path):
    """Plans show scale, offset and gaps of a column, and nothing of one without attributes."""
    attributes = {"scale_factor": 0.01, "add_offset": -5.0, "_FillValue": I2(-1), "valid_max": 90}
    reader = opened(stored(tmp_path / "x.h5", I2([1, 2]), **attributes))
    said = "stored numbers * 0.01 - 5, gaps where -1 is stored, gaps outside -inf to 90"
    assert reader.read_as("x") == said
    assert opened(stored(tmp_path / "y.h5", I2([1, 2]))).read_as("x") == ""


def test_an_image_with_gaps_names_the_setting_that_reads_it_as_it_is_stored(tmp_path):
    """What is wrong with a column whose stored numbers are not its values says so, and how to change it."""
    place = stored(
        tmp_path / "x.h5", np.where(np.eye(4, dtype=bool), -9, 7).astype(I2)[None], _FillValue=I2(-9)
    )
    reader = opened(place)
    with pytest.raises(ProblemError) as caught:
        parser.parse("fields", {"type": "image"}).infer_facts(reader.read("x"))
    told = with_reading_told(caught.value.problem, reader, "x")
    assert told.code == "DAT390"
    assert told.notes[-1] == "its source reads it so: gaps where -9 is stored"
    assert "`mask_and_scale: false`" in told.helps[-1]
    plain = opened(stored(tmp_path / "y.h5", I2([1, 2])))
    assert with_reading_told(caught.value.problem, plain, "x") == caught.value.problem


def test_texts_that_stand_for_nothing_are_gaps(tmp_path):
    """A fill value may be a text."""
    path = stored(tmp_path / "x.h5", np.array([b"a", b"-"]), _FillValue=b"-")
    assert opened(path).read("x") == ["a", None]


def test_what_is_no_column_is_counted(tmp_path):
    """Scalars, tables, references, and coordinates of other axes than the samples'."""
    path = stored(tmp_path / "x.h5", np.zeros((4, 2)))
    with h5py.File(path, "a") as file:
        file["scalar"] = 3
        file["table"] = np.zeros(4, [("a", "i4"), ("b", "f4")])
        file.create_dataset("refs", data=[file["x"].ref] * 4, dtype=h5py.ref_dtype)
        for name, size in (("time", 4), ("lat", 2)):
            file[name] = np.arange(size)
            file[name].make_scale(name)
        file["level"] = np.zeros(9)
        file["level"].make_scale("This is a netCDF dimension but not a netCDF variable.         9")
    reader = opened(path)
    assert reader.columns == ("time", "x")
    assert reader.passed_over == {
        "coordinates of other axes": 1,
        "dimensions without values": 1,
        "references": 1,
        "scalars": 1,
        "tables of several types": 1,
    }


def test_a_number_with_a_name_is_its_name(tmp_path):
    """The names of an enumeration are the texts of its values; `mask_and_scale: false` gives the numbers."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        kind = h5py.enum_dtype({"red": 0, "blue": 5}, "i1")
        file.create_dataset("x", data=np.int8([5, 0, 5]), dtype=kind)
        file.create_dataset("y", data=np.int8([5, 0, 1]), dtype=kind)
    reader = opened(path)
    assert reader.read("x") == ["blue", "red", "blue"]
    assert reader.read_as("x") == "names of stored numbers"
    assert opened(path, mask_and_scale=False).read("x").tolist() == [5, 0, 5]
    with pytest.raises(ProblemError) as caught:
        reader.read("y")
    assert caught.value.problem.code == "DAT311"


def test_what_was_never_written_is_said(tmp_path):
    """Blocks that a file does not hold read as the fill value, which looks like data."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (40,), "f4", fillvalue=-9, chunks=(10,))[:10] = 1
        file.create_dataset("y", (40,), "f4")
        file["z"] = np.ones(40)
    reader = opened(path)
    assert reader.read_as("x") == "75% was never written and reads as -9.0"
    assert reader.read_as("y") == "100% was never written and reads as 0.0"
    assert reader.read_as("z") == ""


def test_no_byte_of_a_header_ends_in_a_bug(tmp_path):
    """Whatever one byte of the file's structures is changed to, the file is read or refused."""
    path = stored(tmp_path / "x.h5", np.arange(4.0), scale_factor=2.0)
    content = path.read_bytes()
    draw = np.random.default_rng(0)
    for place in draw.integers(0, len(content), 400):
        path.write_bytes(content[:place] + draw.bytes(1) + content[place + 1 :])
        with contextlib.suppress(ProblemError):
            reader = opened(path)
            for column in reader.columns:
                reader.read(column)
