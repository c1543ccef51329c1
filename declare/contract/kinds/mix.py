"""Mixes: how several datasets share a batch."""

from __future__ import annotations

from collections.abc import Mapping

from declare.contract.component import Component


class Mix(Component):
    """How several datasets share a batch."""

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return each dataset's share of the samples (they sum to 1) for training-split sizes."""
        raise NotImplementedError
