"""The model of `multiscale`."""

import timm
import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Any timm model as an encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.model = timm.create_model("resnet10t", pretrained=False, in_chans=3, num_classes=0)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        if not hasattr(self.model, "forward_head"):
            return {"output": self.model(x)}
        features = self.model.forward_features(x)
        pooled = {"output": self.model.forward_head(features, pre_logits=True)}
        if isinstance(features, Tensor) and features.dim() == 4:
            last = features.shape[3] == self.model.num_features != features.shape[1]
            return pooled | {"map": features.permute(0, 3, 1, 2) if last else features}
        if (
            isinstance(features, Tensor)
            and features.dim() == 3
            and (features.shape[2] == self.model.num_features)
        ):
            return pooled | {"sequence": features}
        return pooled


class Texture(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(512, 3)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([x], -1))


class Model(nn.Module):
    """The model of `multiscale`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(872360346433336996)
        self.heads["texture"] = Texture()

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        pixels = batch["image"].to(torch.float32).mul_(1 / 255)
        encoder = self.encoder(pixels)
        texture = self.heads["texture"](encoder["output"])
        return {"texture": texture}
