"""A library's folder in the user's cache is used as it was left, or not at all."""

import pytest

from declare.runtime.machine import sealed_cache
from declare.runtime.machine.sealed_cache import open_sealed, seal


def test_what_is_damaged_or_unknown_is_not_used(tmp_path, monkeypatch):
    """Whole files stay; a file of a killed process goes; a damaged one, or its list, takes all with it and is said."""
    ended = []
    monkeypatch.setattr(sealed_cache.atexit, "register", lambda *call: ended.append(call))
    locks = []
    monkeypatch.setattr(
        sealed_cache.fcntl, "flock", lambda _, how: locks.append(how)
    )  # as if processes had ended
    folder = tmp_path / "inductor"
    open_sealed(folder)
    (folder / "a").mkdir()
    (folder / "a" / "code.py").write_text("x = 1\n")
    (folder / "b.so").write_bytes(b"")
    assert ended.pop() == (seal, folder)
    seal(folder)
    (folder / "late").write_text("nobody has sealed this")
    open_sealed(folder)
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "b.so", "code.py"]
    (folder / "a" / "code.py").write_text("x = 3\n")
    with pytest.warns(UserWarning, match="a damaged entry of the cache"):
        open_sealed(folder)
    assert not list(folder.iterdir())
    (folder / "c").write_text("c")
    seal(folder)
    (tmp_path / "inductor.json").write_text("{}")
    with pytest.warns(UserWarning, match="a damaged entry of the cache"):
        open_sealed(folder)
    assert not list(folder.iterdir())
