"""Writes `constraints.txt`: the versions that this environment holds of all that the project needs, directly or not.

The whole check runs first, so that only versions that passed are written. Ranges stay in `pyproject.toml`; the
constraints are for those who want the very versions: the README's test command and CI.
"""

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from declare.dev.check import check
from declare.dev.repository import ROOT, relative_path

FILE = ROOT / "constraints.txt"
_HEAD = (
    "# Versions with which `python -m declare.dev check` passed; written by `python -m declare.dev constraints`.",
    "# They are for Python {pythons}: `pip install -c constraints.txt -e '.[dev]'`.",
)


@cache
def project() -> dict[str, Any]:
    """Return the section `project` of `pyproject.toml`."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def pythons() -> list[str]:
    """Return the versions of Python that the project is for: `3.11`, ..."""
    return [
        line.rpartition(" ")[2] for line in project()["classifiers"] if line.rpartition(" ")[2][:1].isdigit()
    ]


def required_packages(stated: Iterable[str]) -> dict[str, str]:
    """Return name -> version of every installed package that `stated` requirements need, directly or not."""
    from packaging.utils import canonicalize_name

    packages: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(_requirements(stated, ""))
    while waiting:
        name, extra = waiting.pop()
        name = str(canonicalize_name(name))
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue  # its marker is for another platform
        packages[name] = installed.version.partition("+")[0]  # a build for CUDA is the same version
        waiting += _requirements(installed.requires or (), extra)
    return dict(sorted(packages.items()))


def _requirements(stated: Iterable[str], extra: str) -> Iterator[tuple[str, str]]:
    """Yield name and extra of what is needed here, once for each extra, and once without."""
    from packaging.requirements import Requirement

    for text in stated:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                yield requirement.name, wanted


def requirements() -> list[str]:
    """Return what a developer's checkout needs, as `pyproject.toml` states it."""
    return [*project()["dependencies"], *project()["optional-dependencies"]["dev"]]


def text() -> str:
    """Return the file's text for this environment."""
    head = [line.format(pythons=", ".join(pythons())) for line in _HEAD]
    lines = [f"{name}=={version}" for name, version in required_packages(requirements()).items()]
    return "\n".join([*head, *lines, ""])


def write(path: Path = FILE, *, checked: bool = False) -> int:
    """Write the file if everything passes, or is `checked` already; returns an exit code."""
    if not checked and check():
        print("not written: these versions do not pass")
        return 1
    path.write_text(text(), encoding="utf-8", newline="\n")
    print(f"wrote {relative_path(path)}")
    return 0
