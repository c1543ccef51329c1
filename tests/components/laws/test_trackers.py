"""Laws of trackers: figures are written as they come, and a run that goes on adds to them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from declare.contract.problem import ProblemError
from declare.parsing.lookup import own_names
from tests.components.conformance import variants

PLAN = {"name": "pain", "seed": 3, "phases": [], "nodes": []}
FIRST = {"train/loss": 0.5, "val/pain/qwk": math.nan}
SECOND = {"val/pain@left/f1": 0.25}
Open = Callable[..., Any]


def session(open_log: Open, folder: Path, step: int, values: dict[str, float]) -> None:
    """Open a log of a run, write figures and close it."""
    folder.mkdir(parents=True, exist_ok=True)
    log = open_log(folder, "pain", PLAN)
    log.scalars(step, values)
    log.close()


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file under and beside a run's folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def figures_are_written_under_their_names(open_log: Open, folder: Path) -> None:
    """After the log is closed its files hold the names of the figures that it got."""
    session(open_log, folder / "run", 3, FIRST)
    written = b"".join(contents(folder).values())
    assert b"train/loss" in written, "a figure is not written"
    assert b"val/pain@left/f1" not in written, "a figure that it did not get"


def a_run_that_goes_on_adds_to_it(open_log: Open, folder: Path) -> None:
    """Opened again, the log keeps every byte that stood there, and adds the new figures."""
    session(open_log, folder / "run", 3, FIRST)
    before = contents(folder)
    session(open_log, folder / "run", 7, SECOND)
    after = contents(folder)
    for name, content in before.items():
        assert after.get(name, b"").startswith(content), f"`{name}` is written anew"
    assert b"val/pain@left/f1" in b"".join(after.values()), "the new figure is not written"


def runs_do_not_mix(open_log: Open, folder: Path) -> None:
    """What two runs write can be told apart: by their folders, or by a name in each line."""
    for name in ("one", "two"):
        session(open_log, folder / name, 3, FIRST)
    found = contents(folder)
    for name in ("one", "two"):
        own = [path.startswith(f"{name}/") or f"/{name},".encode() in text for path, text in found.items()]
        assert any(own), f"nothing says what `{name}` wrote"
    only = contents(folder / "one")
    shutil.rmtree(folder / "two")
    assert contents(folder / "one") == only, "a run's files stand in another one's folder"


LAWS: list[Callable[[Open, Path], None]] = [
    figures_are_written_under_their_names,
    a_run_that_goes_on_adds_to_it,
    runs_do_not_mix,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("trackers"))
def test_every_tracker_keeps_the_law(name, law, tmp_path):
    """Those whose library is installed; the others say what to install."""
    for number, block in enumerate(variants("trackers", name)):
        try:
            block.open(tmp_path, "pain", PLAN).close()
        except ProblemError as error:
            if error.problem.code == "RES850":
                pytest.skip(error.problem.title)
            raise
        law(block.open, tmp_path / str(number))


class Lines:
    """A right log: a line for each figure."""

    mode = "a"

    def __init__(self, folder: Path, name: str, plan: Any) -> None:
        self.file = (folder / "log.txt").open(self.mode)

    def scalars(self, step, values):
        for name, value in values.items():
            self.file.write(f"{step} {name} {value}\n")

    def close(self):
        self.file.close()


class Anew(Lines):
    mode = "w"


class Steps(Lines):
    def scalars(self, step, values):
        self.file.write(f"{step}\n")


class Shared(Lines):
    def __init__(self, folder, name, plan):
        super().__init__(folder.parent, name, plan)


BROKEN: dict[Callable[[Open, Path], None], type[Lines]] = {
    figures_are_written_under_their_names: Steps,
    a_run_that_goes_on_adds_to_it: Anew,
    runs_do_not_mix: Shared,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law, tmp_path):
    """A tracker that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law], tmp_path / "wrong")
    law(Lines, tmp_path / "right")
