"""A multichannel time series for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.contract.data import FieldFacts
from declare.contract.shapes import Layout


class Series(ArrayField):
    """A time series [channels, time], float32, channels first.

    Example:
        ```yaml
        fields: {eeg: {type: series, channels: 21, rate: 250}}
        ```
    """

    layout: ClassVar[Layout] = "series"
    stated_axes: ClassVar[Mapping[str, int]] = {"channels": 0, "length": 1}

    channels: int | None = Param(None, ge=1, description="number of channels; checked against the data")
    length: int | None = Param(None, ge=1, description="number of time steps; checked against the data")
    rate: float | None = Param(None, gt=0, description="samples per second (Hz)")

    def examine(self, values: Any) -> FieldFacts:
        """Return shape, range, moments and rate."""
        return super().examine(values).model_copy(update={"rate": self.rate})
