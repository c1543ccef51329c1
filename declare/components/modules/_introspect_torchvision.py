"""Reads the classification models of the installed torchvision: image sizes of models and of their weights."""

from typing import Any


def records() -> dict[str, dict[str, Any]]:
    """Return name -> {size: pixels, weights_size: pixels}."""
    from torchvision import models

    return {
        name: {
            "size": 299 if name == "inception_v3" else 224,
            "weights_size": models.get_model_weights(name).DEFAULT.transforms().crop_size[0],
        }
        for name in models.list_models(module=models)
    }
