"""A multichannel time series for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.components.fields._axes import Order
from declare.contract.data import FieldFacts
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


class Series(ArrayField):
    """A time series [channels, time], float32, channels first; samples [time] are one channel.

    Arrays that lie [time, channels], as tables and Keras have them, say `layout: time_channels`; stated sizes that
    fit only so are DAT322, which `dcl fix` mends. New samples to predict are read the same way.

    Samples may differ in length: `length` then cuts longer ones at their end and pads shorter ones there with
    zeros; without it all are padded to the longest.

    Example:
        ```yaml
        fields: {eeg: {type: series, channels: 21, rate: 250}}
        ```
    """

    layout: ClassVar[Layout] = "series"
    stated_axes: ClassVar[Mapping[str, int]] = {"channels": 0, "length": 1}
    axis_orders: ClassVar[Mapping[str, Order]] = {"channels_time": (0, 1), "time_channels": (1, 0)}

    channels: int | None = Param(None, ge=1, description="number of channels; checked against the data")
    length: int | None = Param(
        None,
        ge=1,
        description="number of time steps; cuts and pads samples that differ, else checked against the data",
    )
    rate: float | None = Param(None, gt=0, description="samples per second (Hz)")
    layout_: Literal["channels_time", "time_channels"] = Param(
        "channels_time", alias="layout", description="the axes of a sample in the source"
    )

    def sample_layout(self) -> str:
        """Return how the axes of samples lie."""
        return self.layout_

    def examine(self, values: Any) -> FieldFacts:
        """Return shape, range, moments, rate, and the shortest and longest length where they differ."""
        from declare.components.fields._numbers import unused_marks

        samples = self._stacked(values)
        facts = self._facts(samples, unused_marks(values, self.missing)).model_copy(
            update={"rate": self.rate}
        )
        lengths = {sample.shape[1] for sample in samples}
        if len(lengths) == 1:
            return facts
        dims = (facts.shape.dims[0], self.length)
        extra = facts.extra | {"lengths": [min(lengths), max(lengths)]}
        return facts.model_copy(update={"shape": Shape(self.layout, dims), "extra": extra})

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return float32 [rows, channels, time], NaN after the end of shorter samples."""
        import numpy as np

        found = super().encode(values, facts)
        length = facts.shape.dims[1] if "lengths" in facts.extra else None
        if length is None or found.shape[2] == length:
            return found
        short = max(0, length - found.shape[2])
        return np.pad(found[:, :, :length], ((0, 0), (0, 0), (0, short)), constant_values=np.nan)

    def _stacked(self, values: Any) -> np.ndarray[Any, Any] | list[np.ndarray[Any, Any]]:
        """Take samples [time] as one channel."""
        import numpy as np

        last = self.layout_ == "time_channels"
        if isinstance(values, np.ndarray) and values.ndim == 2:
            return super()._stacked(values[..., None] if last else values[:, None])
        if all(isinstance(value, list) and value and not isinstance(value[0], list) for value in values):
            return super()._stacked([[[item] for item in value] if last else [value] for value in values])
        return super()._stacked(values)
