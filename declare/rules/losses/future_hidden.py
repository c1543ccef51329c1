"""A model that fills gaps is better if it sees both sides of them."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.target_readers import readers
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "LOS422"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each causal module that hides one side of the gaps from its task."""
    for task, path in readers(view):
        if task.block.attends_to_future is not True or view.spec.model[path].looks_ahead() is not False:
            continue
        stated = get(view.spec, "model", path, "causal") is True
        at = f"model.{path}.causal" if stated else f"model.{path}"
        yield Problem(
            CODE,
            f"`{path}` attends to only one side of the tokens that task `{task.name}` masks",
            at=at,
            label="attends only to earlier tokens",
            also={f"{task.path}.type": "masks tokens anywhere"},
            helps=("set `causal: false`",) if stated else ("use a module that attends to both sides",),
            rewrites=(Rewrite("set `causal: false`", at, False, safe=False),) if stated else (),
        )
