"""A multichannel time series for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.components.fields._axes import Order
from declare.contract.facts import FieldFacts
from declare.contract.lengths import KEY
from declare.contract.shapes import Array, Layout, Shape


class Series(ArrayField):
    """A time series [channels, time] of numbers, channels first; samples [time] are one channel.

    Arrays that lie [time, channels], as tables and Keras have them, say `layout: time_channels`; stated sizes that
    fit only so are DAT322, which `dcl fix` mends. New samples to predict are read the same way.

    Samples may differ in length: each is read to its own end, and what lies beyond is left out. `length` cuts longer
    ones at their end and fills shorter ones up there with zeros, for modules that need one length.

    Example:
        ```yaml
        fields: {eeg: {type: series, channels: 21, rate: 250}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("timeseries", "time_series", "signal", "audio", "waveform")

    layout: ClassVar[Layout] = "series"
    stated_axes: ClassVar[Mapping[str, int]] = {"channels": 0, "length": 1}
    axis_orders: ClassVar[Mapping[str, Order]] = {"channels_time": (0, 1), "time_channels": (1, 0)}

    channels: int | None = Param(None, ge=1, description="number of channels; checked against the data")
    length: int | None = Param(
        None,
        ge=1,
        description="number of time steps; cuts and pads samples that differ, else checked against the data",
    )
    rate: float | None = Param(None, gt=0, le=1e12, description="samples per second (Hz)")
    layout_: Literal["channels_time", "time_channels"] = Param(
        "channels_time", alias="layout", description="the axes of a sample in the source"
    )

    def sample_layout(self) -> str:
        """Return how the axes of samples lie."""
        return self.layout_

    def examine(self, values: Any) -> FieldFacts:
        """Return shape, range, moments, rate, and the shortest and longest length where they differ."""
        from declare.components.fields._numbers import unused_marks

        samples = self._stack(values)
        facts = self._facts(samples, unused_marks(values, self.missing)).model_copy(
            update={"rate": self.rate}
        )
        if KEY not in facts.extra:
            return facts
        return facts.model_copy(update={"shape": Shape(self.layout, (facts.shape.dims[0], self.length))})

    def takes_any_length(self, facts: FieldFacts) -> bool:
        """Return whether a length is stated, to which samples are cut and filled up, or lengths differ."""
        return self.length is not None or super().takes_any_length(facts)

    def allow_shorter(self, facts: FieldFacts) -> FieldFacts:
        """Return facts under which samples may be shorter than the length that is stated."""
        if self.length is None or KEY in facts.extra:
            return facts
        return facts.model_copy(update={"extra": facts.extra | {KEY: [1, self.length]}})

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return numbers [rows, channels, time], NaN after the end of shorter samples."""
        import numpy as np

        samples = super().encode(values, facts)
        if self.length is None or samples.shape[2] == self.length:
            return samples
        short = max(0, self.length - samples.shape[2])
        return np.pad(samples[:, :, : self.length], ((0, 0), (0, 0), (0, short)), constant_values=np.nan)

    def _stack(self, values: Any) -> Array | list[Array]:
        """Take samples [time] as one channel."""
        import numpy as np

        last = self.layout_ == "time_channels"
        if isinstance(values, np.ndarray) and values.ndim == 2:
            return super()._stack(values[..., None] if last else values[:, None])
        if len(values) and all(map(_is_flat, values)):
            return super()._stack([[[item] for item in value] if last else [value] for value in values])
        return super()._stack(values)


def _is_flat(value: Any) -> bool:
    """Return whether a sample is one channel: a list or an array of numbers."""
    if isinstance(value, list):
        return not value or not isinstance(value[0], list)
    return getattr(value, "ndim", 0) == 1
