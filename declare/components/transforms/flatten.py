"""All values of a sample as one vector."""

from typing import ClassVar

from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape


class Flatten(Transform):
    """Flattens an image, series or video to one vector [features], float32; images are scaled to 0..1.

    Example:
        ```yaml
        transforms: [{type: flatten, field: image}]
        ```
    """

    effect: ClassVar[Effect] = "places"

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return a vector with as many features as the sample has elements."""
        if shape.layout not in {"image", "series", "video", "sequence", "vector"}:
            return Problem(
                "SHP511",
                f"`flatten` takes arrays, not {shape}",
                at="type",
                label="changes arrays",
                helps=("use an `image`, `series`, `video` or `vector` field",),
            )
        if shape.numel is None:
            return Problem(
                "SHP512",
                f"`flatten` needs a fixed size, but {shape} varies",
                at="type",
                label="no fixed size",
                helps=("use one size: `resize` for images, `length` on the field for series",),
            )
        return Shape("vector", (shape.numel,))

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return [rows, features], float32 for pixels."""
        import numpy as np

        flat = values.reshape(len(values), -1)
        return flat * np.float32(1 / 255) if values.dtype == np.uint8 else np.asarray(flat)
