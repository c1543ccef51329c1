"""Parameters that are values of the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataValue:
    """Marks a number that is compared with raw data and not computed with: any number may stand there."""
