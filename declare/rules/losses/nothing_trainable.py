"""A phase whose parameters are all frozen trains nothing."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "LOS404"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase without a trainable parameter."""
    for phase in phases(view):
        plan = view.phases.get(phase.name)
        if plan is None or plan.trainable_parameters:
            continue
        frozen = [
            index for index, item in enumerate(get(phase.block, "freeze") or ()) if not get(item, "until")
        ]
        first = f"{phase.path}.freeze.{frozen[0]}" if frozen else phase.path
        total = sum(node.parameters * max(1, len(node.variants)) for node in view.nodes.values())
        yield Problem(
            CODE,
            f"phase `{phase.name}` trains none of the {total:,} parameters: all are frozen",
            at=f"{first}.match" if frozen else first,
            on="value" if frozen else "key",
            label="freezes the remaining parameters",
            also={f"{phase.path}.freeze.{index}.match": "also frozen" for index in frozen[1:3]},
            helps=("freeze less, such as `encoder.*`, or state `until:` to unfreeze", "remove the phase"),
            rewrites=(Rewrite("remove this entry", first, safe=False),) if frozen else (),
        )
