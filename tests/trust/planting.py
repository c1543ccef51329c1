"""Modules of a stranger in a folder: each leaves a mark where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

NAMES = (
    *("declare", "sitecustomize", "usercustomize", "evil"),
    *("typing", "json", "signal", "pickle", "runpy", "random", "multiprocessing", "concurrent"),
    *("torch", "numpy", "yaml", "polars", "PIL", "h5py", "safetensors", "optuna", "typer", "rich", "psutil"),
)
_GROUPS = ("torch.backends", "torchrun.handlers", "console_scripts", "tensorboard_plugins", "timm.models")
"""Entry points that libraries import by themselves."""


def plant(folder: Path, names: Sequence[str] = NAMES, *, packages: bool = False) -> None:
    """Put modules into a folder, as files or as packages, and what makes Python import them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        code = f"open({str(folder / f'ran-{name}')!r}, 'w').close()\n"
        place = folder / name / "__init__.py" if packages else folder / f"{name}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(code)
        if packages:
            (folder / name / "__main__.py").write_text(code)
    (folder / "evil.pth").write_text("import evil\n")
    facts = folder / "evil-1.0.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text("Name: evil\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("".join(f"[{name}]\nevil = evil:run\n" for name in _GROUPS))


def ran(folder: Path) -> list[str]:
    """Return the modules of the folder that ran."""
    return sorted(path.name.removeprefix("ran-") for path in folder.glob("ran-*"))
