"""A vector of numbers for each sample."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.contract.shapes import Layout


class Vector(ArrayField):
    """A numeric feature vector [features]; NaN is kept and counted.

    Example:
        ```yaml
        fields: {behaviour: {type: vector, width: 3}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("array", "tensor", "embedding", "ndarray", "float_vector")

    layout: ClassVar[Layout] = "vector"
    stated_axes: ClassVar[Mapping[str, int]] = {"width": 0}

    width: int | None = Param(None, ge=1, description="number of features; checked against the data")
