"""Augments: random changes of a whole training batch on the device."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from declare.contract.component import Component
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class Augment(Component):
    """A random change of a whole training batch on the device, possibly of targets too."""

    takes_lengths: ClassVar[bool] = False
    """Whether it takes series of different lengths: it keeps `FIELD.lengths` [B] true, or leaves series alone."""

    def check_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> Iterable[Problem]:
        """Yield the problem that it changes nothing in a dataset whose model inputs and targets have these shapes."""
        return ()

    def mixed_fields(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> frozenset[str]:
        """Return the fields in which it mixes samples of a batch; targets must be mixed like inputs."""
        return frozenset()

    def build(self, inputs: Mapping[str, Shape], targets: Mapping[str, Shape]) -> TorchModule:
        """Return a module `(fields, generator) -> fields` over one dataset's batch (None: torch's own generator).

        Class indices may come back as class probabilities, pixels 0..255 as numbers 0..1.
        """
        raise NotImplementedError
