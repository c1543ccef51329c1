"""Types of torch for annotations: type checkers see the real ones; at run time nothing is imported."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor as TorchTensor
    from torch.nn import Module as TorchModule
    from torch.optim import Optimizer as TorchOptimizer

    from declare.nn.losses.summed_loss import SummedLoss
else:
    SummedLoss = TorchModule = TorchOptimizer = TorchTensor = Any

__all__ = ["SummedLoss", "TorchModule", "TorchOptimizer", "TorchTensor"]
