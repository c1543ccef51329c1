"""Metrics of torchmetrics, missing targets left out. Shapes: N samples, K classes, L labels, W width."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class FromTorchmetrics:
    """A torchmetrics metric that leaves missing targets out and is NaN where it has seen nothing.

    Takes probabilities [N, K, ...] and indices [N, ...] (-1 is missing), probabilities and labels [N, L]
    (NaN is missing), or values [N] or [N, W] (rows with a NaN are left out).
    """

    def __init__(self, metric: Any, *, kind: str) -> None:
        self._metric = metric
        self._kind = kind
        self._seen = False

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a batch."""
        if self._kind == "values":
            known = ~(target.isnan() if target.dim() == 1 else target.flatten(1).isnan().any(1))
            prediction, target = prediction[known].float(), target[known].float()
            present = bool(len(target))
        elif self._kind == "label_logits":
            present = not bool(target.isnan().all())
            target = target.nan_to_num(-1.0).long()
        else:
            present = bool((target >= 0).any())
        if present:
            self._seen = True
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._metric.to(prediction.device).update(prediction, target)

    def portion(self) -> tuple[bool, dict[str, Any]]:
        """Return whether this process has seen anything, and its states."""
        return self._seen, _on_cpu(self._metric.metric_state)

    def unite(self, portions: Sequence[tuple[bool, dict[str, Any]]]) -> None:
        """Take what all processes have seen, by rank."""
        self.reset()
        # The library puts a state that comes in before its own.
        for seen, state in reversed(portions):
            if seen:
                self._seen = True
                self._metric.cpu().merge_state(state)

    def compute(self) -> Tensor:
        """Return the figure, a scalar; NaN where it is not defined."""
        if not self._seen:
            return torch.tensor(torch.nan)
        with warnings.catch_warnings():
            # torchmetrics warns of what is not defined on few samples; here that is a figure like any other.
            warnings.simplefilter("ignore")
            value = self._metric.compute()
        return value.float().mean()

    def reset(self) -> None:
        """Forget everything."""
        self._seen = False
        self._metric.reset()


def _on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Return states (tensors, or lists of them) on the processor."""
    return {
        name: [item.cpu() for item in value] if isinstance(value, list) else value.cpu()
        for name, value in state.items()
    }
