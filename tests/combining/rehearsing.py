"""Rehearses drawn specs: what trains is rehearsed without a failure, however small its data are."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.combining.compiling import _trained
from tests.combining.hunting import Hunt, _answer
from tests.combining.trial import DONE, Result, WrongError, command
from tests.combining.writing import Spec, text_of

NOT_LEARNED = "PHS624"
"""The one finding that a rehearsal may add to a run that trains: tiny data and wild rates are hard to learn."""
FAILED = 4


class RehearsalHunt(Hunt):
    """Tries rehearsals of runs that train."""

    def apart(self, make: Callable[[], Spec], *, whole: bool = True) -> tuple[Result, Spec | None]:
        """Draw, train and rehearse a spec, each in a process of its own."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        spec = place / "spec.json"

        def first() -> Result:
            made = make()
            spec.write_text(json.dumps(made))
            (place / "spec.yaml").write_text(text_of(made), encoding="utf-8")
            return _trained(place)

        result = _answer(place, first, clean=spec.exists)
        if result.clean and not result.place:
            result = _answer(place, lambda: _rehearsed(place), lambda: True)
        made = json.loads(spec.read_text()) if spec.exists() else None
        shutil.rmtree(place, ignore_errors=True)
        return result, made


def _rehearsed(place: Path) -> Result:
    """Rehearse the spec of a place; a finding other than that little was learned is a failure."""
    words = ("rehearse", place / "spec.yaml", "--format", "json")
    try:
        code, said = command("rehearse", *words, allowed=(DONE, FAILED))
    except WrongError as error:
        return error.result
    errors = {item["code"] for item in json.loads(said)["diagnostics"] if item["severity"] == "error"}
    if errors - {NOT_LEARNED}:
        return Result(
            clean=True, place="rehearse", wrong=f"exit {code} {sorted(errors)}", details=said[-3000:]
        )
    return Result(clean=True)
