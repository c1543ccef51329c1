"""What samplers by a field share: reading its column, and repeating a few samples many times."""

import numpy as np

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array


def one_each(column: Array, key: str, name: str, *, whole: bool) -> Array:
    """Return a column with one value for each sample [samples].

    Raises `ProblemError` DAT343 if the field has other values; `whole` requires class indices.
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
            f"the sampler needs {wanted}, but `{name}` has other values",
            at=f"sampler.{key}",
            label="not usable here",
            helps=(f"use a field of the type {kinds}",),
        )
    )


def rounds(positions: Array, number: int, generator: np.random.Generator) -> Array:
    """Return `number` of `positions`: random permutations of all of them, one after another."""
    whole, rest = divmod(number, len(positions))
    parts = [generator.permutation(positions) for _ in range(whole)]
    return np.concatenate([*parts, generator.permutation(positions)[:rest]])
