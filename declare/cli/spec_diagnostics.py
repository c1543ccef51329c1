"""Problems of a spec: how commands check one, print the diagnostics, and choose an exit code."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from declare.cli import launch_options, terminal
from declare.cli.failure import COULD_NOT, DONE, FINDINGS

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec, PassRecord
    from declare.contract.problem import Problem
    from declare.diagnostics.diagnostic import Diagnostic
    from declare.diagnostics.output import Settings
    from declare.ir.plan import Plan

Format = Literal["text", "concise", "json", "jsonl", "sarif", "github"]
FailOn = Literal["error", "warning", "info", "never"]
_UNREAD = {"spec-not-found", "spec-unreadable"}
"""Codes that mean that there is nothing to check."""
_LONG_SECONDS = 2.0
"""Seconds from which slow trials are reported."""
_RANK = {"error": 3, "warning": 2, "info": 1}


def check(spec: Path, sets: Sequence[str] | None, trust: Sequence[str] | None) -> CheckedSpec:
    """Run every pass over a spec; report if library parts had to be tried for long."""
    from declare.compiler.pipeline import check as compile_spec
    from declare.system.worker_process import WORKER

    num_calls, seconds = WORKER.num_calls, WORKER.seconds
    checked = compile_spec(spec, tuple(sets or ()), tuple(trust or ()))
    num_calls, seconds = WORKER.num_calls - num_calls, WORKER.seconds - seconds
    if seconds > _LONG_SECONDS:
        parts = "1 part of a library" if num_calls == 1 else f"{num_calls} parts of libraries"
        terminal.echo(f"{parts} had to be tried, which took {seconds:.0f} s; the results are cached")
    return checked


def exit_code(checked: CheckedSpec, fail_on: FailOn = "error") -> int:
    """Return 2 if the spec's file could not be read, 1 if there is a diagnostic at or above `fail_on`."""
    if any(diagnostic.name in _UNREAD for diagnostic in checked.diagnostics):
        return COULD_NOT
    if fail_on == "never":
        return DONE
    worst = max((_RANK[diagnostic.severity] for diagnostic in checked.diagnostics), default=0)
    return FINDINGS if worst >= _RANK[fail_on] else DONE


class FindingsError(Exception):
    """Ends a command because of diagnostics, which are printed already."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def write(checked: CheckedSpec, format: Format, *, to_error: bool = False) -> None:
    """Print all diagnostics of a check; as text, the last line states what was checked."""
    _print(checked.diagnostics, format, checked.passes, to_error=to_error)
    if format == "text" and not terminal.settings.quiet:
        terminal.echo(_closing_line(checked))


def _closing_line(checked: CheckedSpec) -> str:
    done = sum(record.status == "done" for record in checked.passes)
    unfinished = [f"{record.name} {record.status}" for record in checked.passes if record.status != "done"]
    looked = f"{done} passes done" + (f", {', '.join(unfinished)}" if unfinished else "")
    return f"{'valid' if checked.valid else 'not valid'}: {looked}"


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics for people on standard error."""
    _print(diagnostics, "text", (), to_error=True)


def document(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """Return diagnostics as the JSON document that `validate` prints."""
    from declare.diagnostics.render.json import envelope

    return envelope(diagnostics, _settings((), sys.stdout))


def _print(
    diagnostics: Sequence[Diagnostic],
    format: Format,
    passes: Sequence[PassRecord],
    *,
    to_error: bool,
) -> None:
    from declare.diagnostics.output import render

    stream = sys.stderr if to_error else sys.stdout
    print(render(format, diagnostics, _settings(passes, stream)), end="", file=stream, flush=True)


def _settings(passes: Sequence[PassRecord], stream: TextIO) -> Settings:
    from declare import __version__
    from declare.diagnostics.output import Settings

    return Settings(
        width=shutil.get_terminal_size((110, 24)).columns if stream.isatty() else 110,
        colour=terminal.settings.color and stream.isatty(),
        version=__version__,
        passes=tuple(
            {"name": record.name, "status": record.status, "skipped_because": record.because}
            for record in passes
        ),
    )


def plan(
    spec: Path, sets: Sequence[str] | None, trust: Sequence[str] | None, *, as_json: bool
) -> tuple[Plan, CheckedSpec]:
    """Return the plan of a spec; if it has errors, print them and end the command.

    Warnings are printed on standard error, apart from results; only `validate` prints notes.
    """
    checked = check(spec, sets, trust)
    if checked.plan is None or not checked.valid:
        write(checked, "json" if as_json else "text", to_error=not as_json)
        raise FindingsError(exit_code(checked) or FINDINGS)
    warnings = [diagnostic for diagnostic in checked.diagnostics if diagnostic.severity != "info"]
    if warnings and not terminal.settings.quiet and not launch_options.is_launched():
        show(warnings)
    return checked.plan, checked


def diagnose(problem: Problem, checked: CheckedSpec | None) -> Diagnostic:
    """Return the diagnostic of a problem that occurred after the check, at its place in the spec."""
    from declare.compiler.diagnose.locate import diagnose as place
    from declare.language.document import Document

    # Without a path it concerns a folder or a device: no line of the spec is about it.
    document = checked.document if checked and problem.at else Document(None, ())
    return place(problem, document)


def as_dict(problem: Problem, checked: CheckedSpec | None) -> dict[str, Any]:
    """Return a problem in the JSON form of a diagnostic."""
    from declare.diagnostics.render.json import as_dict as plain

    return plain(diagnose(problem, checked))


def show_problems(problems: Iterable[Problem], checked: CheckedSpec | None) -> None:
    """Print problems that occurred after the check."""
    diagnostics = [diagnose(problem, checked) for problem in problems]
    if diagnostics:
        show(diagnostics)


@contextmanager
def report_problems(checked: CheckedSpec | None = None, *, as_json: bool = False) -> Iterator[None]:
    """Turn a problem with the outside world (files, disk, devices) into printed diagnostics and exit code 2."""
    from declare.contract.problem import ProblemError

    try:
        yield
    except ProblemError as error:
        diagnostics = [diagnose(problem, checked) for problem in error.problems]
        _print(diagnostics, "json" if as_json else "text", (), to_error=not as_json)
        raise FindingsError(COULD_NOT) from error
