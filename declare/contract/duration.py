"""A duration: `5 epochs`, `300 steps`, or `10%` of the phase."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(epochs?|steps?|%)\s*")


@dataclass(frozen=True)
class Duration:
    """A length of training in the unit that the spec states."""

    value: float
    unit: Literal["epochs", "steps", "%"]

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Parse `text`; raises ValueError that names the three forms."""
        match = _FORM.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError("a duration is `5 epochs`, `300 steps` or `10%`")
        unit = match[2] if match[2] == "%" else match[2].rstrip("s") + "s"
        value = float(match[1])
        if unit == "steps" and not value.is_integer():
            raise ValueError("a number of steps must be an integer")
        if unit == "%" and value > 100:
            raise ValueError("a fraction of the phase is at most 100%")
        return cls(value, unit)  # type: ignore[arg-type]

    def steps(self, total: int, per_epoch: int) -> int:
        """Return the number of optimizer steps in a phase of `total` steps with `per_epoch` steps an epoch."""
        factor = {"steps": 1.0, "epochs": float(per_epoch), "%": total / 100}[self.unit]
        # Rounding first keeps 10% of 30 at 3 although 30 / 100 * 10 is not exact in binary.
        return math.ceil(round(self.value * factor, 6))

    def __str__(self) -> str:
        number = format(Decimal(repr(float(self.value))), "f").removesuffix(".0")
        return f"{number}%" if self.unit == "%" else f"{number} {self.unit}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic read a duration from its text."""
        from pydantic_core import core_schema

        def read(value: object) -> Duration:
            return value if isinstance(value, Duration) else cls.parse(value)

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe a duration to editors."""
        return {
            "type": "string",
            "pattern": r"^\s*\d+(\.\d+)?\s*(epochs?|steps?|%)\s*$",
            "examples": ["5 epochs", "300 steps", "10%"],
        }
