"""Counts of events for each unit: spikes of neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.contract.shapes import Layout


class Counts(ArrayField):
    """Counts [units], float32, not negative; NaN where not recorded.

    Example:
        ```yaml
        fields: {spikes: {type: counts}}
        ```
    """

    layout: ClassVar[Layout] = "counts"
    stated_axes: ClassVar[Mapping[str, int]] = {"width": 0}

    width: int | None = Param(None, ge=1, description="number of units; checked against the data")
