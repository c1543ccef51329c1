"""What single precision makes of numbers that models read: after transforms, over training samples."""

from pydantic import BaseModel, ConfigDict, ValidationError

from declare.data.read import cache
from declare.data.read.fingerprints import cache_identity
from declare.ir.plan import DatasetPlan

_VERSION = 1


class RoundedValues(BaseModel):
    """The feature or channel of a field that single precision changes most.

    `distinct` different values become `left`; `gap` is how far apart two are at most that become one, `std` the
    deviation, both after transforms; `infinite` counts values that are too large.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature: int
    distinct: int
    left: int
    gap: float
    std: float
    largest: float
    infinite: int = 0

    @property
    def share_lost(self) -> float:
        """Return the fraction of different values that become equal."""
        return 1 - self.left / self.distinct


class _CachedRounding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rounded: RoundedValues | None


def rounded_values(plan: DatasetPlan, path: str, field: str) -> RoundedValues | None:
    """Return what single precision changes of a field of the dataset at `path`, kept in the user's cache.

    None if it changes nothing. Raises `ProblemError` if samples cannot be read or transformed.
    """
    transforms = [
        (index, block)
        for index, block in enumerate(plan.transforms)
        if field in (block.get("field"), *(block.get("fields") or ()))
    ]
    key = cache.key(_VERSION, cache_identity(plan), plan.split, field, plan.fields[field].block, transforms)
    place = cache.folder("rounded", f"{key}.json")
    kept = cache.read_text(place)
    if kept is not None:
        try:
            return _CachedRounding.model_validate_json(kept).rounded
        except ValidationError:
            place.unlink(missing_ok=True)
    from declare.data.store.rounding import most_rounded

    worst = most_rounded(plan, path, field)
    cache.write_text(place, _CachedRounding(rounded=worst).model_dump_json())
    return worst
