"""Fingerprints of the inputs of a dataset. Needs no NumPy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from declare.contract.kinds.source import Fingerprints, Source
from declare.contract.problem import ProblemError
from declare.ir.plan import DatasetPlan
from declare.parsing.read_component import read_component

SPLITS = ("train", "val", "test")
_local_stamps: dict[str, str] = {}
"""Fingerprint of facts -> stamp of the files when they were last gathered in this process."""


def source_fingerprints(source: Source, split: Mapping[str, Any]) -> Fingerprints:
    """Return the fingerprints of a source and of the files that its splits name."""
    files = {name: split[name] for name in SPLITS if isinstance(split.get(name), str | Path)}
    parts = [] if isinstance(split.get("train"), str | Path) else [source.fingerprints()]
    for name, path in files.items():
        with at_file(name):
            parts.append(source.model_copy(update={"path": Path(path)}).fingerprints())
    return Fingerprints("+".join(part.portable for part in parts), "+".join(part.local for part in parts))


def remember_stamp(fingerprint: str, local: str) -> None:
    """Remember the stamp of the files that facts with this fingerprint are of."""
    _local_stamps[fingerprint] = local


def cache_identity(plan: DatasetPlan) -> str:
    """Return what an entry of the user's cache that is made of a dataset's files goes by.

    Raises `ProblemError` if the files must be looked at and one is missing.
    """
    if plan.fingerprint not in _local_stamps:
        source = read_component("sources", plan.source)
        assert isinstance(source, Source)
        remember_stamp(plan.fingerprint, source_fingerprints(source, plan.split).local)
    return f"{plan.fingerprint} {_local_stamps[plan.fingerprint]}"


@contextmanager
def at_file(split: str) -> Iterator[None]:
    """Put problems with the file of a split where the split names it."""
    try:
        yield
    except ProblemError as error:
        raise ProblemError(*(replace(item, at=f"split.{split}") for item in error.problems)) from None
