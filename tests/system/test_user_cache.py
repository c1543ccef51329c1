"""The cache folder: what is no entry is never read."""

import os
import pwd
from pathlib import Path

import numpy as np
import pytest

from declare.data.read.cache import read_array, write_array
from declare.system import trust, user_cache
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


def test_a_user_without_a_home_has_no_cache_and_no_settings(tmp_path, monkeypatch):
    """A container's user may be a number that the system does not know."""

    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "DECLARE_CACHE_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    write_text(user_cache.folder("facts") / "entry", "x")
    assert read_text(user_cache.folder("facts") / "entry") is None
    assert trust.settings_file().is_absolute()
    assert not trust.settings_file().exists()
    assert not list(tmp_path.iterdir())


def test_a_home_that_the_system_does_not_know_stays_as_it_is_written():
    """`~name` is a folder's name then: a finding says that it does not exist."""
    assert user_cache.expand_home(Path("~no_such_user/t.csv")) == Path("~no_such_user/t.csv")
    assert user_cache.expand_home(Path("~/t.csv")) == Path.home() / "t.csv"


def test_what_needs_a_folder_gets_one_where_the_cache_cannot_be_written(tmp_path, monkeypatch):
    """The folder of torch.compile: one of the process."""
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    assert user_cache.writable_folder("inductor") == tmp_path / "cache" / "inductor"
    (tmp_path / "file").touch()
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "file"))
    place = user_cache.writable_folder("inductor")
    (place / "entry").touch()
    assert not place.is_relative_to(tmp_path)
