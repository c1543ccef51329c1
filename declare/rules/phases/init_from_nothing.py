"""A phase starts from weights that exist by then: of an earlier phase, a run, or a file."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest
from declare.language.spec import Phase
from declare.rules.queries.compatible import join_words
from declare.rules.spec_parts import LocatedBlock, get, phases
from declare.rules.spec_view import View

CODE = "PHS613"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each `init` from a phase that is unknown, later, or the phase itself."""
    order = list(get(view.spec, "phases") or {})
    for phase in phases(view):
        earlier = order[: order.index(phase.name)]
        for index, init in enumerate(get(phase.block, "init") or ()):
            source = get(init, "from_")
            kind, _, name = source.partition(":") if isinstance(source, str) else ("", "", "")
            if kind == "phase" and name not in earlier:
                yield _problem(phase, f"{phase.path}.init.{index}.from", name, (earlier, order))


def _problem(phase: LocatedBlock[Phase], at: str, name: str, names: tuple[list[str], list[str]]) -> Problem:
    earlier, order = names
    near = suggest(name, earlier)
    if name == phase.name:
        title, label = f"phase `{name}` starts from itself", "this very phase"
    elif name in order:
        title, label = f"phase `{phase.name}` starts from `{name}`, which runs later", "runs after this phase"
    else:
        title, label = f"phase `{phase.name}` starts from an unknown phase `{name}`", "no such phase"
    helps = (f"use {join_words([f'phase:{item}' for item in near or earlier])}",) if earlier else ()
    return Problem(
        CODE,
        title,
        at=at,
        label=label,
        also={f"phases.{name}": "stated here"} if name in order else {},
        notes=("each phase starts from the weights of the phase before, unless `init` states otherwise",),
        helps=helps or ("use a run or a file: `run:PATH`, `file:PATH`", "remove `init`"),
        rewrites=(Rewrite(f"change to `phase:{near[0]}`", at, f"phase:{near[0]}", safe=False),)
        if near
        else (),
    )
