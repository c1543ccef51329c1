"""Reads the transforms v2 of the installed torchvision: names, parameters and defaults.

Each listed transform has changed images with 1, 2, 3 and 4 channels. Transforms that need boxes, labels,
several images or functions are left out, and so are those whose output size differs between images.
"""

import inspect
import re
import warnings
from typing import Any

from declare.parsing.lookup import own_names

_LEFT_OUT = {
    *("Transform", "Identity", "MixUp", "CutMix", "RandomErasing"),  # no transforms of one image, or ours
    *("ToImage", "ToTensor", "ToPureTensor", "PILToTensor", "RGB"),  # the image field's business
    *("RandomShortestSize", "RandomZoomOut", "RandomResize", "ScaleJitter"),  # a size for each image
    *("UniformTemporalSubsample", "ClampBoundingBoxes", "ClampKeyPoints", "ConvertBoundingBoxFormat"),
}
_INNER = {"inplace", "expand", "antialias"}
_WORDS = {
    "interpolation": "'nearest' | 'nearest-exact' | 'bilinear' | 'bicubic'",
    "padding_mode": "'constant' | 'edge' | 'reflect' | 'symmetric'",
    "policy": "'imagenet' | 'cifar10' | 'svhn'",
}
_KINDS = {
    "size": "int | [int]",
    "kernel_size": "int | [int]",
    "padding": "int | [int]",
    "quality": "int | [int]",
    "fill": "float | [float]",
    "center": "[float]",
    "translate": "[float]",
    "num_output_channels": "int",
}
"""Parameters whose annotation is narrower than what the transform accepts."""
_EXAMPLES: dict[str, Any] = {
    "size": 8,
    "kernel_size": 3,
    "padding": 2,
    "quality": [40, 90],
    "degrees": 30,
    "sharpness_factor": 2.0,
    "bits": 4,
    "threshold": 128.0,
}
_SIZES = ((1, 1), (1, 7), (2, 3), (5, 5), (17, 4), (160, 224))
"""Images that a transform must accept with its defaults to count as accepting any."""
_NEEDED = {"ColorJitter": {"brightness": 0.4, "saturation": 0.4, "hue": 0.1}}
"""Parameters without which the transform does nothing."""

_DRAWS = 200
_CONTRAST = 20
"""Grey levels between a box and its surroundings that are enough to distinguish them."""
_MOVED = 0.05
"""Fraction of pixels that noise and blur do not put on the wrong side of the edge."""


def records() -> dict[str, dict[str, Any]]:
    """Return name -> {class, summary, parameters: {name: [kind, default, required]}, example, and what it does}.

    `draws`: "nothing", whether it changes an image ("chance"), "parameters", "chance and parameters", or
    "all" if the change itself is random too. `moves`: it moves pixels, and therefore masks. `moves_alone`: it
    moves pixels of images, but no mask can follow. `channels`: the only numbers of channels that it accepts.
    `any_size`: with its defaults it accepts images of any size.
    """
    from torchvision.transforms import v2

    entries = {}
    for title, rule in vars(v2).items():
        name = snake(title)
        fits = isinstance(rule, type) and issubclass(rule, v2.Transform) and title not in _LEFT_OUT
        parameters = _parameters(rule) if fits and name not in own_names("transforms") else None
        if parameters is None:
            continue
        example = {key: _EXAMPLES.get(key) for key, (_, _, required) in parameters.items() if required}
        example |= _NEEDED.get(title, {})
        behaviour = None if None in example.values() else _behaviour(rule, example)
        if behaviour is not None:
            text = {"class": title, "summary": _summary(rule), "parameters": parameters, "example": example}
            entries[name] = text | behaviour
    return entries


def snake(name: str) -> str:
    """Return `random_horizontal_flip` for `RandomHorizontalFlip`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _summary(rule: type[Any]) -> str:
    """Return the first sentence of a docstring without its markup."""
    paragraph = " ".join((inspect.getdoc(rule) or "").partition("\n\n")[0].split())
    plain = re.sub(r"`+\"?(.*?)\"?\s*(<[^>]*>)?`+_*", r"\1", re.sub(r":\w+:", "", paragraph))
    plain = re.sub(r"\s+based on \S.*", "", plain)
    return re.sub(r"[^ -~]", "", re.split(r"(?<=[a-z)])\.\s", plain)[0]).rstrip(".") + "."


def _parameters(rule: type[Any]) -> dict[str, list[Any]] | None:
    """Return the parameters that a spec can state, or None if a required one cannot be stated."""
    parameters = {}
    for name, parameter in inspect.signature(rule).parameters.items():
        if name in _INNER or parameter.kind is parameter.VAR_POSITIONAL:
            continue
        required = parameter.default is parameter.empty
        default = None if required else getattr(parameter.default, "value", parameter.default)
        kind = _kind(name, default, str(parameter.annotation))
        if kind is None and required:
            return None
        if kind is not None:
            kind += " | null" if default is None and not required else ""
            parameters[name] = [kind, list(default) if isinstance(default, tuple) else default, required]
    return parameters


def _kind(name: str, default: Any, annotation: str) -> str | None:
    if name in _WORDS or name in _KINDS:
        return _WORDS.get(name) or _KINDS[name]
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, tuple) and "Union" not in annotation:
        return "[float]"
    if "Sequence" in annotation:
        single = re.search(r"\b(float|int|Number)\b(?!\])", annotation.replace("Sequence[float]", ""))
        return "float | [float]" if single else "[float]"
    return next((word for word in ("bool", "float", "int") if re.search(rf"\b{word}\b", annotation)), None)


def _behaviour(rule: type[Any], example: dict[str, Any]) -> dict[str, Any] | None:
    """Return the effect of the transform on images, or None if it does not map an image to an image."""
    import torch
    from torchvision import tv_tensors

    channels = [number for number in (1, 2, 3, 4) if _result(rule, example, number) is not None]
    if 3 not in channels:
        return None
    transform = rule(**example)
    behaviour: dict[str, Any] = {"draws": _draws(transform)}
    mask = tv_tensors.Mask(torch.arange(48 * 64).reshape(1, 48, 64))
    try:
        behaviour["moves"] = any(not torch.equal(transform(mask), mask) for _ in range(40))
    except TypeError:  # it raises that it does not take masks
        behaviour["moves"] = False
    if not behaviour["moves"] and _moves_images(transform):
        behaviour["moves_alone"] = True
    if not example and all(
        _result(rule, example, number, size) is not None for number in channels for size in _SIZES
    ):
        behaviour["any_size"] = True
    return behaviour if len(channels) == 4 else behaviour | {"channels": channels}


def _moves_images(transform: Any) -> bool:
    """Return whether a grey box is elsewhere, or of another form, after some of the draws."""
    import torch

    box = torch.zeros(48, 64, dtype=torch.bool)
    box[6:26, 8:38] = True
    image = torch.where(box, 170, 60).to(torch.uint8).expand(3, -1, -1)
    for _ in range(_DRAWS):
        grey = transform(image).float().mean(0)
        inside, outside = grey[box].median(), grey[~box].median()
        nearer = (grey - inside).abs() < (grey - outside).abs()
        if abs(inside - outside) > _CONTRAST and (nearer ^ box).float().mean() > _MOVED:
            return True
    return False


def _result(rule: type[Any], example: dict[str, Any], channels: int, size: tuple[int, int] = (48, 64)) -> Any:
    import torch

    image = torch.randint(0, 256, (channels, *size), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certain = {"p": 1.0} if "p" in inspect.signature(rule).parameters else {}
            transform = rule(**example, **certain)
            results = [transform(image) for _ in range(20)]
        except Exception:  # noqa: BLE001 - whatever it raises, it is not for such images
            return None
    fits = all(isinstance(item, torch.Tensor) and item.dtype == torch.uint8 for item in results)
    return (
        results[0] if fits and len({item.shape for item in results}) == 1 and results[0].ndim == 3 else None
    )


def _draws(transform: Any) -> str:
    """Return what a transform draws: "all" unless it uses torchvision's standard steps."""
    import torch
    from torchvision.transforms import v2
    from torchvision.transforms.v2._transform import _RandomApplyTransform

    image = torch.arange(3 * 48 * 64).to(torch.uint8).reshape(3, 48, 64)
    start = torch.get_rng_state()
    transform(image)
    if torch.equal(start, torch.get_rng_state()):
        return "nothing"
    if type(transform).forward not in {v2.Transform.forward, _RandomApplyTransform.forward}:
        return "all"
    start = torch.get_rng_state()
    parameters = transform.make_params([image])
    between = torch.get_rng_state()
    transform.transform(image, parameters)
    if not torch.equal(between, torch.get_rng_state()):
        return "all"
    words = ["chance"] if isinstance(transform, _RandomApplyTransform) else []
    return " and ".join([*words, "parameters"] if not torch.equal(start, between) else words)
