"""Packed numbers of NetCDF (CF conventions, section 8.1): attributes define what stored values mean."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from declare.contract.shapes import Array

_SCALING = ("scale_factor", "add_offset")
_LIMITS = ("valid_min", "valid_max")
_GAPS = ("_FillValue", "missing_value")
NAMES = (*_SCALING, *_LIMITS, "valid_range", *_GAPS, "_Unsigned")
"""Attributes of a dataset that define what its values mean."""
_EXACT = 2**53
"""The largest integer up to which float64 is exact."""


class Packing(NamedTuple):
    """Meaning of stored values: value = stored * scale + offset, except for stored values that mark gaps."""

    scale: float = 1.0
    offset: float = 0.0
    gaps: tuple[Any, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    unsigned: bool = False

    def unpack(self, stored: Array) -> Array | list[Any]:
        """Return the unpacked values: unchanged if possible, else float64 with NaN in gaps.

        A column of unscaled integers is a list with None in gaps. Raises ValueError for integers with gaps
        that float64 cannot represent.
        """
        if self.unsigned and stored.dtype.kind == "i":
            stored = stored.view(stored.dtype.str.replace("i", "u"))
            return self._with_unsigned_attributes(2 ** (8 * stored.dtype.itemsize)).unpack(stored)
        gone = self._missing_mask(stored)
        if stored.dtype.kind not in "iuf":
            return [None if empty else value for value, empty in zip(stored, gone, strict=True)]
        if (self.scale, self.offset) == (1.0, 0.0):
            return self._with_gaps(stored, gone)
        values = stored.astype(np.float64) * self.scale + self.offset
        values[gone] = np.nan
        return values

    def _with_unsigned_attributes(self, modulus: int) -> Self:
        """Return what holds of unsigned numbers: attributes have the signed type, if large ones are negative."""
        gaps = tuple(gap % modulus if isinstance(gap, int) else gap for gap in self.gaps)
        low, high = (limit % modulus if isinstance(limit, int) else limit for limit in (self.low, self.high))
        return self._replace(gaps=gaps, low=low, high=high)

    def description(self) -> str:
        """Return a description of the packing."""
        parts = []
        if (self.scale, self.offset) != (1.0, 0.0):
            offset = f" {'-' if self.offset < 0 else '+'} {abs(self.offset):g}" if self.offset else ""
            parts.append(f"stored numbers * {self.scale:g}{offset}")
        if self.unsigned:
            parts.append("unsigned")
        if self.gaps:
            parts.append(f"gaps where {', '.join(f'{gap}'[:12] for gap in self.gaps[:4])} is stored")
        if self.low > -math.inf or self.high < math.inf:
            parts.append(f"gaps outside {self.low:g} to {self.high:g}")
        return ", ".join(parts)

    def _with_gaps(self, stored: Array, gone: Array) -> Array | list[Any]:
        if not gone.any():
            return stored
        if stored.dtype.kind != "f":
            if stored.ndim == 1:
                return [None if empty else value for value, empty in zip(stored.tolist(), gone, strict=True)]
            if np.abs(stored[~gone].astype(np.float64)).max(initial=0) > _EXACT:
                raise ValueError(f"integers beyond {_EXACT:,} occur together with gaps")
            stored = stored.astype(np.float64)
        return np.where(gone, stored.dtype.type(np.nan), stored)

    def _missing_mask(self, stored: Array) -> Array:
        """Return which stored values mark gaps."""
        gone = np.zeros(stored.shape, bool)
        for gap in self.gaps:
            gone |= stored == (stored.dtype.type(gap) if stored.dtype.kind == "f" else gap)
        if stored.dtype.kind in "iuf" and (self.low > -math.inf or self.high < math.inf):
            gone |= (stored < self.low) | (stored > self.high)
        return gone


def packing_of(attributes: Mapping[str, Any], kind: str) -> Packing | None:
    """Return the packing that attributes define for values of a NumPy type; None if there is none.

    Raises ValueError for an attribute that cannot be parsed.
    """
    stated = {name: attributes[name] for name in NAMES if name in attributes}
    gaps = tuple(gap for name in _GAPS if name in stated for gap in _python_values(stated[name]))
    if kind not in "iuf":
        texts = tuple(gap.decode() if isinstance(gap, bytes) else gap for gap in gaps)
        return Packing(gaps=texts) if texts and kind in "OSU" else None
    for name in _GAPS:
        if any(not isinstance(gap, int | float) for gap in _python_values(stated.get(name, ()))):
            raise ValueError(f"`{name}` is not a number")
    low, high = _limits(stated)
    packing = Packing(
        _number(stated, "scale_factor", 1.0),
        _number(stated, "add_offset", 0.0),
        tuple(gap for gap in gaps if not math.isnan(gap)),
        low,
        high,
        str(next(iter(_python_values(stated.get("_Unsigned", ()))), "")).strip("b'").lower() == "true",
    )
    if packing.scale == 0:
        raise ValueError("`scale_factor` is 0")
    return None if packing == Packing() else packing


def _limits(stated: Mapping[str, Any]) -> tuple[float, float]:
    if "valid_range" not in stated:
        return _number(stated, "valid_min", -math.inf), _number(stated, "valid_max", math.inf)
    limits = _python_values(stated["valid_range"])
    if len(limits) != 2 or not all(isinstance(limit, int | float) for limit in limits):
        raise ValueError("`valid_range` is not two numbers")
    return limits[0], limits[1]


def _number(stated: Mapping[str, Any], name: str, default: float) -> float:
    if name not in stated:
        return default
    values = _python_values(stated[name])
    if len(values) != 1 or not isinstance(values[0], int | float) or not math.isfinite(values[0]):
        raise ValueError(f"`{name}` is not one finite number")
    return float(values[0]) if name in _SCALING else values[0]


def _python_values(value: Any) -> list[Any]:
    """Return an attribute's values as Python values."""
    return list(np.ravel(np.asarray(value)).tolist())
