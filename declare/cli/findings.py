"""Findings of a spec: how commands check one, print what was found, and settle on an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from declare.cli import terminal
from declare.cli.failure import COULD_NOT, DONE, FINDINGS

if TYPE_CHECKING:
    from declare.compiler.pipeline import Checked
    from declare.contract.problem import Problem
    from declare.diagnostics.diagnostic import Diagnostic
    from declare.ir.plan import Plan

Format = Literal["text", "concise", "json", "jsonl", "sarif", "github"]
FailOn = Literal["error", "warning", "info", "never"]
_RANK = {"error": 3, "warning": 2, "info": 1}


def check(spec: Path, sets: Sequence[str] | None, trust: Sequence[str] | None) -> Checked:
    """Run every pass over a spec."""
    from declare.compiler.pipeline import check as compile_spec

    return compile_spec(spec, tuple(sets or ()), tuple(trust or ()))


def exit_code(checked: Checked, spec: Path, fail_on: FailOn = "error") -> int:
    """Return 2 where the spec's file could not be read, 1 where something at or above `fail_on` was found."""
    if checked.document.root is None and not os.access(spec, os.R_OK):
        return COULD_NOT
    if checked.document.root is None and spec.is_dir():
        return COULD_NOT
    if fail_on == "never":
        return DONE
    worst = max((_RANK[found.severity] for found in checked.diagnostics), default=0)
    return FINDINGS if worst >= _RANK[fail_on] else DONE


class FindingsError(Exception):
    """Ends a command because of findings, which are printed already."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def plan(spec: Path, sets: Sequence[str] | None, trust: Sequence[str] | None, *, as_json: bool) -> tuple[Plan, Checked]:
    """Return the plan of a spec; where it has errors, print them and end the command.

    Warnings go to standard error, so that they never stand among a command's results.
    """
    checked = check(spec, sets, trust)
    if checked.plan is None or not checked.valid:
        write(checked, "json" if as_json else "text", to_error=not as_json)
        raise FindingsError(exit_code(checked, spec) or FINDINGS)
    if checked.diagnostics and not terminal.settings.quiet:
        show(checked.diagnostics)
    return checked.plan, checked
