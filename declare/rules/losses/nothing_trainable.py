"""A phase whose every parameter is frozen trains nothing."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "LOS404"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield each phase without a trainable parameter."""
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
            label="freezes what is left",
            also={f"{phase.path}.freeze.{index}.match": "frozen too" for index in frozen[1:3]},
            helps=("freeze less, such as `encoder.*`, or state `until:` to thaw", "remove the phase"),
            rewrites=(Rewrite("remove this entry", first, safe=False),) if frozen else (),
        )
