"""Grows, tries and counts specs, each in a process of its own that is forked from one in which all is imported."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import pkgutil
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import declare
from tests.combining.data import Place, places, write_all
from tests.combining.growing import Growth
from tests.combining.mending import mended
from tests.combining.trial import Result, killed, resumed, tried
from tests.combining.writing import Spec, text_of, written

PATIENCE = 120.0
MEMORY = 12 * 2**30


@dataclass
class Tally:
    """What was tried and what came of it."""

    tried: int = 0
    clean: int = 0
    refused: int = 0
    unfinished: int = 0
    failed: dict[str, list[int]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)

    def note(self, number: int, result: Result) -> None:
        """Count one spec."""
        self.tried += 1
        self.clean += result.clean
        self.refused += result.place == "refused"
        self.codes.update(result.codes)
        if result.wrong:
            self.failed.setdefault(result.signature, []).append(number)


class Hunt:
    """A folder with tiny data, and what is known of them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        folder.mkdir(parents=True, exist_ok=True)
        _settle(folder)
        listing = folder / "places"
        if not listing.exists():  # in a child: a process with threads of libraries must not fork

            def look() -> None:
                found = places(write_all(folder / "data"), random.Random(seed))
                listing.write_bytes(pickle.dumps(found))

            _in_child(folder, look, 5 * PATIENCE)
        self.places: list[Place] = pickle.loads(listing.read_bytes())
        self._warm()

    def spec(self, number: int) -> Spec:
        """Return the spec of a number: the same for the same seed."""
        draw = random.Random(f"{self.seed}-{number}")
        growth = Growth(draw, self.places)
        return mended(growth, growth.grow(), draw)[0]

    def trial(self, number: int, *, whole: bool = True) -> tuple[Result, Spec | None]:
        """Grow and try the spec of a number."""
        return self.apart(lambda: self.spec(number), whole=whole)

    def child(self, work: Callable[[], object], patience: float = 5 * PATIENCE) -> str:
        """Do some work in a child, in the folder; return how the child ended."""
        return _in_child(self.folder, work, patience)

    def apart(self, make: Callable[[], Spec], *, whole: bool = True) -> tuple[Result, Spec | None]:
        """Make and try a spec in children; one that dies or hangs is a failure."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        spec, path = place / "spec.json", place / "spec.yaml"

        def first() -> Result:
            made = make()
            spec.write_text(json.dumps(made))
            path.write_text(text_of(made), encoding="utf-8")
            return tried(path, whole=whole)

        result = _answer(place, first, clean=spec.exists)
        if whole and result.clean and not result.wrong:
            _in_child(place, lambda: killed(path))
            result = _answer(place, lambda: resumed(path), clean=lambda: True)
        made = json.loads(spec.read_text()) if spec.exists() else None
        shutil.rmtree(place, ignore_errors=True)
        return result, made

    def _warm(self) -> None:
        """Import what runs import: a run in a child says what that is, since threads of libraries end at a fork."""
        for item in pkgutil.walk_packages(declare.__path__, "declare."):
            if not item.name.endswith("__main__"):
                with suppress(ImportError):  # a library of an extra that is not installed
                    importlib.import_module(item.name)
        place = Path(tempfile.mkdtemp(dir=self.folder))

        def first() -> None:
            try:
                tried(written(self.spec(0), place))
            finally:
                (place / "modules").write_text(json.dumps(list(sys.modules)))

        _in_child(place, first, 3 * PATIENCE)
        names = json.loads((place / "modules").read_text()) if (place / "modules").exists() else []
        for name in sorted(set(names) - set(sys.modules)):
            with suppress(Exception):  # some of a library's files are no modules of their own
                importlib.import_module(name)


def _answer(place: Path, work: Callable[[], Result], clean: Callable[[], bool]) -> Result:
    """Return what work in a child finds out, or how the child ended."""
    answer = place / "answer.json"
    answer.unlink(missing_ok=True)
    ended = _in_child(place, lambda: answer.write_text(work().as_json()))
    if answer.exists():
        return Result(**json.loads(answer.read_text()))
    said = (place / "log").read_text(errors="replace")[-3000:]
    return Result(place="process", wrong=ended, clean=clean(), details=said)


def _in_child(place: Path, work: Callable[[], object], patience: float = PATIENCE) -> str:
    """Do some work in a child, in a folder; return how the child ended."""
    child = os.fork()
    if child:
        return _await(child, patience)
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(place)
        _quiet(place / "log")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it in the log
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _settle(folder: Path) -> None:
    import torch

    torch.set_num_threads(1)
    own = {
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "NO_COLOR": "1",
        "DECLARE_CACHE_DIR": str(folder / "cache"),
    }
    os.environ |= own
    tempfile.tempdir = None


def _quiet(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _await(child: int, patience: float) -> str:
    """Wait for a child; say how it ended where it left no answer."""
    handle = os.pidfd_open(child)
    ready = select.select([handle], [], [], patience)[0]
    os.close(handle)
    if not ready:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"ended with {status}" if ready else "hung"


def minimised(hunt: Hunt, spec: Spec, result: Result, most: int = 60) -> Spec:
    """Return a smaller spec that fails in the same way: keys and items are dropped while it does."""
    from tests.combining.places import parameters, without

    tries, changed = 0, True
    while changed and tries < most:
        changed = False
        for steps in sorted({steps for steps, _ in parameters(spec)} | set(_deep(spec)), key=len):
            smaller = without(spec, steps)
            if smaller == spec or tries >= most:
                continue
            tries += 1
            if hunt.apart(lambda smaller=smaller: smaller)[0].signature == result.signature:
                spec, changed = smaller, True
    return spec


def _deep(value: Any, steps: tuple[Any, ...] = ()) -> Any:
    if steps:
        yield steps
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from _deep(part, (*steps, key))


def timed(seconds: float) -> Callable[[], bool]:
    """Return what says whether there is time left; 0 seconds never end."""
    end = time.monotonic() + seconds
    return lambda: not seconds or time.monotonic() < end
