"""Mixes: how several datasets share a batch."""

from collections.abc import Mapping
from typing import ClassVar

from declare.contract.component import Component


class Mix(Component):
    """How several datasets share a batch."""

    default: ClassVar[str] = "proportional"
    """The type if a phase states none."""
    alternates: ClassVar[bool] = False
    """Whether each batch is of one dataset, in turn."""

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return each dataset's fraction of the samples (they sum to 1) for training-split sizes."""
        raise NotImplementedError
