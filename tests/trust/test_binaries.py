"""Threat model, lines "HDF5", "`datasets`" and "memory": values that share their bytes, or that take none at all."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from declare.components.sources import _arrow_limits
from declare.components.sources._json_objects import Room
from declare.components.sources.hdf5 import Hdf5
from declare.components.sources.huggingface import Huggingface
from declare.components.sources.jsonl import Jsonl
from declare.contract.moments import chunks, moments
from declare.contract.problem import ProblemError
from declare.system import out_of_memory

h5py = pytest.importorskip("h5py")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("datasets")


def read_all(source):
    reader = source.open()
    for column in reader.columns:
        reader.read(column)


def code_of(source):
    """Return the finding of opening a source and reading all of it, with its first note."""
    with pytest.raises(ProblemError) as caught:
        read_all(source)
    return caught.value.problem.code, (*caught.value.problem.notes, "")[0]


# -- HDF5 ---------------------------------------------------------------------------------------------------


def test_groups_that_stand_in_many_groups_are_counted_where_they_stand(tmp_path, monkeypatch):
    """A file of some kB that names a thousand billion datasets is refused after as many names as a file may have."""
    monkeypatch.setattr("declare.components.sources._hdf5._MOST", 500)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        below = file.create_group("g0")
        below["x"] = np.arange(4.0)
        for level in range(1, 13):
            above = file.create_group(f"g{level}")
            for number in range(10):
                above[f"l{number}"] = below
            below = above
    assert code_of(Hdf5(path=tmp_path / "a.h5")) == (
        "DAT333",
        "more than 500 names of datasets and groups",
    )


STREAMS = {
    "too short": zlib.compress(bytes(10)),
    "too long": zlib.compress(bytes(1 << 20)),
    "cut": zlib.compress(bytes(4096))[:-6],
    "deflated twice": zlib.compress(zlib.compress(bytes(4096))),
    "no stream": b"x" * 64,
}


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("shuffle", [False, True])
def test_chunks_hold_what_a_chunk_holds(tmp_path, kind, shuffle):
    """The library reads beyond a stream that ends early, into memory of others: small ones are looked at as well."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        item = file.create_dataset("a", (4096,), "u1", chunks=(4096,), compression="gzip", shuffle=shuffle)
        item.id.write_direct_chunk((0,), STREAMS[kind])
    assert code_of(Hdf5(path=tmp_path / "a.h5"))[0] == "DAT335"


def test_chunks_without_the_filters_of_their_dataset_are_measured(tmp_path):
    """A chunk may say that it was not packed: then it holds a chunk's bytes, or is refused."""
    for name, size in (("whole", 4096), ("short", 100)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            item = file.create_dataset("a", (4096,), "u1", chunks=(4096,), compression="gzip")
            item.id.write_direct_chunk((0,), b"\1" * size, filter_mask=1)
    assert Hdf5(path=tmp_path / "whole.h5").open().read("a").sum() == 4096
    assert code_of(Hdf5(path=tmp_path / "short.h5"))[0] == "DAT335"


FILTERS = {
    "gzip": {"compression": "gzip"},
    "gzip and checksum": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf", "shuffle": True},
    "szip": {"compression": "szip"},
    "scaled": {"scaleoffset": 0},
    "scaled and gzip": {"scaleoffset": 0, "compression": "gzip"},
    "none": {},
}


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("dtype", ["i4", "u1", "f8"])
def test_what_filters_write_is_read(tmp_path, kind, dtype):
    """Numbers come back through every filter of the library, in chunks that the data do not fill."""
    how = FILTERS[kind]
    if how.get("compression") == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("this build has no szip")
    if "scaleoffset" in how and dtype == "f8":
        how = how | {"scaleoffset": 2}
    values = np.random.default_rng(0).integers(0, 99, (50, 7)).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (50, 7), dtype, chunks=(9, 4), **how)[...] = values
        file.create_dataset("s", (50,), h5py.string_dtype(), chunks=(9,), compression="gzip")[...] = [
            "ab"
        ] * 50
    reader = Hdf5(path=tmp_path / "a.h5").open()
    assert np.array_equal(reader.read("a"), values)
    assert np.array_equal(reader.read("a", np.array([48, 3])), values[[48, 3]])
    assert reader.read("s") == ["ab"] * 50


def test_rows_that_memory_cannot_hold_are_refused_unread(tmp_path, monkeypatch):
    """The machine's memory is asked before rows are read."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (2, 40 << 20), "u1", chunks=(1, 1 << 20))
        file["a"][0, : 1 << 20] = 1
    reader = Hdf5(path=tmp_path / "a.h5").open()
    monkeypatch.setattr(out_of_memory, "available_memory", lambda: 50 << 20)
    with pytest.raises(MemoryError, match=r"`a` takes 0.17 GB"):
        reader.read("a")


# -- Arrow and `datasets` -----------------------------------------------------------------------------------


def stream(path, **columns):
    """Write columns as a stream of Arrow."""
    table = pa.table(columns)
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


LABELS = pa.array(["x", "y"] * 2000)
ARROW = {
    "a dictionary of one text": lambda: pa.DictionaryArray.from_arrays(
        np.zeros(4000, np.int32), ["x" * 100_000]
    ),
    "a dictionary of one list": lambda: pa.DictionaryArray.from_arrays(
        np.zeros(4000, np.int32), pa.array([[0.0] * 40_000])
    ),
    "lists of nulls": lambda: pa.ListArray.from_arrays(
        np.arange(4001, dtype=np.int32) * 100_000, pa.nulls(400_000_000)
    ),
    "fixed lists of nothing": lambda: pa.FixedSizeListArray.from_arrays(pa.nulls(400_000_000), 100_000),
    "views of one list": lambda: pa.ListViewArray.from_arrays(
        np.zeros(4000, np.int32), np.full(4000, 9, np.int32), pa.array([0.0] * 9)
    ),
    "runs": lambda: pa.RunEndEncodedArray.from_arrays(pa.array([4000], pa.int32()), pa.array([1.0])),
}


@pytest.mark.parametrize("kind", ARROW)
def test_values_of_arrow_are_counted_where_they_stand(tmp_path, kind):
    """What is stored once and stands for many, or takes no bytes at all, is refused before it is unpacked."""
    stream(tmp_path / "t.arrow", a=ARROW[kind](), label=LABELS)
    assert code_of(Huggingface(path=tmp_path / "t.arrow"))[0] == "DAT333"


def test_plain_columns_of_arrow_are_measured_as_what_they_are():
    """Numbers, texts, lists, structures and gaps count once each."""
    sizes = _arrow_limits.sizes_of
    assert sizes(pa.array([1.0, None])) == (2, 16)
    assert sizes(pa.array(["ab", None, "c"])) == (3, 3)
    assert sizes(pa.array([[1, 2], None, [3]])) == (6, 24)
    assert sizes(pa.array([{"a": 1, "b": "xy"}])) == (3, 10)
    assert sizes(pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8()))) == (3, 2)
    assert sizes(pa.array(["a", "bcd", "a"]).dictionary_encode()) == (3, 5)


@pytest.mark.parametrize("kind", ["alone", "lists"])
def test_texts_that_a_parquet_file_stores_once_are_counted(tmp_path, monkeypatch, kind):
    """In lists as well as alone: the library of the source would write each of them out."""
    import pyarrow.parquet as pq

    monkeypatch.setattr(_arrow_limits, "MOST_BYTES", 1000)
    values = ["x" * 1000] * 800 if kind == "alone" else [["x" * 1000] * 2] * 400
    pq.write_table(pa.table({"a": values, "label": list(LABELS)[: len(values)]}), tmp_path / "t.parquet")
    code, note = code_of(Huggingface(path=tmp_path / "t.parquet"))
    assert code == "DAT333"
    assert "GB of texts and numbers" in note


def saved(folder, name="data.arrow"):
    """Write what `save_to_disk` does, its file under a name."""
    folder.mkdir(parents=True)
    stream(folder / "data.arrow", a=[1.0, 2.0], label=["x", "y"])
    (folder / "dataset_info.json").write_text("{}")
    state = {"_data_files": [{"filename": name}], "_fingerprint": "x", "_format_type": None, "_split": None}
    more = {"_format_columns": None, "_format_kwargs": {}, "_output_all_columns": False}
    (folder / "state.json").write_text(json.dumps(state | more))


def test_a_saved_data_set_names_files_of_its_own_folder_alone(tmp_path):
    """Neither its files nor its splits lead elsewhere."""
    saved(tmp_path / "d")
    assert Huggingface(path=tmp_path / "d").open().num_samples == 2
    saved(tmp_path / "e", "../d/data.arrow")
    assert code_of(Huggingface(path=tmp_path / "e"))[0] == "DAT333"
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "dataset_dict.json").write_text(json.dumps({"splits": ["../d"]}))
    assert code_of(Huggingface(path=tmp_path / "f"))[0] == "DAT333"


def test_images_of_datasets_are_decoded_by_the_field_alone(tmp_path):
    """The library's decoder fetches addresses and runs any decoder: files come as bytes, names as paths."""
    saved(tmp_path / "d")
    values = [
        {"bytes": b"%!PS-Adobe-3.0 EPSF-3.0", "path": None},
        {"bytes": None, "path": "http://[::1]:9/x.png"},
    ]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    stream(tmp_path / "d" / "data.arrow", a=pa.array(values, kind), label=["x", "y"])
    features = {"a": {"_type": "Image"}, "label": {"dtype": "string", "_type": "Value"}}
    (tmp_path / "d" / "dataset_info.json").write_text(json.dumps({"features": features}))
    reader = Huggingface(path=tmp_path / "d").open()
    assert not reader.is_light("a")
    assert reader.read("a") == [values[0]["bytes"], tmp_path / "d" / "http:/[::1]:9/x.png"]
    assert reader.read("a", np.array([0])) == [values[0]["bytes"]]
    assert reader.read("label") == ["x", "y"]


# -- memory -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"a": 1}\n' * 400_000, '{"a": [' + ",".join(["[]"] * 3_000_000) + "]}\n"])
def test_json_that_memory_cannot_hold_is_refused_unread(tmp_path, monkeypatch, text):
    """Lists of empty lists take 24 times their letters: there is room for a piece before it is read."""
    (tmp_path / "t.jsonl").write_text(text)
    monkeypatch.setattr(out_of_memory, "available_memory", lambda: 100 << 20)
    with pytest.raises(MemoryError, match=r"`t.jsonl` takes"):
        Jsonl(path=tmp_path / "t.jsonl").open()


def test_room_for_json_is_asked_for_once_a_piece(monkeypatch):
    """Short lines share one question."""
    asked = []
    monkeypatch.setattr(
        "declare.components.sources._json_objects.require_memory", lambda *words: asked.append(words)
    )
    room = Room("x", 1 << 30)
    for _ in range(100):
        room.require("{}" * (1 << 19))
    assert len(asked) == 13


@pytest.mark.parametrize("shape", [(10,), (900,), (3, 500), (2, 3, 150), (0,)])
def test_moments_of_parts_are_those_of_the_whole(monkeypatch, shape):
    """Large arrays are looked at in parts, which together are the whole."""
    monkeypatch.setattr("declare.contract.moments._PART", 100)
    values = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
    values.reshape(-1)[:1], values.reshape(-1)[1:2] = np.nan, np.inf
    found = moments(values)
    kept = values[np.isfinite(values)].astype(np.float64)
    assert (found.number, found.infinite) == (kept.size, int(values.size > 1))
    assert all(part.size <= 100 for part in chunks(values))
    assert sum(part.size for part in chunks(values)) == values.size
    if kept.size:
        assert (found.minimum, found.maximum) == (kept.min(), kept.max())
        assert found.mean == pytest.approx(kept.mean(), rel=1e-12)
        assert found.std == pytest.approx(kept.std(), rel=1e-12)
