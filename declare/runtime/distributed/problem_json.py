"""Messages of a process to the others when it ends, and their meaning for the user."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from declare.contract import strict_json
from declare.contract.problem import Problem

_LISTS = ("notes", "helps")


def problems_to_json(problems: Sequence[Problem]) -> str:
    """Return problems as a text that `problems_from_json` reads."""
    return strict_json.dumps([asdict(problem) for problem in problems], default=str)


def problems_from_json(message: str) -> tuple[Problem, ...]:
    """Return the problems of another process; `message` is its rank, a line end, and its `problems_to_json`."""
    rank, _, text = message.partition("\n")
    problems = map(problem_from_json, json.loads(text))
    return tuple(replace(item, notes=(*item.notes, f"in the process of rank {rank}")) for item in problems)


def problem_from_json(item: Mapping[str, Any]) -> Problem:
    """Return a problem that was written down; what it proposed to rewrite is left out."""
    names = {field.name for field in fields(Problem)} - {"rewrites"}
    values: dict[str, Any] = {
        name: tuple(value) if name in _LISTS else value for name, value in item.items() if name in names
    }
    return Problem(**values)


def process_lost_problem() -> Problem:
    """Return the finding that another process has gone without a word."""
    return Problem(
        "HW710",
        "another process of the group has gone without a word",
        notes=("it was killed, or its machine is unreachable; this process cannot continue alone",),
        helps=("continue from the last checkpoint with `--resume`",),
    )


def inexact_norm_problem(norm: str) -> Problem:
    """Return the finding that a model with batch norm cannot give the same bits in any number of processes."""
    return Problem(
        "HW708",
        "`determinism: exact` with several processes does not support batch norm",
        at="hardware.determinism",
        label="statistics would depend on the processes",
        notes=(f"`{norm}` keeps running statistics of the rows that one process sees",),
        helps=("use a group or layer norm", "or `determinism: fast`, which shares the statistics"),
    )
