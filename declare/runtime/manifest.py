"""The manifest of a checkpoint: what it holds, each file's size and hash, and its own. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from declare.runtime.storage import hash_file

MANIFEST = "MANIFEST.json"
WEIGHTS = "weights.safetensors"
TENSORS = "state.safetensors"
STATE = "state.json"
_LIMIT = 1 << 24


@dataclass(frozen=True)
class Saved:
    """A checkpoint that was committed: its folder and what its manifest says."""

    path: Path
    manifest: dict[str, Any]

    @property
    def step(self) -> int:
        """Optimizer steps of the whole run done when it was made."""
        return int(self.manifest["step"])

    @property
    def sequence(self) -> int:
        """How many checkpoints the run had committed when it was made; orders them without a clock."""
        return int(self.manifest["sequence"])

    @property
    def phase(self) -> str:
        """The phase that it was made in."""
        return str(self.manifest["phase"])

    @property
    def phase_step(self) -> int:
        """Optimizer steps of that phase done when it was made."""
        return int(self.manifest["phase_step"])

    @property
    def weights(self) -> Path:
        """The model's weights as evaluations see them."""
        return self.path / WEIGHTS

    def skeleton(self) -> Any:
        """Return the JSON part of the state."""
        return json.loads((self.path / STATE).read_text(encoding="utf-8"))


def seal(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as bytes, with its own hash inside."""
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    return json.dumps(body | {"sha256": digest}, indent=1, sort_keys=True).encode() + b"\n"


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def read_manifest(folder: Path) -> Saved:
    """Return the checkpoint in `folder`; raises ValueError that says what is wrong with its manifest."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes() if path.stat().st_size <= _LIMIT else b""
        manifest = json.loads(text)
        _require_form(manifest)
    except OSError as error:
        raise ValueError(f"its manifest cannot be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("its manifest is not whole") from error
    if json.loads(seal(manifest))["sha256"] != manifest.get("sha256"):
        raise ValueError("its manifest does not match its own hash")
    return Saved(folder, manifest)


def _require_form(manifest: Any) -> None:
    """Raise ValueError, LookupError or TypeError where a manifest lacks what every one has."""
    numbers = [
        manifest["sequence"],
        manifest["step"],
        *(facts["bytes"] for facts in manifest["files"].values()),
    ]
    if not all(isinstance(number, int) for number in numbers):
        raise TypeError("a count is no whole number")
    if any(Path(name).name != name for name in manifest["files"]):
        raise ValueError("a file stands outside of the checkpoint")


def damage(saved: Saved, *, hashes: bool = True) -> str | None:
    """Return what is wrong with a checkpoint's files (sizes always, content if `hashes`), or None."""
    for name, facts in saved.manifest["files"].items():
        path = saved.path / name
        try:
            size = path.stat().st_size
            if size != facts["bytes"]:
                return f"`{name}` has {size} bytes instead of {facts['bytes']}"
            if hashes and hash_file(path) != facts["sha256"]:
                return f"`{name}` has other content than was written"
        except OSError as error:
            return f"`{name}` cannot be read ({error.strerror})"
    return None
