"""Threat model, line "checkpoints": weights are read without running anything, and no more than their file says."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from declare.nn.weight_files import UnreadableError, read_tensors

REFUSED = pytest.raises(UnreadableError)


class Payload:
    """Unpickled, it would leave a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


@pytest.mark.parametrize("nested", [True, False])
def test_a_payload_in_a_torch_file_never_runs(tmp_path, nested):
    """A pickle that would run code is refused, whatever stands beside it."""
    payload = Payload(tmp_path / "mark")
    torch.save({"a": torch.ones(2), "b": payload} if nested else payload, tmp_path / "w.pt")
    with REFUSED:
        read_tensors(tmp_path / "w.pt")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_bare_pickle_never_runs(tmp_path, protocol):
    """Nor does one without an archive around it, by any name."""
    for name in ("w.pt", "w.bin", "w.ckpt", "w.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Payload(tmp_path / "mark"), protocol))
        with REFUSED:
            read_tensors(tmp_path / name)
    assert not (tmp_path / "mark").exists()


def test_a_packed_archive_is_refused_before_it_is_unpacked(tmp_path):
    """A .pt file whose entries are deflated may be a bomb; torch itself never writes one."""
    torch.save({"a": torch.zeros(1000)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    with pytest.raises(UnreadableError, match="packed"):
        read_tensors(tmp_path / "w.pt")
    assert read_tensors(tmp_path / "plain.pt")["a"].shape == (1000,)


def test_tensors_that_share_their_numbers_do_not_outgrow_the_file(tmp_path):
    """A view of one number as a billion is refused before anybody copies it."""
    torch.save({"a": torch.zeros(1).expand(1_000_000_000)}, tmp_path / "w.pt")
    with pytest.raises(UnreadableError, match="tensors need"):
        read_tensors(tmp_path / "w.pt")


def _lying(path: Path, header: object, data: bytes = b"\0" * 8, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)


def _tensor(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


LIES = {
    "huge header": ({}, {"length": 1 << 62}),
    "no header": (b"", {"length": 100}),
    "overlap": ({"a": _tensor([2], 0, 8), "b": _tensor([2], 0, 8)}, {}),
    "gap": ({"a": _tensor([1], 4, 8)}, {}),
    "shape": ({"a": _tensor([1 << 40], 0, 8)}, {}),
    "dtype": ({"a": _tensor([2], 0, 8, "F64")}, {}),
    "unknown dtype": ({"a": _tensor([2], 0, 8, "O")}, {}),
    "negative": ({"a": _tensor([-2], 8, 0)}, {}),
    "past the end": ({"a": _tensor([4], 0, 16)}, {}),
    "rest": ({"a": _tensor([1], 0, 4)}, {}),
    "no numbers": ({"a": _tensor([True, 2.0], 0, 8)}, {}),
    "list": ([], {}),
    "deep": (b"[" * 200_000, {}),
    "no JSON": (b"{", {}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(tmp_path, lie):
    """Header lengths, offsets, shapes and types of .safetensors must agree with each other and with the file."""
    header, options = LIES[lie]
    _lying(tmp_path / "w.safetensors", header, **options)
    with REFUSED:
        read_tensors(tmp_path / "w.safetensors")


def test_an_honest_header_is_read(tmp_path):
    """The same frame with a true header gives its tensor."""
    _lying(tmp_path / "w.safetensors", {"a": _tensor([2], 0, 8)})
    assert read_tensors(tmp_path / "w.safetensors")["a"].tolist() == [0.0, 0.0]


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    """A pipe in the place of weights is refused at once."""
    os.mkfifo(tmp_path / "w.pt")
    with pytest.raises(UnreadableError, match="regular"):
        read_tensors(tmp_path / "w.pt")
