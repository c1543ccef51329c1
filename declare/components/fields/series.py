"""A multichannel time series for each sample."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.components.fields._axes import Order
from declare.contract.facts import FieldFacts
from declare.contract.lengths import KEY
from declare.contract.shapes import Array, Layout, Shape


class Series(ArrayField):
    """A numeric time series [channels, time], channels first; samples [time] have one channel.

    Arrays [time, channels], as in tables and Keras, need `layout: time_channels`; stated sizes that fit only
    this order are reported as DAT322, which `dcl fix` corrects. New samples to predict are read in the same
    order.

    Samples may differ in length: each is read to its own end, and padding is ignored. `length` truncates
    longer samples at the end and pads shorter ones there with zeros, for modules that need a fixed length.

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
        description=(
            "number of time steps: longer samples are truncated, shorter ones padded; checked if "
            "all are equally long"
        ),
    )
    rate: float | None = Param(None, gt=0, le=1e12, description="sampling rate, samples per second (Hz)")
    layout_: Literal["channels_time", "time_channels"] = Param(
        "channels_time", alias="layout", description="axis order of a sample in the source"
    )

    def sample_layout(self) -> str:
        """Return the layout of the samples."""
        return self.layout_

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return shape, range, moments, rate, and the shortest and longest length if they differ."""
        from declare.components.fields._numbers import unused_marks

        samples = self._stack(values)
        self._refuse_merged(values, samples)
        facts = self._facts(samples, unused_marks(values, self.missing)).model_copy(
            update={"rate": self.rate}
        )
        if KEY not in facts.extra:
            return facts
        return facts.model_copy(update={"shape": Shape(self.layout, (facts.shape.dims[0], self.length))})

    def takes_any_length(self, facts: FieldFacts) -> bool:
        """Return whether a length is stated, to which samples are truncated and padded, or lengths differ."""
        return self.length is not None or super().takes_any_length(facts)

    def allow_shorter(self, facts: FieldFacts) -> FieldFacts:
        """Return facts under which samples may be shorter than the stated length."""
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
        """Treat samples [time] as one channel."""
        import numpy as np

        last = self.layout_ == "time_channels"
        if isinstance(values, np.ndarray) and values.ndim == 2:
            return super()._stack(values[..., None] if last else values[:, None])
        lists = [value for value in values if not isinstance(value, str | float | None)]
        if lists and all(map(_is_flat, lists)):
            return super()._stack([_one_channel(value, last=last) for value in values])
        return super()._stack(values)


def _one_channel(value: Any, *, last: bool) -> Any:
    """Return a flat sample with an axis of channels; a gap stays one."""
    if isinstance(value, str | float | None):
        return value
    return [[item] for item in value] if last else [value]


def _is_flat(value: Any) -> bool:
    """Return whether a sample is a single channel: a flat list or array of numbers."""
    if isinstance(value, list):
        return not value or not isinstance(value[0], list)
    return getattr(value, "ndim", 0) == 1
