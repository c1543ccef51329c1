"""How far the predictions at one scale are from those at another. Shapes: N rows, K classes, ... anything."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import require_same
from declare.nn.precision import at_least_single


def kl(output: Tensor, teacher: Tensor) -> Tensor:
    """Return the sum over rows of KL(teacher || output) of class scores [N, K, ...], averaged over places.

    Source: Hinton et al. 2015, at temperature 1.
    """
    require_same(output, teacher)
    places = max(1, output[0, 0].numel()) if len(output) else 1
    log_p = functional.log_softmax(at_least_single(output), 1)
    log_q = functional.log_softmax(at_least_single(teacher), 1)
    return functional.kl_div(log_p, log_q, reduction="sum", log_target=True) / places


def mse(output: Tensor, teacher: Tensor) -> Tensor:
    """Return the sum over rows of the mean squared difference of predictions [N, ...]."""
    require_same(output, teacher)
    difference = (at_least_single(output) - at_least_single(teacher)).square()
    return difference.flatten(1).mean(1).sum() if difference.ndim > 1 else difference.sum()


COMPARISONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"kl": kl, "mse": mse}


class Consistency:
    """Compares the predictions of a step's scales with those of the first, which are detached.

    `start` begins a batch; the first predictions after it are the teacher's and give zero.
    """

    def __init__(self, comparison: str) -> None:
        self._compare = COMPARISONS[comparison]
        self._teacher: list[Tensor] | None = None

    def start(self) -> None:
        """Forget the teacher of the batch before."""
        self._teacher = None

    def __call__(self, outputs: list[Tensor]) -> Tensor:
        """Return the sum over rows and tasks of how far `outputs` are from the teacher's."""
        if self._teacher is None:
            self._teacher = [output.detach() for output in outputs]
            return outputs[0].new_zeros((), dtype=torch.float32)
        pairs = zip(outputs, self._teacher, strict=True)
        return torch.stack([self._compare(output, teacher) for output, teacher in pairs]).sum()
