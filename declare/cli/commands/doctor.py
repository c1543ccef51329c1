"""Check this machine: Python, torch, devices, threads, disk, and the shell's builtin of our name."""

import os
import platform
import shutil
import sys
from typing import Any

from declare.cli import options, terminal
from declare.cli.failure import DONE, FINDINGS

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "polars",
    "scikit-learn",
    "pydantic",
    "tensorboard",
)


def command(*, format: options.TextOrJson = "text") -> int:
    """Check this machine: Python, torch, devices, threads, disk, and the shell's builtin of our name.

    Exit code 1 if something will not work.
    """
    rows = [*_python(), *_packages(), *_torch(), *_disk(), *_program()]
    if format == "json":
        keys = ("check", "status", "value", "advice")
        terminal.emit_json({"format": "1.0", "checks": [dict(zip(keys, row, strict=True)) for row in rows]})
    else:
        for name, status, value, advice in rows:
            terminal.emit(f"{status:<5} {name:<18}{value}")
            if advice:
                terminal.emit(f"      {'':<18}= help: {advice}")
    return FINDINGS if any(row[1] == "wrong" for row in rows) else DONE


Row = tuple[str, str, Any, str]


def _python() -> list[Row]:
    from declare import __version__

    right = sys.version_info >= (3, 11)
    return [
        ("declare", "ok", __version__, ""),
        ("python", "ok" if right else "wrong", f"{platform.python_version()} ({sys.executable})", ""),
        ("system", "ok", platform.platform(), ""),
    ]


def _packages() -> list[Row]:
    from importlib.metadata import PackageNotFoundError, version

    rows: list[Row] = []
    for name in _PACKAGES:
        try:
            rows.append((name, "ok", version(name), ""))
        except PackageNotFoundError:
            rows.append((name, "wrong", "not installed", f"python3 -m pip install {name}"))
    return rows


def _torch() -> list[Row]:
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a broken installation raises anything, and saying so is the point
        return [("torch import", "wrong", f"{type(error).__name__}: {error}", "install torch again")]
    rows: list[Row] = [("threads", "ok", _threads(torch), "")]
    if torch.cuda.is_available():
        rows += [
            ("device", "ok", f"cuda:{index} {torch.cuda.get_device_name(index)}", "")
            for index in range(torch.cuda.device_count())
        ]
    elif torch.backends.mps.is_available():
        rows.append(("device", "ok", "mps", ""))
    else:
        rows.append(("device", "ok", "cpu only", ""))
    rows.append(("bf16 on cpu", "ok", _cpu_bf16(torch), ""))
    return rows


def _threads(torch: Any) -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"torch uses {torch.get_num_threads()}, {usable} usable cores"


def _cpu_bf16(torch: Any) -> str:
    """Return whether this CPU multiplies bfloat16 in hardware; without it bf16 is slower than fp32."""
    probes = (("AMX", "_is_amx_tile_supported"), ("AVX512-BF16", "_is_avx512_bf16_supported"))
    features = [name for name, probe in probes if getattr(torch.cpu, probe, bool)()]
    return f"in hardware ({', '.join(features)})" if features else "emulated, slower than fp32"


def _disk() -> list[Row]:
    usage = shutil.disk_usage(".")
    free = usage.free / 1e9
    advice = "" if free > 2 else "checkpoints may not fit: free some space or train with --run-dir elsewhere"
    return [("free disk", "ok" if free > 2 else "warn", f"{free:.1f} GB here", advice)]


def _program() -> list[Row]:
    shell = os.path.basename(os.environ.get("SHELL", ""))  # noqa: PTH119 - a plain string
    path = shutil.which("dcl")
    rows: list[Row] = [
        ("dcl", "ok", path, "")
        if path
        else ("dcl", "warn", "not on PATH", "activate the virtual environment, or use `python -m declare`")
    ]
    if shell in {"bash", "zsh"}:
        advice = f'use `dcl`, or add `eval "$(dcl shell {shell})"` to ~/.{shell}rc'
        rows.append(
            (
                "shell",
                "warn",
                f"{shell} has a builtin `declare`: typing it never runs this program",
                advice,
            )
        )
    return rows
