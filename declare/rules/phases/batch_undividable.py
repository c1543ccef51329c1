"""A global batch must divide into its micro-batches and contain samples of every dataset."""

from collections.abc import Iterator

from declare.contract.kinds.mix import Mix
from declare.contract.problem import Problem, Rewrite
from declare.language.spec import Phase
from declare.rules.queries.phase_length import batch_size
from declare.rules.spec_parts import LocatedBlock, get, phase_datasets, phases
from declare.rules.spec_view import View

CODE = "PHS614"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each batch that cannot be divided as the phase requires."""
    for phase in phases(view):
        size = batch_size(phase.block)
        if size is not None:
            yield from _accumulate(phase, size)
            yield from _datasets(view, phase, size)


def _accumulate(phase: LocatedBlock[Phase], size: int) -> Iterator[Problem]:
    parts = get(phase.block, "accumulate") or 1
    if size % parts == 0:
        return
    near = max(parts, round(size / parts) * parts)
    yield Problem(
        CODE,
        f"a batch of {size} samples cannot be divided into {parts} equal micro-batches",
        at=f"{phase.path}.accumulate",
        label=f"{size} / {parts} is not an integer",
        also={f"{phase.path}.batch_size": f"{size} samples per step"},
        helps=(f"set `batch_size: {near}`, or an `accumulate` that divides {size}",),
        rewrites=(Rewrite(f"set `batch_size: {near}`", f"{phase.path}.batch_size", near, safe=False),)
        if isinstance(phase.block.batch_size, int)
        else (),
    )


def _datasets(view: View, phase: LocatedBlock[Phase], size: int) -> Iterator[Problem]:
    names = phase_datasets(view, phase.block)
    if not isinstance(get(phase.block, "batch_size"), int) or size >= len(names):
        return
    mix = get(phase.block, "mix")
    if isinstance(mix, Mix) and mix.alternates:
        return  # each batch is of one dataset
    yield Problem(
        CODE,
        f"a batch of {size} samples is too small for samples of {len(names)} datasets",
        at=f"{phase.path}.batch_size",
        label=f"{size} samples per step",
        also={f"datasets.{name}": "needs a sample in each batch" for name in names[:3]},
        helps=(f"set `batch_size` to {len(names)} or more, or use `mix: alternate`",),
    )
