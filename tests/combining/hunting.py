"""Grows, tries and counts specs, each in a process of its own that is forked from one in which all is imported."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import chdir, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.combining.coverage import components, drawn
from tests.combining.data import Place, places, write_all
from tests.combining.forking import (
    HUNG,
    PATIENCE,
    UNFORKABLE,
    forbidden,
    freeze,
    import_all,
    import_these,
    in_child,
    settle,
)
from tests.combining.growing import Growth
from tests.combining.linking import drawn_with
from tests.combining.mending import mended
from tests.combining.trial import DIVERGED, Result, killed, resumed, tried
from tests.combining.writing import Spec, text_of, written


@dataclass
class Tally:
    """What was tried and what came of it."""

    tried: int = 0
    clean: int = 0
    refused: int = 0
    unfinished: list[int] = field(default_factory=list)
    diverged: list[int] = field(default_factory=list)
    failed: dict[str, list[int]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)

    def note(self, number: int, result: Result, spec: Spec | None) -> None:
        """Count one spec, and what it draws where it is clean."""
        self.tried += 1
        self.clean += result.clean
        self.refused += result.place == "refused"
        self.codes.update(result.codes)
        if spec is not None and result.clean:
            self.used.update(drawn(spec))
        if result.place == DIVERGED:
            self.diverged.append(number)
        elif result.wrong == HUNG:  # what takes longer than others have patience for
            self.unfinished.append(number)
        elif result.wrong:
            self.failed.setdefault(result.signature, []).append(number)


class Hunt:
    """A folder with tiny data, and what is known of them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        known = sorted(components())
        self.turns = [item.split(" ") for item in random.Random(seed).sample(known, len(known))]
        folder.mkdir(parents=True, exist_ok=True)
        settle(folder)
        listing = folder / "places"
        if not listing.exists():  # in a child: a process with threads of libraries must not fork

            def look() -> None:
                found = places(write_all(folder / "data"), random.Random(0))
                listing.write_bytes(pickle.dumps(found))

            in_child(folder, look, 5 * PATIENCE)
        self.places: list[Place] = pickle.loads(listing.read_bytes())
        self._warm()

    def spec(self, number: int) -> Spec:
        """Return the spec of a number, the same for the same seed: the first of some that has no errors."""
        for attempt in range(_ATTEMPTS):
            draw = random.Random(f"{self.seed}-{number}-{attempt}")
            # Every other spec holds a component that has its turn, so that none waits for chance.
            kind, name = self.turns[number // 2 % len(self.turns)]
            growth = Growth(draw, self.places, {} if number % 2 else drawn_with(kind, name, draw))
            spec, errors = mended(growth, growth.grow(), draw)
            if not errors:
                break
        return spec

    def trial(self, number: int, *, whole: bool = True) -> tuple[Result, Spec | None]:
        """Grow and try the spec of a number."""
        return self.apart(lambda: self.spec(number), whole=whole)

    def child(self, work: Callable[[], object], patience: float = 5 * PATIENCE) -> str:
        """Do some work in a child, in the folder; return how the child ended."""
        return in_child(self.folder, work, patience)

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
        if whole and result.clean and not result.place:
            in_child(place, lambda: killed(path))
            result = _answer(place, lambda: resumed(path), clean=lambda: True)
        made = json.loads(spec.read_text()) if spec.exists() else None
        shutil.rmtree(place, ignore_errors=True)
        return result, made

    def _warm(self) -> None:
        """Import what runs import and grow some specs, so that children have all that is worked out once."""
        import_all()
        import_these(self._imported())
        calm = [place for place in self.places if place.block["type"] in _CALM]
        with forbidden(UNFORKABLE), chdir(self.folder):
            for number in range(_WARMING):
                draw = random.Random(number)
                growth = Growth(draw, calm)
                with suppress(ImportError):
                    mended(growth, growth.grow(), draw)
        freeze()

    def _imported(self) -> list[str]:
        """Return the modules that some runs in children import."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        names: set[str] = set()
        for number in range(_WARMING):

            def first(number: int = number) -> None:
                try:
                    tried(written(self.spec(number), place))
                finally:
                    (place / "modules").write_text(json.dumps(list(sys.modules)))

            in_child(place, first)
            names |= set(json.loads((place / "modules").read_text()))
            shutil.rmtree(place / "run", ignore_errors=True)
        return sorted(names - set(sys.modules))


_ATTEMPTS = 3
_CALM = ("simulated",)
"""Sources whose reading starts no threads: a process with threads of libraries must not fork."""
_WARMING = 4


def _answer(place: Path, work: Callable[[], Result], clean: Callable[[], bool]) -> Result:
    """Return what work in a child finds out, or how the child ended."""
    answer = place / "answer.json"
    answer.unlink(missing_ok=True)
    ended = in_child(place, lambda: answer.write_text(work().as_json()))
    if answer.exists():
        return Result(**json.loads(answer.read_text()))
    said = (place / "log").read_text(errors="replace")[-3000:]
    return Result(place="process", wrong=ended, clean=clean(), details=said)


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
