"""Everything that must hold before a change goes in, in one command that CI runs too."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from declare.dev import docstrings
from declare.dev.repository import ROOT

_PYTHON = sys.executable


def _module(name: str, *words: str) -> Callable[[], int]:
    return _program(_PYTHON, "-m", name, *words)


def _program(*words: str) -> Callable[[], int]:
    def run() -> int:
        return subprocess.run(words, cwd=ROOT, check=False).returncode

    return run


def _check_generated() -> int:
    # In its own process: generators import what the other steps must find untouched.
    words = (_PYTHON, "-c", "from declare.dev.generate import stale; print('\\n'.join(stale()), end='')")
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    print(done.stdout + done.stderr)
    if done.stdout:
        print("run `python -m declare.dev generate` and commit what it writes")
    return 1 if done.stdout else done.returncode


@dataclass(frozen=True)
class Step:
    """One check: its name, what runs it, and why it is there."""

    name: str
    run: Callable[[], int]
    why: str


STEPS = (
    Step("ruff", _module("ruff", "check", "."), "lint first: it is the fastest to fail"),
    Step("format", _module("ruff", "format", "--check", "."), "one layout, no discussion"),
    Step(
        "layers",
        _program(_PYTHON, "-c", "from importlinter.cli import lint_imports_command as c; c()"),
        "floors",
    ),
    Step("docstrings", docstrings.check, "docstrings must agree with signatures"),
    Step("generated", _check_generated, "schemas, reference pages and tables follow the code"),
    Step("types", _module("mypy"), "mypy strict"),
    Step("tests", _module("pytest", "-n", "2", "-q"), "slowest, so last; no test found counts as a failure"),
)


def check(*, only: Sequence[str] = ()) -> int:
    """Run all steps (or those named) whatever fails, and close with a summary; returns an exit code."""
    unknown = set(only) - {step.name for step in STEPS}
    if unknown:
        print(f"no such step: {', '.join(sorted(unknown))}; steps: {', '.join(step.name for step in STEPS)}")
        return 2
    results: list[tuple[Step, int, float]] = []
    for step in STEPS:
        if not only or step.name in only:
            print(f"== {step.name}: {step.why}", flush=True)
            started = time.monotonic()
            code = step.run()
            results.append((step, code, time.monotonic() - started))
    return _close(results)


def _close(results: Sequence[tuple[Step, int, float]]) -> int:
    failed = [step.name for step, code, _ in results if code]
    print("\n== summary")
    for step, code, seconds in results:
        print(f"  {'failed' if code else 'passed':<8}{step.name:<12}{seconds:6.1f} s")
    print(f"FAILED: {', '.join(failed)}" if failed else f"all {len(results)} checks passed")
    return 1 if failed else 0
