"""A point in time, encoded as calendar features or as time since an origin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._values import flat
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape

if TYPE_CHECKING:
    from declare.components.fields._times import Times

Feature = Literal["minute", "hour", "weekday", "day", "month", "day_of_year", "year", "days", "seconds"]


class Datetime(Field):
    """A date, a time of day, or both, as a feature vector [features]; NaN if missing.

    Read from text in one format, numbers since 1970 (`format: unix_s`), or times of Parquet and NumPy.
    Without `format`, ISO 8601 is used, or the one usual format that all texts have; if two formats fit and
    give different times (day or month first?), DAT383 is raised. `minute` (of the hour), `hour` (of the day),
    `weekday`, `day` (of the month), `month` and `day_of_year` become a sine and a cosine; `year` is a number;
    `days` and `seconds` are counted from `origin`. All are float64 until after the transforms: use
    `standardize`. Times with a UTC offset are converted to `timezone` (default UTC); times without one are
    used as they are. A column with both raises DAT383.

    Example:
        ```yaml
        fields: {sold: {type: datetime, format: "%d.%m.%Y %H:%M", features: [hour, weekday, seconds]}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("date", "time", "timestamp")

    layout: ClassVar[Layout] = "vector"
    tells_apart: ClassVar[bool] = False

    format: str | None = Param(
        None,
        min_length=1,
        description=(
            "`iso`, `unix_s`, `unix_ms`, `unix_us`, `unix_ns`, or a pattern such as `%d.%m.%Y`; "
            "default: inferred from the column"
        ),
    )
    features: list[Feature] | None = Param(
        None,
        min_length=1,
        description="the features; default: hour, weekday and month, as far as the format includes them",
    )
    timezone: str | None = Param(
        None,
        description=(
            "the time zone to which times with a UTC offset are converted (`Europe/Berlin`); default: UTC"
        ),
    )
    origin: str | None = Param(
        None,
        description="the origin of `days` and `seconds`, in ISO 8601; default: the first day of the data",
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an unsupported format, an unknown time zone, and an origin that is not a time."""
        from declare.components.fields._times import ISO, UNIX, unknown_directive

        yield from super().check()
        if self.format is not None and self.format != ISO and self.format not in UNIX:
            directive = unknown_directive(self.format)
            if directive is not None or "%" not in self.format:
                yield _unusable("format", self.format, directive or "it contains no directive such as `%Y`")
        if self.timezone is not None and not _is_zone(self.timezone):
            yield _unusable("timezone", self.timezone, "the time zone is not known")
        if self.origin is not None and _origin(self.origin) is None:
            yield _unusable("origin", self.origin, "it is not a time in ISO 8601")

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return format, features, origin and the number of gaps of a column."""
        import numpy as np

        from declare.components.fields._calendar import names_of
        from declare.components.fields._time_of_day import clock_counts
        from declare.components.fields._times import suspected_marks, times

        column = times(flat(values), self.missing, self.format)
        gone = np.isnat(column.moments)
        features = list(self.features or self._features(column))
        known = column.moments[~gone]
        first = known.min().astype("datetime64[D]") if len(known) else np.datetime64("1970-01-01")
        extra: dict[str, Any] = {
            "format": column.format,
            "features": features,
            "columns": names_of(features),
            "origin": self.origin or str(first),
            "zoned": column.zoned,
            "clock": clock_counts(column, self._local(column)),
            "read_as": f"{', '.join(features)} of times written as {column.format}",
            **suspected_marks(column.moments),
        }
        if column.others:
            extra["other_formats"] = column.others
        if column.unused:
            extra["unused_marks"] = column.unused
        shape = Shape("vector", (len(names_of(features)),))
        return FieldFacts(shape=shape, num_missing=int(gone.sum()), extra=extra)

    def _features(self, column: Times) -> list[Feature]:
        """Return the default features of a format: no hour for dates, no date for clocks, no weekday for months."""
        import numpy as np

        from declare.components.fields._times import is_clock, is_month, is_year

        if is_clock(column.format):
            return ["hour"]
        if is_month(column.format) or is_year(column.format):
            return ["month"] if is_month(column.format) else ["year"]
        local = self._local(column)[~np.isnat(column.moments)]
        dates = bool((local == local.astype("datetime64[D]")).all())
        return ["weekday", "month"] if dates else ["hour", "weekday", "month"]

    def _local(self, column: Times) -> Array:
        """Return times as local clock times of the zone."""
        if not column.zoned or self.timezone is None:
            return column.moments
        import polars as pl

        moments = pl.Series(column.moments).dt.replace_time_zone("UTC").dt.convert_time_zone(self.timezone)
        return moments.dt.replace_time_zone(None).to_numpy()

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if only some of the times have a time of day."""
        from declare.components.fields._time_of_day import partly_dates

        return partly_dates(facts.extra["features"], facts.extra.get("clock", {}))

    def doubts(self, values: Any, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if all new times are at midnight, and those of training were not."""
        from declare.components.fields._time_of_day import all_at_midnight, clock_counts

        column = self._later_times(values, facts)
        counts = clock_counts(column, self._local(column))
        return all_at_midnight(facts.extra["features"], counts, facts.extra.get("clock", {}))

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return float64 [rows, features], NaN if missing; times are parsed in the format of the whole column."""
        from declare.components.fields._calendar import columns as table_of
        from declare.components.fields._time_of_day import other_clock

        column, features = self._later_times(values, facts), facts.extra["features"]
        local = self._local(column)
        problem = other_clock(features, column, local, facts.extra.get("clock", {}))
        if problem is not None:
            raise ProblemError(problem)
        return table_of(features, local, column.moments, _origin(facts.extra["origin"]))

    def _later_times(self, values: Any, facts: FieldFacts) -> Times:
        """Return times in the format of the whole column; raises `ProblemError` for those of another time zone."""
        import numpy as np

        from declare.components.fields._time_findings import other_zones
        from declare.components.fields._times import times

        column = times(
            flat(values), self.missing, facts.extra["format"], facts.extra.get("other_formats", ())
        )
        if column.zoned != facts.extra["zoned"] and not np.isnat(column.moments).all():
            raise ProblemError(other_zones(column.zoned))
        return column


def _is_zone(name: str) -> bool:
    """Return whether polars, which converts the times, knows a time zone."""
    import polars as pl

    try:
        pl.Series([0]).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(name)
    except (pl.exceptions.PolarsError, ValueError):
        return False
    return True


def _origin(text: str) -> Any:
    """Return a time in ISO 8601 as datetime64[us]; None if it is not a time."""
    from declare.components.fields._times import ISO, times

    try:
        return times([text], (), ISO).moments[0]
    except ProblemError:
        return None


def _unusable(key: str, value: str, because: str) -> Problem:
    return Problem(
        "DAT383",
        f"`{key}: {value[:32]}` cannot be used",
        at=key,
        label="stated here",
        notes=(because,),
        helps=(f"correct it, or remove `{key}`",),
    )
