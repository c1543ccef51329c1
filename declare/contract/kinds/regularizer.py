"""Regularizers: penalties on parameters."""

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.torch_types import TorchModule


class Regularizer(Component):
    """A penalty on matching parameters, added to the loss."""

    match: str = Param(description="a glob over parameter names")
    weight: float = Param(gt=0, le=1e6, description="its factor in the loss")

    def build(self) -> TorchModule:
        """Return a module that maps a list of parameters to an unweighted scalar penalty."""
        raise NotImplementedError
