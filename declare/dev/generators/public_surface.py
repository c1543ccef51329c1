"""Writes `tests/architecture/public.txt`: what users rely on, so that a change of it is seen."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import declare
from declare import api
from declare.cli import command_index, signature
from declare.dev.generators.spec_page import blocks
from declare.dev.repository import ROOT

PATH = ROOT / "tests" / "architecture" / "public.txt"


def outputs() -> dict[Path, str]:
    """Return the list."""
    return {PATH: "\n".join([*_python(), *_flags(), *_keys(), ""])}


def _python() -> Iterator[str]:
    for name in declare.__all__:
        yield f"python declare.{name}{inspect.signature(getattr(api, name))}".replace("'", "")


def _flags() -> Iterator[str]:
    for name in command_index.names():
        words = ("/".join(word.flags) or f"<{word.name}>" for word in signature.parameter_words(name))
        yield f"command {name} {' '.join(words)}"


def _keys() -> Iterator[str]:
    for model in blocks():
        for name, info in model.model_fields.items():
            yield f"key {model.__name__}.{info.alias or name}"
