"""Compiles drawn specs: a program ends with the figures and weights of its run, also after a stop, or is refused."""

from __future__ import annotations

import json
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.combining.hunting import Hunt, _answer
from tests.combining.trial import DONE, FINDINGS, Result, WrongError, codes_of, command
from tests.combining.writing import Spec, text_of

NO_CODE = "RES860"
_WITH_CODE = {"csv", "jsonl", "npz", "parquet", "simulated", "sklearn", "text"}
"""Sources for which there is code."""
_WITHOUT_CODE = ("augment", "balance", "gradients", "precision", "scales")
"""Keys of phases that are left out, since there is no code for most of their values."""


def plain(spec: Spec) -> Spec:
    """Return a spec without what mostly has no code: the rest of the catalogue comes through more often."""
    spec = json.loads(json.dumps(spec))
    for phase in spec.get("phases", {}).values():
        for key in _WITHOUT_CODE:
            phase.pop(key, None)
        if _type(phase.get("mix")) == "alternate":
            del phase["mix"]
        if _type(phase.get("schedule")) == "plateau":
            del phase["schedule"]
    spec["hardware"] = {"precision": "fp32"}
    return spec


def _type(block: Any) -> Any:
    return block.get("type") if isinstance(block, dict) else block


class CompileHunt(Hunt):
    """Tries programs instead of runs."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self.places = [place for place in self.places if place.block["type"] in _WITH_CODE]

    def apart(self, make: Callable[[], Spec], *, whole: bool = True) -> tuple[Result, Spec | None]:
        """Draw and train a spec, write its program, and run that; each in a process of its own."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        spec = place / "spec.json"

        def first() -> Result:
            made = plain(make())
            spec.write_text(json.dumps(made))
            (place / "spec.yaml").write_text(text_of(made), encoding="utf-8")
            return _trained(place)

        result = _answer(place, first, clean=spec.exists)
        if result.clean and not result.place:
            result = _compiled(place)
        if result.clean and not result.place:
            result = _answer(place, lambda: _followed(place, random.Random(spec.read_text())), lambda: True)
        made = json.loads(spec.read_text()) if spec.exists() else None
        shutil.rmtree(place, ignore_errors=True)
        return result, made


def _trained(place: Path) -> Result:
    """Return whether the spec of a place is valid; if so, its run stands beside it."""
    _, said = command(
        "validate", "validate", place / "spec.yaml", "--format", "json", allowed=(DONE, FINDINGS)
    )
    if not json.loads(said)["valid"]:
        return Result(place="refused", codes=codes_of(said))
    words = ("train", place / "spec.yaml", "--run-dir", place / "run", "--quiet")
    try:
        command("train", *words, allowed=(DONE, FINDINGS))
    except WrongError as error:
        return Result(place="refused", codes=error.result.codes)  # other hunts are for that
    return Result(clean=True)


def _compiled(place: Path) -> Result:
    """Write the program, in a process without torch."""
    words = [
        sys.executable,
        "-P",
        "-m",
        "declare",
        "compile",
        str(place / "run"),
        "-o",
        str(place / "program"),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ})
    if not done.returncode:
        return Result(clean=True)
    if codes_of(done.stderr) == [NO_CODE] and "the writer ended" not in done.stderr:
        return Result(place="refused", codes=[NO_CODE])
    return Result(clean=True, place="compile", wrong=f"exit {done.returncode}", details=done.stderr[-3000:])


def _run(folder: Path, *arguments: str) -> None:
    """Run the program, or another file beside it, with fresh modules."""
    for name in ("data", "losses", "model"):
        sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    sys.argv = [*arguments]
    runpy.run_path(str(folder / arguments[0]), run_name="__main__")


def _followed(place: Path, draw: random.Random) -> Result:
    """Run the program at once, and again with a stop; compare both with the run."""
    program = place / "program"
    steps = sum(phase["steps"] for phase in json.loads((place / "run" / "plan.json").read_text())["phases"])
    _run(program, "train.py", "--run-dir", str(place / "own"))
    if different := _differences(place, place / "own"):
        return Result(clean=True, place="program", wrong=different[0].split(":")[0], details=f"{different}")
    text, step = (program / "train.py").read_text(), '        state["step"] += 1\n'
    stop = f"        STEPS.append(0)\n        if len(STEPS) == {draw.randint(1, steps)}:\n            raise KeyboardInterrupt\n"
    stops = text.replace(step, step + stop).replace("def main()", "STEPS = []\n\n\ndef main()")
    (program / "stops.py").write_text(stops)
    try:
        _run(program, "stops.py", "--run-dir", str(place / "parts"))
    except KeyboardInterrupt:
        _run(program, "train.py", "--run-dir", str(place / "parts"))
    if different := _differences(place, place / "parts"):
        return Result(clean=True, place="stopped", wrong=different[0].split(":")[0], details=f"{different}")
    return Result(clean=True)


def _differences(place: Path, own: Path) -> list[str]:
    """Return what a program's figures and weights have otherwise than the run's."""
    import torch
    from safetensors.torch import load_file

    from declare.runtime.run_folder.folder import Run

    figures = json.loads((place / "run" / "metrics.json").read_text())
    expected = {key: value for key, value in figures.items() if not key.startswith("trivial/")}
    found = json.loads((own / "metrics.json").read_text())
    different = [
        f"figures: {key} is {found.get(key)}, not {expected.get(key)}"
        for key in sorted({*expected, *found})
        if key not in expected or key not in found or repr(expected[key]) != repr(found[key])
    ]
    weights = load_file(own / "weights.safetensors")
    best = load_file(Run(place / "run").weights_path("best"))
    names = sorted({*weights, *best})
    wrong = [name for name in names if name not in weights or name not in best]
    wrong += [name for name in names if name not in wrong and not torch.equal(weights[name], best[name])]
    return different + [f"weights: {name}" for name in wrong]
