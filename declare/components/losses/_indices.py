"""What losses of classes share: the sizes of indices that go with logits."""

from declare.contract.shapes import Dim, Shape


def index_dims(output: Shape) -> tuple[Dim, ...]:
    """Return the sizes of an output without the axis of classes: the last one of a sequence, else the first."""
    return output.dims[:-1] if output.layout == "sequence" else output.dims[1:]
