"""A multichannel time series for each sample."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.components.fields._axes import Order, unclear
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.lengths import KEY
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import Array, Layout, Shape


class Series(ArrayField):
    """A numeric time series [channels, time], channels first; samples [time] have one channel.

    Arrays [time, channels], as in tables and Keras, need `layout: time_channels`; stated sizes that fit only
    this order are reported as DAT322, which `dcl fix` corrects. New samples to predict are read in the same
    order. If no size is stated, more channels than steps are DAT326; if no `layout` is stated either, one step, or
    a number of channels that varies, is DAT324.

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
    layout_: Literal["channels_time", "time_channels"] | None = Param(
        None, alias="layout", description="axis order of a sample in the source; default: channels_time"
    )

    def sample_layout(self) -> str:
        """Return the layout of the samples."""
        return self.layout_ or "channels_time"

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if stated sizes contradict the data, or if channels look like steps."""
        yield from list(super().compare(facts)) or self._unclear_order(facts)

    def _unclear_order(self, facts: FieldFacts) -> Iterator[Problem]:
        """Yield DAT324 for several channels of one step, DAT326 for more channels than steps, if not stated."""
        channels, steps = facts.shape.dims
        if self.channels is not None or self.length is not None or steps is None:
            return  # the axis that varies is time
        if channels is None or channels > steps == 1:
            if self.layout_ is None:
                yield unclear((channels, steps), tuple(self.axis_orders))
        elif channels > steps:
            stated_layout = self.sample_layout()
            yield _more_channels(
                channels, steps, next(name for name in self.axis_orders if name != stated_layout)
            )

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
        extra = facts.extra | self._lengths_changed([sample.shape[-1] for sample in samples])
        shape = Shape(self.layout, (facts.shape.dims[0], self.length))
        return facts.model_copy(update={"shape": shape, "extra": extra})

    def _lengths_changed(self, steps: list[int]) -> dict[str, str]:
        """Return how many samples the stated length truncates and pads, in words."""
        if self.length is None:
            return {}
        longer, shorter = (sum(map(test, steps)) for test in (self.length.__lt__, self.length.__gt__))
        return {"read_as": f"{longer:,} of {len(steps):,} samples truncated, {shorter:,} padded"}

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

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that also gives samples of one channel their axis, and truncates to a stated length."""
        code = super().code(name, facts, raw).expression
        channels, steps = facts.shape.dims
        if self.length is not None:
            code += f"[..., :{steps}]"
        if channels == 1 and self._order() != (0, 1):
            raise NotWrittenError(f"series of one channel in another order of axes (`{name}`)")
        return Code(f"{code}.reshape(-1, 1, {steps})" if channels == 1 else code)

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


def _more_channels(channels: int, steps: int, other: str) -> Problem:
    return Problem(
        "DAT326",
        f"series have {channels} channels of only {steps} time steps",
        label="in another axis order?",
        notes=("tables and Keras write time first; fields have channels first",),
        helps=(f"state `layout: {other}` if the axes are swapped, else `channels: {channels}`",),
        rewrites=(Rewrite(f"set `layout: {other}`", "layout", other, safe=False),),
    )


def _is_flat(value: Any) -> bool:
    """Return whether a sample is a single channel: a flat list or array of numbers."""
    if isinstance(value, list):
        return not value or not isinstance(value[0], list)
    return getattr(value, "ndim", 0) == 1
