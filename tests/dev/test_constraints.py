"""Constraints: versions for every Python of the project, within the ranges that users get."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from declare.dev import constraints


def test_the_file_fits_the_ranges():
    """Every requirement has one exact version within its range, and no line names a path or a build."""
    lines = [line for line in constraints.FILE.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    stated = dict(line.split("==") for line in lines)
    for requirement in map(Requirement, constraints.requirements()):
        assert stated[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_what_is_needed_is_followed_to_its_ends():
    """Requirements of requirements count, markers and extras are heeded, what is not installed is left out."""
    found = constraints.required_packages(
        ["pytest-xdist[psutil]", "no-such-package", "numpy; python_version < '3'"]
    )
    assert {"pytest-xdist", "pytest", "execnet", "pluggy", "psutil"} <= set(found)
    assert not {"no-such-package", "numpy", "torch"} & set(found)


def test_versions_that_fail_are_not_written(tmp_path, monkeypatch):
    """The check decides whether the file is written."""
    path = tmp_path / "constraints.txt"
    monkeypatch.setattr(constraints, "check", lambda: 1)
    assert constraints.write(path) == 1
    assert not path.exists()
    assert constraints.write(path, checked=True) == 0
    assert "numpy==" in path.read_text()


@pytest.mark.parametrize("file", [".ci/run", "README.md"])
def test_they_are_used(file):
    """The command of the README and CI install them."""
    assert "-c constraints.txt" in (constraints.ROOT / file).read_text(encoding="utf-8")
