"""A series at another sampling rate."""

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.facts import FieldFacts
from declare.contract.kinds.transform import Effect, Transform
from declare.contract.lengths import each_to_its_end
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape

_LARGEST = 50_000
_LARGEST_GAIN = 1000
"""New steps for one old one: more of them is a rate in another unit, and days of computing."""
_TOLERANCE = 1e-7


class Resample(Transform):
    """Resamples a series [channels, time] to `rate` with polyphase filtering (antialiased).

    A gap stays a gap at its own time: for the filter it is replaced by linear interpolation between its
    neighbours.

    The current rate is that of the field (`{type: series, rate: 250}`), or the result of an earlier
    `resample`; `from_rate` states it if the field does not. Source: scipy.signal.resample_poly.

    Example:
        ```yaml
        transforms: [{type: resample, field: eeg, from_rate: 250, rate: 100}]
        ```
    """

    effect: ClassVar[Effect] = "places"

    rate: float = Param(gt=0, le=1e9, description="sampling rate of the output (Hz)")
    from_rate: float | None = Param(
        None, gt=0, le=1e9, description="sampling rate of the input (Hz); default: that of the field"
    )

    def resolve(self, facts: Mapping[str, FieldFacts]) -> "Resample":
        """Return the transform with `from_rate` from its fields, if they all have the same rate."""
        rates = set(self._rates(facts).values())
        if self.from_rate is not None or len(rates) != 1 or None in rates:
            return self
        return self.model_copy(update={"from_rate": rates.pop()})

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Problem | None:
        """Yield a problem if a field has another rate than `from_rate`."""
        for name, rate in self._rates(facts).items():
            if None not in {rate, self.from_rate} and rate != self.from_rate:
                return Problem(
                    "DAT325",
                    f"`{name}` has a rate of {rate:g} Hz there, but `from_rate` is {self.from_rate:g}",
                    at="from_rate",
                    label="another rate",
                    notes=("the rate of the field, or that after an earlier `resample`",),
                    helps=("remove `from_rate`", f"or state `rate: {self.from_rate:g}` on the field"),
                )
        return None

    def facts_after(self, facts: FieldFacts) -> FieldFacts:
        """Return the facts with the new rate, or without one if the input rate is unknown."""
        return facts.model_copy(update={"rate": self.rate if isinstance(self.rate, int | float) else None})

    def _rates(self, facts: Mapping[str, FieldFacts]) -> dict[str, float | None]:
        names = [self.field] if self.field else self.fields or []
        return {name: facts[name].rate for name in names if name in facts}

    def _factors(self) -> tuple[int, int]:
        """Return the factors of upsampling and downsampling: the exact ratio of the rates."""
        ratio = Fraction(str(self.rate)) / Fraction(str(self.from_rate or self.rate))
        near = ratio.limit_denominator(_LARGEST)
        fits = near > 0 and abs(near / ratio - 1) <= _TOLERANCE
        return (near.numerator, near.denominator) if fits else (ratio.numerator, ratio.denominator)

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the series with its new length."""
        if shape.layout != "series":
            return Problem(
                "SHP511",
                f"`resample` takes a series, not {shape}",
                at="type",
                label="changes series",
                helps=("use a `series` field, or remove the transform",),
            )
        if self.from_rate is None:
            return Problem(
                "DAT348",
                "`resample` needs the current sampling rate of the data",
                at="rate",
                label="from which rate?",
                helps=("state `rate` on the field, or `from_rate` here",),
            )
        up, down = self._factors()
        refused = self._refuse_ratio(up, down)
        if refused is not None:
            return refused
        length = None if shape.dims[1] is None else -(-shape.dims[1] * up // down)
        return shape._replace(dims=(shape.dims[0], length))

    def _refuse_ratio(self, up: int, down: int) -> Problem | None:
        """Return why a rate cannot become another one."""
        if up > _LARGEST_GAIN * down:
            return Problem(
                "DAT348",
                f"`resample` makes {up / down:,.0f} steps of one, from {self.from_rate:g} to {self.rate:g} Hz",
                at="rate",
                label="in Hz?",
                notes=(f"one step becomes {_LARGEST_GAIN:,} at most",),
                helps=("state both rates in samples per second",),
            )
        if max(up, down) <= _LARGEST:
            return None
        return Problem(
            "DAT348",
            f"`resample` cannot go from {self.from_rate:g} to {self.rate:g} Hz: the ratio is too fine",
            at="rate",
            label="ratio too fine",
            notes=(f"it is {up} to {down}; the largest factor is {_LARGEST:,}",),
            helps=("choose a rate with a simpler ratio", "or resample in two steps"),
        )

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return [rows, channels, time] at the new rate."""
        import numpy as np
        from scipy.signal import resample_poly

        up, down = self._factors()

        def change(whole: Array) -> Array:
            exact = np.asarray(whole, np.float64)
            changed = np.asarray(resample_poly(_interpolate_gaps(exact), up, down, axis=-1, padtype="line"))
            return np.where(_gaps(exact, changed.shape[-1], down / up), np.nan, changed)

        return each_to_its_end(values, -(-values.shape[-1] * up // down), change)


def _interpolate_gaps(values: Array) -> Array:
    """Return series [..., time] with gaps interpolated linearly between neighbours; zeros without any value."""
    import numpy as np

    known = np.isfinite(values)
    if known.all():
        return values
    output = np.zeros_like(values)
    steps = np.arange(values.shape[-1])
    for place in np.ndindex(values.shape[:-1]):
        there = known[place]
        output[place] = np.interp(steps, steps[there], values[place][there]) if there.any() else 0.0
    return output


def _gaps(values: Array, width: int, stride: float) -> Array:
    """Return which of `width` new steps [..., width], `stride` old ones apart, are nearest to a gap."""
    import numpy as np

    nearest = np.minimum(np.rint(np.arange(width) * stride).astype(np.int64), values.shape[-1] - 1)
    return np.asarray(~np.isfinite(values)[..., nearest])
