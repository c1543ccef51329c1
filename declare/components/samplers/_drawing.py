"""What samplers by a field share: reading its column, and going round a few samples many times."""

import numpy as np

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array


def one_each(column: Array, key: str, name: str, *, whole: bool) -> Array:
    """Return a column with one value for each sample [samples].

    Raises `ProblemError` DAT343 where the field holds something else; `whole` asks for class indices.
    """
    flat = column.reshape(len(column), -1) if len(column) else column.reshape(0, 1)
    fits = flat.shape[1] == 1 and flat.dtype.kind in ("iub" if whole else "fiub")
    if fits:
        return np.asarray(flat[:, 0])
    wanted = "one class or name for each sample" if whole else "one number for each sample"
    kinds = "`category` or `id`" if whole else "`number`"
    raise ProblemError(
        Problem(
            "DAT343",
            f"the sampler needs {wanted}, `{name}` has other values",
            at=f"sampler.{key}",
            label="not usable here",
            helps=(f"name a field of the type {kinds}",),
        )
    )


def rounds(positions: Array, number: int, generator: np.random.Generator) -> Array:
    """Return `number` of `positions`: all of them in random order, then all again, as often as it takes."""
    whole, rest = divmod(number, len(positions))
    parts = [generator.permutation(positions) for _ in range(whole)]
    return np.concatenate([*parts, generator.permutation(positions)[:rest]])
