"""A model of timm without its classifier. Shapes: B batch, C channels, H, W size, F features, T tokens."""

import inspect
from collections.abc import Callable
from typing import Any

import timm
from torch import Tensor, nn


class Timm(nn.Module):
    """Any timm model as an encoder.

    Input x[B, C, H, W], normalised as the weights want it. Output `output` [B, F], the pooled features before
    the classifier, beside the unpooled ones if the model has them: `map` [B, F', H', W'] (channels first
    always) of models that keep a grid, `sequence` [B, T, F'] of those that keep tokens. Source: R. Wightman.

    Args:
        name: name in `timm.list_models()`, with or without a tag of weights (`resnet18.a1_in1k`).
        channels: channels of the input; other than 3, timm folds the weights of the first layer.
        pretrained: load timm's own weights.
        args: further keyword arguments of the model (`img_size`, `drop_path_rate`).
    """

    model: Any

    def __init__(self, name: str, channels: int, *, pretrained: bool = False, **args: Any) -> None:
        super().__init__()
        self.model = timm.create_model(name, pretrained=pretrained, in_chans=channels, num_classes=0, **args)
        head = getattr(self.model, "forward_head", None)
        self._before_classifier = {"pre_logits": True} if head is not None and _stops(head) else {}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return `output` [B, F], pooled, and `map` [B, F', H', W'] or `sequence` [B, T, F']."""
        if not hasattr(self.model, "forward_head"):
            return {"output": self.model(x)}
        features = self.model.forward_features(x)
        pooled = {"output": self.model.forward_head(features, **self._before_classifier)}
        if isinstance(features, Tensor) and features.dim() == 4:
            last = features.shape[3] == self.model.num_features != features.shape[1]
            return pooled | {"map": features.permute(0, 3, 1, 2) if last else features}
        if (
            isinstance(features, Tensor)
            and features.dim() == 3
            and features.shape[2] == self.model.num_features
        ):
            return pooled | {"sequence": features}
        return pooled


def _stops(head: Callable[..., Any]) -> bool:
    """Return whether a head can stop before its classifier: it has the argument for it, or takes any."""
    parameters = inspect.signature(head).parameters.values()
    return any(item.name == "pre_logits" or item.kind is item.VAR_KEYWORD for item in parameters)
