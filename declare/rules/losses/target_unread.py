"""A model that generates a text token by token must read the tokens before."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.target_readers import readers
from declare.rules.spec_parts import get, tasks
from declare.rules.spec_view import View

CODE = "LOS423"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each text task whose model does not read its target."""
    reached = {task.name for task, _ in readers(view)}
    for task in tasks(view):
        head = view.nodes.get(f"heads.{task.name}")
        if task.block.attends_to_future is None or head is None or task.name in reached:
            continue
        target = get(task.block, "target")
        writes = task.block.generates
        yield Problem(
            CODE,
            f"the model of task `{task.name}` never reads its target `{target}`",
            at=f"{task.path}.target",
            label="read by no module here",
            notes=(
                "it cannot read the tokens generated so far"
                if writes
                else "it cannot read the tokens that are not masked",
            ),
            helps=(
                f"let a decoder read it: `{{type: transformer_decoder, input: {{tokens: {target}, memory: ...}}}}`"
                if writes
                else f"let the encoder read it: `input: {target}`",
            ),
        )
