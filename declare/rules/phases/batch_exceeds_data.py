"""A batch larger than the training split makes every epoch a single step."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.phase_length import batch_size, train_sizes
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS640"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase whose batch is larger than all its training samples."""
    for phase in phases(view):
        size, sizes = batch_size(phase.block), train_sizes(view, phase.block)
        total = sum(sizes.values()) if sizes else 0
        if not size or not total or size <= total:
            continue
        near = 1 << max(0, (total // 4).bit_length() - 1)
        where = {
            f"datasets.{name}.source": f"{count} training samples" for name, count in (sizes or {}).items()
        }
        yield Problem(
            CODE,
            f"batch_size {size} is more than the {total} training samples of phase `{phase.name}`",
            at=f"{phase.path}.batch_size",
            label="each epoch is a single step",
            also=where,
            helps=(f"set a smaller `batch_size`, such as {near}",),
            rewrites=(Rewrite(f"set `batch_size: {near}`", f"{phase.path}.batch_size", near, safe=False),)
            if isinstance(phase.block.batch_size, int)
            else (),
        )
