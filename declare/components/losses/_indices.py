"""What classification losses share: the sizes of the class indices that match logits."""

from declare.contract.shapes import Dim, Shape


def index_dims(output: Shape) -> tuple[Dim, ...]:
    """Return the sizes of an output without its class axis: the last axis of a sequence, else the first."""
    return output.dims[:-1] if output.layout == "sequence" else output.dims[1:]
