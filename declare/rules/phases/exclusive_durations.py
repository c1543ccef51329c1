"""A phase has a length in epochs or in steps: exactly one of the two."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.spec_parts import is_unreadable, phases
from declare.rules.spec_view import View

CODE = "PHS611"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase with both lengths or with neither."""
    for phase in phases(view):
        if is_unreadable(phase.block, "epochs", "steps"):
            continue
        epochs, steps = phase.block.epochs, phase.block.steps
        if epochs is not None and steps is not None:
            yield Problem(
                CODE,
                f"phase `{phase.name}` states {epochs:g} epochs and {steps} steps",
                at=f"{phase.path}.steps",
                on="key",
                label="a length in steps",
                also={f"{phase.path}.epochs": "a length in epochs"},
                helps=("keep one of the two",),
                rewrites=(
                    Rewrite("remove `steps`", f"{phase.path}.steps", safe=False),
                    Rewrite("remove `epochs`", f"{phase.path}.epochs", safe=False),
                ),
            )
        elif epochs is None and steps is None:
            yield Problem(
                CODE,
                f"phase `{phase.name}` states neither epochs nor steps",
                at=phase.path,
                on="key",
                label="no length here",
                helps=("add `epochs: 10`, or `steps: 1000`",),
            )
