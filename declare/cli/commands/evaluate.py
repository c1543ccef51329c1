"""Evaluate the weights of a run on a split of its data."""

from typing import Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal


def command(
    run: options.RunFolder,
    *,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    weights: Annotated[str, typer.Option(help="best, last, or the name of a phase.")] = "best",
    format: options.TextOrJson = "text",
    trust: options.Trust = None,
) -> None:
    """Evaluate the weights of a run on a split of its data."""
    with spec_diagnostics.report_problems(as_json=format == "json"):
        from declare.runtime.run_folder.folder import Run

        folder = Run(run)  # refused before torch is imported
        from declare.runtime.inference.evaluate import evaluate

        metrics = evaluate(folder, split, which=weights, trust=tuple(trust or ()))
    if format == "json":
        about = {"format": "1.0", "run": str(run), "split": split}
        terminal.emit_json(about | {"metrics": metrics, "trained_earlier": folder.plan.trained_earlier})
        return
    from declare.cli.printing.metrics import render

    render(metrics, {}, terminal.stdout(), trained_earlier=folder.plan.trained_earlier)
