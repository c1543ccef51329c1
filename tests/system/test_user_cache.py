"""The cache folder: what is no entry is never read."""

import os

import numpy as np
import pytest

from declare.data.read.cache import read_array, write_array
from declare.system.user_cache import on_damage, read_text, write_text


@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
def test_an_entry_is_a_file_itself(tmp_path, kind):
    """A pipe, a device or a link in the place of an entry is reported and removed, not waited for or followed."""
    write_text(tmp_path / "other", "x")
    write_array(tmp_path / "other.npy", np.zeros(2))
    damaged = []
    for name, read in (("entry", read_text), ("entry.npy", read_array)):
        path = tmp_path / name
        target = {"device": "/dev/zero", "link": tmp_path / name.replace("entry", "other")}
        os.mkfifo(path) if kind == "pipe" else path.symlink_to(target[kind])
        with on_damage(damaged.append):
            assert read(path) is None
        assert damaged.pop() == path
        assert not os.path.lexists(path)
