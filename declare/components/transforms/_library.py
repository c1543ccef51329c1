"""Transforms of torchvision v2 by name; a generated table holds their parameters."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field as Param
from pydantic import create_model

from declare.contract.component import Component
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.transform import Transform

if TYPE_CHECKING:
    import torch

TABLE = Path(__file__).with_name("tables") / "torchvision_v2.json"
_KINDS: dict[str, Any] = {
    "bool": bool,
    "float": float,
    "int": int,
    "str": str,
    "numbers": float | list[float],
    "sizes": int | list[int],
}


class _FromTorchvision(Transform):
    """A transform of torchvision v2 on a batch of pictures, with draws of its own for each sample."""

    stored: ClassVar[bool] = False
    home: ClassVar[str]
    random: ClassVar[bool]
    sizing: ClassVar[bool]

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the picture's new shape; random ones keep it unless they state a `size`."""
        if shape.layout != "image":
            return Problem("SHP511", f"{self.type_name()} takes pictures, not {shape}")
        if self.sizing:
            size: Any = getattr(self, "size", None) or shape.dims[1]
            height, width = (size, size) if isinstance(size, int) else (size[0], size[-1])
            return shape._replace(dims=(shape.dims[0], height, width))
        return shape

    def build(self, shape: Shape, statistics: dict[str, list[float]]) -> torch.nn.Module:
        """Return the module that transforms a batch sample by sample, keyed."""
        from torchvision.transforms import v2

        from declare.nn.transforms.keyed import Keyed

        own = {
            name: value for name, value in self if name not in Transform.model_fields and value is not None
        }
        return Keyed(getattr(v2, self.home)(**own), random=self.random)


def names() -> list[str]:
    """Return the names that have no file of their own."""
    return list(_table())


@cache
def find(name: str) -> type[Component] | None:
    """Return the component of a transform of torchvision, or None."""
    record = _table().get(name)
    if record is None:
        return None
    parameters: dict[str, Any] = {
        key: (_annotation(kind, required), Param(... if required else default))
        for key, (kind, default, required) in record["parameters"].items()
    }
    if record["random"]:
        # Random changes are for training; an evaluation sees the pictures as they are.
        sides = Literal["all", "train", "eval"]
        parameters["on"] = (sides, Param("train", description="the samples that it changes"))
    made = create_model(
        record["class"],
        __base__=_FromTorchvision,
        __module__=f"{__package__}.{name}",
        __doc__=_text(name, record),
        **parameters,
    )
    found = cast("type[_FromTorchvision]", made)
    found.home, found.random, found.sizing = record["class"], record["random"], "size" in record["parameters"]
    return found


@cache
def _table() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def _annotation(kind: str, required: bool) -> Any:
    return _KINDS[kind] if required else _KINDS[kind] | None


def _text(name: str, record: dict[str, Any]) -> str:
    """Return the docstring of a transform of torchvision."""
    needed = {key: _example(kind) for key, (kind, _, required) in record["parameters"].items() if required}
    words = "".join(f", {key}: {value}" for key, value in needed.items())
    return (
        f"{record['summary']}\n\nRuns on the batch with draws of its own for each sample.\n"
        f"Source: torchvision.transforms.v2.{record['class']}.\n\n"
        f"```yaml\ntransforms: [{{type: {name}, field: image{words}}}]\n```\n"
    )


def _example(kind: str) -> str:
    return {"bool": "true", "str": "constant", "int": "3", "sizes": "8", "numbers": "0.5"}.get(kind, "0.5")
