"""Inspect a run's model: what its modules output for real samples, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.cli.failure import CommandError, writing

if TYPE_CHECKING:
    from declare.runtime.inference.activations import Inspection

_KINDS = (".npz", ".safetensors")


def command(
    run: options.RunFolder,
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--input", help="New samples, in the formats of `predict`; default: a split.", show_default=False
        ),
    ] = None,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Patterns of modules: `encoder.*`; may be repeated; default: all."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Save the activations as .npz or .safetensors.", show_default=False)
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Maximum number of samples.")] = 256,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset, if several are possible.", show_default=False)
    ] = None,
    split: Annotated[str, typer.Option(help="The split to use without --input.")] = "val",
    weights: Annotated[str, typer.Option(help="best, last, or the name of a phase.")] = "best",
    format: options.TextOrJson = "text",
    trust: options.Trust = None,
) -> None:
    """Inspect a run's model: what its modules output for real samples, and what is wrong with it.

    Shows mean, standard deviation and range for each module, units that are never active, activations at
    their bounds, and the first module with an output that is not finite.
    """
    if output is not None and output.suffix.lower() not in _KINDS:
        raise CommandError(f"`{output.name}` does not end in {', '.join(_KINDS)}")
    as_json = format == "json"
    with spec_diagnostics.report_problems(as_json=as_json):
        from declare.runtime.run_folder.folder import Run

        folder = Run(run)  # refused before torch is imported
        from declare.runtime.inference.activations import inspect
        from declare.runtime.inference.loaded_run import Loading, open_run

        loading = Loading(weights, tuple(trust or ()))
        opened = open_run(folder, source, dataset=dataset, split=split, loading=loading)
        inspection = inspect(opened, modules or ["*"], samples=samples, keep=output is not None)
        if output is not None:
            _save(inspection, output)
    _show(inspection, output, as_json=as_json)


def _save(inspection: Inspection, path: Path) -> None:
    """Write the activations of all samples by the names of their modules."""
    from declare.lowering.model.padding import join_padded
    from declare.runtime.run_folder.durable_io import open_whole

    arrays = {item.name: join_padded(item.values) for item in inspection.activities}
    with writing(path), open_whole(path) as file:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import save

            file.write(save({name: value.contiguous() for name, value in arrays.items()}))
        else:
            import numpy as np

            plain: dict[str, Any] = {name: value.numpy() for name, value in arrays.items()}
            np.savez_compressed(file, **plain)


def _show(inspection: Inspection, output: Path | None, *, as_json: bool) -> None:
    if as_json:
        terminal.emit_json(
            {
                "format": "1.0",
                "samples": inspection.num_samples,
                "nonfinite_source": inspection.source,
                "modules": [item.plain() for item in inspection.activities],
                "saved": None if output is None else str(output),
            }
        )
        return
    from declare.cli.printing.inspection import render

    render(inspection, terminal.stdout())
    if output is not None:
        terminal.echo(f"wrote activations of {inspection.num_samples} samples to {output}")
