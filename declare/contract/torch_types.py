"""Types of torch for annotations: type checkers see those of torch; at run time nothing is imported."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor as TorchTensor
    from torch.nn import Module as TorchModule
    from torch.optim import Optimizer as TorchOptimizer
else:
    TorchModule = TorchOptimizer = TorchTensor = Any

__all__ = ["TorchModule", "TorchOptimizer", "TorchTensor"]
