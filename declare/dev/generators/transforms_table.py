"""The table of transforms of torchvision v2: names, parameters and defaults, for validation without torch.

Each one has transformed a small picture; what needs boxes, labels, several pictures or functions is left out.
"""

from __future__ import annotations

import inspect
import json
import re
import warnings
from pathlib import Path
from typing import Any

from declare.contract.lookup import own_names

SLOW = "imports torchvision, and tries every transform"
FILE = Path(__file__).parents[2] / "components" / "transforms" / "tables" / "torchvision_v2.json"
_LEFT_OUT = {
    *(
        "Transform",
        "Identity",
        "Normalize",
        "RandomErasing",
        "CutMix",
        "MixUp",
        "JPEG",
    ),  # ours, or no transform
    *("ToImage", "ToTensor", "ToPureTensor", "PILToTensor", "RGB", "Grayscale"),  # the image field's business
    *("RandomShortestSize", "RandomZoomOut"),  # sizes that differ within a batch
    *("ClampBoundingBoxes", "ClampKeyPoints", "ConvertBoundingBoxFormat"),  # not for pictures
}
_INNER = {"interpolation", "antialias", "inplace", "fill", "expand", "max_size"}
_EXAMPLES: dict[str, Any] = {
    "bool": True,
    "int": 3,
    "float": 0.5,
    "numbers": 0.5,
    "sizes": 8,
    "str": "constant",
}


def outputs() -> dict[Path, str]:
    """Return the table as JSON, one transform a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(record)}" for name, record in sorted(records().items())]
    return {FILE: "{\n" + ",\n".join(lines) + "\n}\n"}


def records() -> dict[str, dict[str, Any]]:
    """Return name -> {class, summary, random, parameters: {name: [kind, default, required]}}."""
    from torchvision.transforms import v2

    taken = set(own_names("transforms"))
    found = {}
    for title, rule in vars(v2).items():
        fits = isinstance(rule, type) and issubclass(rule, v2.Transform) and title not in _LEFT_OUT
        name = snake(title)
        parameters = _parameters(rule) if fits and name not in taken else None
        if parameters is not None:
            random = _works(rule, parameters)
            if random is not None:
                summary = _summary(rule)
                found[name] = {"class": title, "summary": summary, "random": random, "parameters": parameters}
    return found


def snake(name: str) -> str:
    """Return `random_horizontal_flip` for `RandomHorizontalFlip`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _summary(rule: type[Any]) -> str:
    first = (inspect.getdoc(rule) or "").strip().partition("\n")[0]
    return re.sub(r"[^ -~]", "", first).rstrip(".") + "."


def _parameters(rule: type[Any]) -> dict[str, list[Any]] | None:
    """Return the parameters that a spec can state, or None where one that must be is none of them."""
    found = {}
    for name, parameter in inspect.signature(rule).parameters.items():
        if name in _INNER:
            continue
        required = parameter.default is parameter.empty
        default = None if required else parameter.default
        kind = _kind(name, default, str(parameter.annotation))
        if kind is None:
            if required:
                return None
            continue
        found[name] = [kind, list(default) if isinstance(default, tuple) else default, required]
    return found


def _kind(name: str, default: Any, annotation: str) -> str | None:
    if name in {"size", "kernel_size"}:
        return "sizes"
    if isinstance(default, bool):
        return "bool"
    if "Sequence" in annotation or "Tuple" in annotation or isinstance(default, tuple | list):
        return "numbers"
    for word in ("bool", "float", "int", "str"):
        if re.search(rf"\b{word}\b", annotation):
            return word
    return None


def _works(rule: type[Any], parameters: dict[str, list[Any]]) -> bool | None:
    """Whether the transform draws at random; None where it does not map a picture to a picture."""
    import torch

    stated = {name: _EXAMPLES[kind] for name, (kind, _, required) in parameters.items() if required}
    picture = torch.arange(3 * 12 * 12, dtype=torch.uint8).reshape(3, 12, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = rule(**stated)
            before = torch.get_rng_state()
            for _ in range(8):
                result = made(picture)
        except Exception:  # noqa: BLE001 - whatever it raises, it is not for pictures alone
            return None
    if not isinstance(result, torch.Tensor) or result.dtype != torch.uint8 or result.ndim != 3:
        return None
    return not bool(torch.equal(before, torch.get_rng_state()))
