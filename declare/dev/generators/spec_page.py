"""Writes `docs/reference/spec.md`: every key of the spec from its model."""

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from declare.contract.component import Component, plain
from declare.dev.repository import ROOT
from declare.language import spec
from declare.parsing.describe import annotated_text


def outputs() -> dict[Path, str]:
    """Return the page."""
    return {ROOT / "docs" / "reference" / "spec.md": "\n".join(_lines())}


def blocks() -> list[type[BaseModel]]:
    """Return the models of the spec, the whole first, each before the blocks inside it."""
    models: list[type[BaseModel]] = []
    waiting: list[type[BaseModel]] = [spec.Spec]
    while waiting:
        model = waiting.pop(0)
        if model not in models:
            models.append(model)
            waiting += [inner for info in model.model_fields.values() for inner in _models(info.annotation)]
    return models


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and not issubclass(annotation, Component)
    ):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def _lines() -> Iterator[str]:
    yield "# The keys of a spec\n"
    yield ("Generated from the models that check specs. `docs/language.md` explains how they work together;")
    yield "[components](components/index.md) has the parameters of everything that has a `type`.\n"
    for model in blocks():
        yield f"## {model.__name__}\n"
        yield f"{' '.join((model.__doc__ or '').split())}\n"
        yield "| key | type | default | meaning |"
        yield "| --- | --- | --- | --- |"
        for name, info in model.model_fields.items():
            kind = annotated_text(info.annotation, info.metadata)
            cells = (f"`{info.alias or name}`", kind, _default(info), info.description or "")
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""


def _default(info: Any) -> str:
    if info.default is PydanticUndefined:
        return "required" if info.is_required() else ""
    value = plain(info.default)
    if isinstance(info.default, BaseModel):
        value = {key: value[key] for key in info.default.model_fields_set}
    if value in ({}, [], None):
        return ""
    return f"`{json.dumps(value, default=str)}`"
