"""Reading the plan in a JSON file: a run's `plan.json`, or what `dcl plan --json` printed."""

import json
from pathlib import Path

from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.system.schema_check import malformed_problem, read_json


def is_plan(path: Path) -> bool:
    """Return whether a file is JSON with the keys of a plan; a spec in JSON is not."""
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"spec_sha256", "nodes"} <= value.keys()


def read_plan(path: Path) -> Plan:
    """Return the plan in a file; raises `ProblemError` (RES823) for anything else."""
    read_json(path, "plan")
    try:
        return Plan.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ProblemError(malformed_problem(path, "it is not a plan of this version")) from error
