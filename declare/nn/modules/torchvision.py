"""A model of torchvision without its classifier. Shapes: B batch, C channels, H, W size, F features."""

from typing import Any

from torch import Tensor, nn
from torchvision import models

_TRUNKS = (
    "permute",
    "layer4",
    "trunk_output",
    "conv5",
    "Mixed_7c",
    "inception5b",
    "blocks",
    "features",
    "layers",
)
"""Names of the part whose output is the last feature map, in the order in which they are looked for."""


class Torchvision(nn.Module):
    """Any classification model of torchvision as an encoder.

    Input x[B, C, H, W], normalised as the weights want it. Output `output` [B, F], the features before the
    last layer of the classifier, and `map` [B, F', H', W'] of convolutional models. Source: torchvision.

    Args:
        name: name in `torchvision.models.list_models(module=torchvision.models)`.
        channels: channels of the input; if it is not 3, the first convolution is a new one.
        pretrained: load torchvision's default weights.
        args: further keyword arguments of the model (`image_size`, `stochastic_depth_prob`).
    """

    def __init__(self, name: str, channels: int, *, pretrained: bool = False, **args: Any) -> None:
        super().__init__()
        if name in {"googlenet", "inception_v3"} and not pretrained:
            args = {"aux_logits": False, "init_weights": True} | args
        self.model: Any = models.get_model(name, weights="DEFAULT" if pretrained else None, **args)
        _drop_classifier(self.model)
        if channels != 3:
            _take_channels(self.model, channels)
        self._map: Tensor | None = None
        trunk = next((part for part in _TRUNKS if hasattr(self.model, part)), None)
        if trunk is not None:
            getattr(self.model, trunk).register_forward_hook(self._keep_map)

    def _keep_map(self, _: nn.Module, __: Any, result: Tensor) -> None:
        self._map = result

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return `output` [B, F], pooled, and `map` [B, F', H', W'], the last features."""
        features = self.model(x)
        # The map must not outlive the call: it holds the graph, and copies of this module must not hold it.
        map_BFHW, self._map = self._map, None
        if map_BFHW is None or map_BFHW.dim() != 4:
            return {"output": features}
        return {"output": features, "map": map_BFHW}


def _drop_classifier(model: Any) -> None:
    model.aux_logits = False
    for name in ("aux1", "aux2", "AuxLogits"):
        if hasattr(model, name):
            setattr(model, name, None)
    linear = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    if linear:
        parent, _, last = linear[-1].rpartition(".")
        setattr(model.get_submodule(parent), last, nn.Identity())
    else:
        # SqueezeNet classifies with a convolution.
        model.classifier = nn.AdaptiveAvgPool2d(1)


def _take_channels(model: Any, channels: int) -> None:
    model.transform_input = False
    name, old = next((name, part) for name, part in model.named_modules() if isinstance(part, nn.Conv2d))
    parent, _, last = name.rpartition(".")
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        stride=old.stride,  # type: ignore[arg-type]
        padding=old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    setattr(model.get_submodule(parent), last, new)
