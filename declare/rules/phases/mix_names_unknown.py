"""A mix and batch sizes by dataset must name exactly the phase's datasets."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest
from declare.language.spec import Phase
from declare.rules.queries.compatible import join_words
from declare.rules.spec_parts import LocatedBlock, dataset_names, get, phase_datasets, phases
from declare.rules.spec_view import View

CODE = "PHS616"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each name that is not a dataset of the phase, and each dataset without a value."""
    for phase in phases(view):
        used = phase_datasets(view, phase.block)
        for key in ("mix", "batch_size"):
            stated = get(phase.block, key)
            if isinstance(stated, dict) and used:
                yield from _compare(view, phase, key, (list(stated), used))


def _compare(
    view: View, phase: LocatedBlock[Phase], key: str, names: tuple[list[str], tuple[str, ...]]
) -> Iterator[Problem]:
    stated, used = names
    path = f"{phase.path}.{key}"
    for name in stated:
        if name in used:
            continue
        exists = name in dataset_names(view)
        near = suggest(name, [item for item in used if item not in stated])
        title = (
            f"`{key}` names dataset `{name}`, which phase `{phase.name}` does not train on"
            if exists
            else f"`{key}` of phase `{phase.name}` names an unknown dataset `{name}`"
        )
        yield Problem(
            CODE,
            title,
            at=f"{path}.{name}",
            on="key",
            label="not trained here" if exists else "no such dataset",
            helps=(f"use {join_words(near or list(used))}",),
            rewrites=(Rewrite(f"rename to `{near[0]}`", f"{path}.{name}", key=near[0], safe=False),)
            if near
            else (),
        )
    missing = [name for name in used if name not in stated]
    if missing and all(name in used for name in stated):
        yield Problem(
            CODE,
            f"`{key}` of phase `{phase.name}` leaves out dataset `{missing[0]}`",
            at=path,
            on="key",
            label=f"no value for `{missing[0]}`",
            also={f"datasets.{missing[0]}": "trained in this phase"},
            helps=(f"add {join_words(missing, 'and')}, or remove its tasks from the phase",),
        )
