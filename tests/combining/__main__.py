"""Grows specs over the whole catalogue and tries each: what validates must train, predict and go on after a kill.

    python -m tests.combining --specs 3000 --seed 1 --save failures

Prints one JSON object: tried, clean, refused, failed by place. A spec that fails is saved with its number, as small
as it still fails.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.combining.hunting import Hunt, Tally, minimised, timed
from tests.combining.writing import text_of


def main() -> int:
    """Do what the command line asks; 0 if nothing failed."""
    parser = argparse.ArgumentParser(description="Try specs over the whole catalogue.")
    parser.add_argument("--specs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the number of the first spec")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clean", type=int, default=10**9, help="stop once so many validated clean")
    parser.add_argument(
        "--whole", type=int, default=1, help="kill, resume and evaluate every so manieth alone"
    )
    parser.add_argument("--edges", action="store_true", help="put one parameter of each at an edge")
    parser.add_argument("--seconds", type=float, default=0, help="stop after this long")
    parser.add_argument("--save", type=Path, help="a folder for specs that fail")
    parser.add_argument("--show", action="store_true", help="print each spec and what became of it")
    parser.add_argument(
        "--data", type=Path, help="a folder for the tiny data, used again where it holds them"
    )
    asked = parser.parse_args()
    began, tally, go_on = time.monotonic(), Tally(), timed(asked.seconds)
    with tempfile.TemporaryDirectory() as made:
        hunt = Hunt((asked.data or Path(made)).resolve(), asked.seed)
        prepared = time.monotonic() - began
        for number in range(asked.first, asked.first + asked.specs):
            if not go_on() or tally.clean >= asked.clean:
                break
            result, spec = hunt.trial(number, edge=asked.edges, whole=number % asked.whole == 0)
            tally.note(number, result)
            if asked.show:
                sys.stderr.write(f"-- {number}: {result}\n{text_of(spec or {})}\n")
            if result.wrong and len(tally.failed[result.signature]) == 1:
                sys.stderr.write(f"{number}: {result.signature}\n")
                if asked.save and spec:
                    _save(asked.save, number, result, minimised(hunt, spec, result))
    seconds = round(time.monotonic() - began, 1)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = round(children.ru_utime + children.ru_stime, 1)
    figures = {**vars(tally), "codes": dict(tally.codes.most_common()), "used": dict(tally.used)}
    sys.stdout.write(
        json.dumps(figures | {"prepared": round(prepared, 1), "seconds": seconds, "cpu": cpu}, indent=1)
        + "\n"
    )
    return 1 if tally.failed else 0


def _save(folder: Path, number: int, result: object, spec: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", getattr(result, "signature", ""))[:80]
    told = "\n".join(f"# {line}" for line in f"{result}".replace("\\n", "\n").splitlines())
    (folder / f"{name}-{number}.yaml").write_text(f"{text_of(spec)}\n{told}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
