"""The manifest of a checkpoint: what it holds, each file's size and hash, and its own. Needs no torch."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from declare.contract import strict_json
from declare.ir.checkpoint_files import MANIFEST, WEIGHTS
from declare.nn.safetensors_header import UnreadableError, check_header, regular_size
from declare.runtime.run_folder.durable_io import hash_file
from declare.system.schema_check import mistakes

TENSORS = "state.safetensors"
STATE = "state.json"
_LIMIT = 1 << 24
_MOST_STATE = 1 << 26
_MOST = 1 << 63


@dataclass(frozen=True)
class SavedCheckpoint:
    """A committed checkpoint: its folder and the contents of its manifest."""

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
    def num_bytes(self) -> int:
        """The bytes of its files."""
        return sum(facts["bytes"] for facts in self.manifest["files"].values())

    @property
    def evaluated_at(self) -> dict[str, int]:
        """Image field -> shorter edge in pixels at which its weights are evaluated; others at the stored size."""
        sizes = self.manifest.get("evaluated_at", {})
        return {str(name): int(size) for name, size in sizes.items()}

    @property
    def weights(self) -> Path:
        """The model's weights as evaluations see them."""
        return self.path / WEIGHTS

    def skeleton(self) -> dict[str, Any]:
        """Return the JSON part of the state; raises `UnreadableError` if it is invalid."""
        return _read_state(self.path / STATE)

    def checked_skeleton(self) -> dict[str, Any]:
        """Return the same if it is the state of a run; raises ValueError (`UnreadableError`) if it is not."""
        skeleton = self.skeleton()
        if reasons := mistakes(skeleton, "state"):
            raise UnreadableError(f"`{STATE}`: {'; '.join(reasons)}")
        return skeleton


def seal(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as bytes, with its own hash inside."""
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    return strict_json.dumps(body | {"sha256": digest}, indent=1, sort_keys=True).encode() + b"\n"


def _canonical(body: dict[str, Any]) -> bytes:
    return strict_json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def read_manifest(folder: Path) -> SavedCheckpoint:
    """Return the checkpoint in `folder`; raises ValueError with the problem of its manifest."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes() if regular_size(path) <= _LIMIT else b""
        manifest = json.loads(text)
        _require_form(manifest)
    except OSError as error:
        raise ValueError(f"its manifest cannot be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("its manifest is not whole") from error
    if json.loads(seal(manifest))["sha256"] != manifest.get("sha256"):
        raise ValueError("its manifest does not match its own hash")
    return SavedCheckpoint(folder, manifest)


def _require_form(manifest: Any) -> None:
    """Raise ValueError, LookupError or TypeError if a manifest lacks what every one has."""
    numbers = [
        manifest["sequence"],
        manifest["step"],
        *(facts["bytes"] for facts in manifest["files"].values()),
    ]
    numbers += [manifest[name] for name in ("phase_step", "phase_steps") if name in manifest]
    if not all(isinstance(number, int) and abs(number) < _MOST for number in numbers):
        raise TypeError("a count is not an integer")
    if not isinstance(manifest.get("phase", ""), str):
        raise TypeError("a name is not a text")
    if any(Path(name).name != name for name in manifest["files"]):
        raise ValueError("a file is outside the checkpoint")


def damage(checkpoint: SavedCheckpoint, *, hashes: bool = True) -> str | None:
    """Return what is wrong with a checkpoint's files (sizes always, content if `hashes`), or None.

    Hashes detect damage. A manifest that was made to fit other files is why headers and schemas are looked at too.
    """
    if hashes and (reasons := mistakes(checkpoint.manifest, "manifest")):
        return f"its manifest is not whole: {'; '.join(reasons)}"
    for name in (WEIGHTS, TENSORS, STATE):
        if name not in checkpoint.manifest["files"]:
            return f"its manifest does not name `{name}`"
    for name, facts in checkpoint.manifest["files"].items():
        try:
            reason = _difference(checkpoint.path / name, facts, hashes=hashes)
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
        except UnreadableError as error:
            reason = f"cannot be read: {error}"
        if reason is not None:
            return f"`{name}` {reason}"
    return None


def _difference(path: Path, facts: dict[str, Any], *, hashes: bool) -> str | None:
    """Return what a file has that its manifest does not list, or None."""
    size = path.stat().st_size
    if size != facts["bytes"]:
        return f"has {size} bytes instead of {facts['bytes']}"
    if hashes and hash_file(path) != facts["sha256"]:
        return "has other content than was written"
    if hashes:
        _check_form(path)
    return None


def _check_form(path: Path) -> None:
    """Raise `UnreadableError` if a file does not have the format that its name implies."""
    if path.suffix == ".safetensors":
        check_header(path)
    elif path.name == STATE:
        _read_state(path)


def _read_state(path: Path) -> dict[str, Any]:
    size = regular_size(path)
    if size > _MOST_STATE:
        raise UnreadableError(f"it has {size:,} bytes")
    try:
        state = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UnreadableError("it is not the JSON of a state") from error
    if not isinstance(state, dict):
        raise UnreadableError("it is not the JSON of a state")
    return state
