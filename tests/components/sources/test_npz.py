"""Archives of strangers: what their headers may say."""

import zipfile

import numpy as np
import pytest

from declare.components.sources.npz import Npz
from declare.contract.problem import ProblemError


@pytest.mark.parametrize("shape", ["(True, 8)", "(8.0,)", "(-8,)", "8", "(" * 9000 + ")" * 9000])
def test_shapes_that_are_none(tmp_path, shape):
    """A side that is no number, or a header that is too long, is damage, not an array of objects."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("a.npy", array)
    with pytest.raises(ProblemError) as caught:
        Npz(path=tmp_path / "t.npz").open()
    assert caught.value.problem.code == "DAT333"


def test_scalars_and_records_are_counted(tmp_path):
    """They are no columns; that they are left out is said, as with HDF5."""
    records = np.array([(1, 2.0)], [("a", int), ("b", float)])
    np.savez(tmp_path / "t.npz", x=np.arange(3), rate=250.0, table=records)
    reader = Npz(path=tmp_path / "t.npz").open()
    assert tuple(reader.columns) == ("x",)
    assert reader.passed_over == {"scalars": 1, "tables of several types": 1}
