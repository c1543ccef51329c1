"""Writes the program of a plan into a folder."""

import re
from collections.abc import Mapping
from pathlib import Path

from declare.contract.problem import Problem, ProblemError
from declare.ir.composites import is_arithmetic
from declare.ir.plan import Plan
from declare.system.worker_process import CallError, WorkerProcess

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*([./@][a-z0-9_]+)*")
_SECONDS = 24 * 3600
"""Processor time: all data are read once, for the rows of splits and the statistics of transforms."""


def write_program(
    plan: Plan, spec_text: str, folder: Path, precisions: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the program of a plan; return its files.

    `precisions` are those that a run chose if the plan leaves them open, by phase; else it is single precision.
    Raises `ProblemError` (RES860) if something has no code, RES803 if `folder` holds something else.
    """
    _refuse_names(plan)
    chosen = precisions or {}
    phases = tuple(
        phase.model_copy(update={"precision": chosen.get(phase.name, "fp32")})
        if phase.precision == "auto"
        else phase
        for phase in plan.phases
    )
    resolved = plan.model_copy(update={"phases": phases})
    files = _files(resolved, folder) | {
        "spec.yaml": spec_text,
        "plan.json": plan.model_dump_json(indent=1) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        draft = folder / f".{name}.new"
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(folder / name)
    return [folder / name for name in files]


def _refuse_names(plan: Plan) -> None:
    """Raise `ProblemError` (RES860) if what becomes code of the program cannot come from a spec.

    The plan of a run is a file that another user may have written.
    """
    fields = (name for dataset in plan.datasets.values() for name in dataset.fields)
    nodes = (name for node in plan.nodes for name in (node.name, node.path))
    rules = (rule for phase in plan.phases for rule in (phase.best, phase.early_stop) if rule is not None)
    names = [plan.name, *plan.datasets, *fields, *nodes, *plan.tasks, *plan.composites]
    names += [*(phase.name for phase in plan.phases), *(rule.metric for rule in rules)]
    odd = [name for name in names if not _NAME.fullmatch(name)]
    odd += [text for text in plan.composites.values() if not is_arithmetic(text)]
    if odd:
        raise ProblemError(_no_code(f"the name {odd[0][:40]!r}"))


def _files(plan: Plan, folder: Path) -> dict[str, str]:
    worker = WorkerProcess()
    try:
        arguments = {"plan": plan.model_dump_json(), "folder": str(folder.resolve())}
        answer = worker.call("declare.emit.child:write_json", arguments, _SECONDS)
    except CallError as error:
        raise ProblemError(_no_code(f"the writer ended: {error.kind}: {error}")) from None
    finally:
        worker.close()
    if "refused" in answer:
        raise ProblemError(_no_code(answer["refused"], answer["at"]))
    files: dict[str, str] = answer["files"]
    return files


def _no_code(what: str, at: str = "") -> Problem:
    return Problem(
        "RES860",
        f"no code can be written for {what}",
        at=at,
        label="no code",
        helps=("train it with `dcl train`: only the code is missing", "or use another component"),
    )
