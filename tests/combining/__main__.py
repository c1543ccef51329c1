"""Grows specs over the whole catalogue and tries each: what validates must train, predict and go on after a kill.

    python -m tests.combining --specs 3000 --seed 1 --save failures

Prints one JSON object: tried, clean, refused, failed by place. A spec that fails is saved with its number, as small
as it still fails.

    python -m tests.combining --edges --seconds 400 --data data --log edges.jsonl

puts each parameter of each component, and each key of the language, at each of its edges, on a spec that validates
without it. Verdicts go to the log; called again it goes on. Prints counts by kind and what failed.

    python -m tests.combining --compile --specs 100 --seed 1 --save failures

writes the program of each spec and compares it with the run, bit by bit; `--rehearse` rehearses specs that train.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.combining.compiling import CompileHunt
from tests.combining.coverage import counts, missed
from tests.combining.hunting import Hunt, Tally, minimised, timed
from tests.combining.rehearsing import RehearsalHunt
from tests.combining.sweeping import Sweep, read, table
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
    parser.add_argument("--edges", action="store_true", help="put each parameter at each of its edges")
    parser.add_argument("--only", default="", help="edges of KIND, or of KIND/NAME")
    parser.add_argument("--portion", default="0/1", help="I/N: every Nth edge, from the Ith")
    parser.add_argument("--compile", action="store_true", help="run the programs of specs beside their runs")
    parser.add_argument("--rehearse", action="store_true", help="rehearse specs that train")
    parser.add_argument("--rich", action="store_true", help="edges within drawn specs, not within plain ones")
    parser.add_argument("--log", type=Path, default=Path("edges.jsonl"), help="verdicts on edges")
    parser.add_argument("--seconds", type=float, default=0, help="stop after this long")
    parser.add_argument("--save", type=Path, help="a folder for specs that fail")
    parser.add_argument("--minimise", type=int, default=60, help="at most so many tries to make one smaller")
    parser.add_argument("--show", action="store_true", help="print each spec and what became of it")
    parser.add_argument(
        "--data", type=Path, help="a folder for the tiny data, used again where it holds them"
    )
    asked = parser.parse_args()
    began, tally, go_on = time.monotonic(), Tally(), timed(asked.seconds)
    with tempfile.TemporaryDirectory() as made:
        log = asked.log.resolve()
        kind = CompileHunt if asked.compile else RehearsalHunt if asked.rehearse else Hunt
        hunt = kind((asked.data or Path(made)).resolve(), asked.seed)
        if asked.edges:
            return _sweep(hunt, asked, log, go_on)
        prepared = time.monotonic() - began
        for number in range(asked.first, asked.first + asked.specs):
            if not go_on() or tally.clean >= asked.clean:
                break
            result, spec = hunt.trial(number, whole=number % asked.whole == 0)
            tally.note(number, result, spec)
            if asked.show:
                sys.stderr.write(f"-- {number}: {result}\n{text_of(spec or {})}\n")
            if result.wrong and len(tally.failed.get(result.signature, ())) == 1:
                sys.stderr.write(f"{number}: {result.signature}\n")
                if asked.save and spec:
                    small = minimised(hunt, spec, result, asked.minimise)
                    _save(asked.save, number, result, small)
    seconds = round(time.monotonic() - began, 1)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = round(children.ru_utime + children.ru_stime, 1)
    figures = {**vars(tally), "codes": dict(tally.codes.most_common())}
    figures |= {"used": counts(tally.used), "never": missed(tally.used)}
    sys.stdout.write(
        json.dumps(figures | {"prepared": round(prepared, 1), "seconds": seconds, "cpu": cpu}, indent=1)
        + "\n"
    )
    return 1 if tally.failed else 0


def _sweep(hunt: Hunt, asked: argparse.Namespace, log: Path, go_on: Callable[[], bool]) -> int:
    first, _, every = asked.portion.partition("/")
    Sweep(hunt, log, rich=asked.rich).over(go_on, asked.only, (int(first), int(every)))
    figures = table(read(log))
    sys.stdout.write(json.dumps(figures | {"finished": go_on()}, indent=1) + "\n")
    return 1 if figures["failed"] else 0


def _save(folder: Path, number: int, result: object, spec: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", getattr(result, "signature", ""))[:80]
    told = "\n".join(f"# {line}" for line in f"{result}".replace("\\n", "\n").splitlines())
    (folder / f"{name}-{number}.yaml").write_text(f"{text_of(spec)}\n{told}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
