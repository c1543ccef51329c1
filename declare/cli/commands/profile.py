"""Profile a few steps of each phase: where a step's time goes, and a trace for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.cli.failure import CommandError

if TYPE_CHECKING:
    from declare.ir.plan import Plan
    from declare.runtime.profiling.profile import PhaseProfile


def command(
    spec: options.SpecFile,
    *,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the traces; default: profiles/NAME.", show_default=False)
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Number of steps to profile in each phase.")] = 8,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> None:
    """Profile a few steps of each phase: where a step's time goes, and a trace for TensorBoard.

    The trained weights are discarded. View the traces in TensorBoard with `pip install torch-tb-profiler`.
    """
    as_json = format == "json"
    plan, checked = spec_diagnostics.plan(spec, set_, trust, as_json=as_json)
    folder = output or Path("profiles") / plan.name
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"`{folder}` is not a folder")
    with spec_diagnostics.report_problems(checked, as_json=as_json):
        profiles = _profile(plan, folder, steps)
    if as_json:
        terminal.emit_json({"format": "1.0", "phases": [_plain(item) for item in profiles]})
        return
    from declare.cli.printing.profile import render

    render(profiles, terminal.stdout())
    terminal.echo(f"traces: tensorboard --logdir {folder}")


def _profile(plan: Plan, folder: Path, steps: int) -> list[PhaseProfile]:
    import torch

    from declare.runtime.machine.device import choose_device
    from declare.runtime.machine.environment import configure_torch
    from declare.runtime.profiling.profile import profile
    from declare.runtime.setup.builder import PlanBuilder

    folder.mkdir(parents=True, exist_ok=True)
    device = choose_device(plan.hardware)
    configure_torch(plan.hardware)
    torch.manual_seed(plan.seed)
    builder = PlanBuilder(plan, folder, device, lambda event: None)  # noqa: ARG005 - there is no listener
    return profile(plan, builder, folder, steps=steps)


def _plain(item: PhaseProfile) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(item) | {"trace": str(item.trace)}
