"""What attention modules share: costs of blocks, and checks of heads, positions and masks."""

from collections.abc import Iterable, Sequence

from declare.contract.kinds.module import Inputs, Node
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import input_path
from declare.contract.problem import Problem
from declare.contract.shapes import Dim

_SCORES = 3


def block(
    tally: CostCounter, dim: int, hidden: int, sources: Sequence[Dim], *, dropout_heads: int = 0
) -> None:
    """Add a block over as many positions as the first of `sources`; it attends to each of them.

    Attention with dropout keeps its scores for the backward pass, their mask and the scores that remain, in each of
    `dropout_heads`; without dropout kernels keep none.
    """
    length = sources[0]
    for source in sources:
        tally.norm(dim, (length,))
        tally.linear(dim, dim, positions=length)
        tally.linear(dim, dim, positions=source).linear(dim, dim, positions=source)
        pairs = None if length is None or source is None else length * source
        tally.multiply(None if pairs is None else 2 * dim * pairs)
        tally.write(_SCORES * dropout_heads, (length, source))
        tally.linear(dim, dim, positions=length).write(dim, (length,))
    tally.norm(dim, (length,)).linear(dim, hidden, positions=length).write(hidden, (length,))
    tally.linear(hidden, dim, positions=length).write(dim, (length,))


def uneven(dim: int, heads: int, *, rotary: bool) -> Iterable[Problem]:
    """Yield the problem (SHP505) that `heads` does not divide `dim`."""
    if dim % heads == 0 and (not rotary or dim // heads % 2 == 0):
        return
    even = " into even parts" if rotary and dim % heads == 0 else ""
    better = -(-dim // (2 * heads)) * 2 * heads
    yield Problem(
        "SHP505",
        f"{heads} heads do not divide {dim} features{even}",
        at="heads",
        label="must divide `dim`",
        helps=(f"choose `dim: {better}`, or another number of heads",),
    )


def too_few_positions(node: Node, stated: int | None, length: Dim) -> Problem | None:
    """Return the problem (SHP521) that the input is longer than the stated number of learned positions."""
    if stated is None or length is None or length <= stated:
        return None
    return Problem(
        "SHP521",
        f"`{node.type_name()}` has {stated} learned positions, but its input has {length}",
        at="max_positions",
        label=f"{stated} positions",
        helps=(f"set `max_positions: {length}`, a smaller `max_length`, or `positions: rotary`",),
    )


def mask_mismatch(node: Node, inputs: Inputs, port: str, length: Dim) -> Problem | None:
    """Return the problem (SHP543) that the mask at `port` does not have one value for each of `length` positions.

    A mask whose length varies between samples may fit.
    """
    for shape in inputs.get(port, ()):
        if len(shape.dims) == 1 and shape.dims[0] in {None, length}:
            continue
        values = f"{shape.dims[0]} values" if shape.dims else "one value"
        positions = "as many as there are tokens or steps" if length is None else f"{length}"
        return Problem(
            "SHP543",
            f"`{port}` has {values} for each sample, but the input has {positions}",
            at=input_path(node, port),
            label=f"{shape}",
            helps=("give a mask with a value for each position, such as another module's `mask`",),
        )
    return None
