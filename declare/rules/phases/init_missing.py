"""The run or file that a phase starts from must exist."""

from collections.abc import Iterator
from pathlib import Path

from declare.contract.kinds.source import file_exists
from declare.contract.problem import Problem
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS613"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each `init` whose file or run folder does not exist."""
    for phase in phases(view):
        plan = view.phases.get(phase.name)
        for index, init in enumerate(plan.init if plan is not None else ()):
            path = Path(init.reference)
            if init.source == "phase" or file_exists(path):
                continue
            near = next((parent for parent in path.parents if file_exists(parent)), None)
            what = "file" if init.source == "file" else "run"
            yield Problem(
                CODE,
                f"phase `{phase.name}` starts from a {what} `{path.name[:40]}` that does not exist",
                at=f"{phase.path}.init.{index}.from",
                label=f"no such {what}",
                notes=(f"looked for {str(path)[:200]}; the nearest folder that exists is {near}",),
                helps=("correct the path: it is relative to the folder of the spec that states it",),
            )
