"""A declarative trainer: a strict YAML spec becomes a checked PyTorch run."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["build", "check", "load", "plan", "report", "train"]


def __getattr__(name: str) -> Any:
    """Load the Python interface only when it is used, so that `import declare` stays cheap."""
    if name in __all__:
        from declare import api

        return getattr(api, name)
    raise AttributeError(f"module 'declare' has no attribute {name!r}")
