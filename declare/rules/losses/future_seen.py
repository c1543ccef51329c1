"""A model that generates a text must not attend to the tokens that it predicts."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.target_readers import readers
from declare.rules.spec_parts import LocatedBlock
from declare.rules.spec_view import View

CODE = "LOS421"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each module that shows a task later parts of its target."""
    for task, path in readers(view):
        module = view.spec.model[path]
        if task.block.attends_to_future is False and module.looks_ahead() is True:
            yield _problem(task, path, hasattr(module, "causal"))


def _problem(task: LocatedBlock[Task], module: str, switch: bool) -> Problem:
    rewrites = (Rewrite("add `causal: true`", f"model.{module}.causal", True, safe=False),) if switch else ()
    return Problem(
        CODE,
        f"`{module}` attends to the tokens that task `{task.name}` predicts",
        at=f"model.{module}",
        on="key",
        label="attends to later tokens",
        also={f"{task.path}.type": f"`{task.block.type_name()}` predicts them"},
        helps=("add `causal: true`",) if switch else ("use a causal module, such as `transformer`",),
        rewrites=rewrites,
    )
