"""Predict new samples with the weights of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.cli.failure import writing


def command(
    run: options.RunFolder,
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help=(
                "A csv, parquet, npz, hdf5 or jsonl file, an image or a folder of images; default: a split."
            ),
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Output file, csv, json or jsonl by its ending; default: print csv.", show_default=False
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset, if several are possible.", show_default=False)
    ] = None,
    split: Annotated[str, typer.Option(help="The split to predict without --input.")] = "test",
    max_new_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of tokens of a generated text.", show_default=False),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(
            min=0, help="Sampling temperature of generated texts; 0 always takes the most likely token."
        ),
    ] = 0.0,
    top_k: Annotated[
        int | None,
        typer.Option(min=1, help="Sample only from this many most likely tokens.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sampling.")] = 0,
    weights: Annotated[str, typer.Option(help="best, last, or the name of a phase.")] = "best",
    format: options.TextOrJson = "text",
    trust: options.Trust = None,
) -> None:
    """Predict new samples with the weights of a run.

    Classes are given by name with their probabilities, numbers in the target's own units. Language models
    continue the texts of the input, or generate the text that belongs to it.
    """
    as_json = format == "json"
    with spec_diagnostics.report_problems(as_json=as_json):
        from declare.runtime.run_folder.folder import Run

        folder = Run(run)  # refused before torch is imported
        from declare.nn.tasks.next_token import Sampling
        from declare.report.number_format import counts_text
        from declare.runtime.inference.loaded_run import Loading
        from declare.runtime.inference.predict import predict

        loading = Loading(weights, tuple(trust or ()))
        sampling = Sampling(max_new_tokens, temperature, top_k, seed)
        predictions = predict(
            folder, source, dataset=dataset, split=split, loading=loading, sampling=sampling
        )
        if output is not None:
            with writing(output):
                predictions.write(output)
    if predictions.without:
        _warn(
            f"no prediction for {len(predictions.without)} samples, whose input has gaps or for which the model "
            "gives values that are not finite",
            predictions.without,
        )
    if predictions.unread:
        _warn(
            f"{len(predictions.unread)} texts have words that the model did not read, and no tag for them",
            predictions.unread,
        )
    if predictions.passed_over:
        terminal.echo(
            f"warning: not all of the input is predicted; skipped: {counts_text(predictions.passed_over)}"
        )
    spec_diagnostics.show_problems(predictions.doubts, None)
    if output is not None:
        terminal.echo(f"wrote {len(predictions.rows)} rows to {output}")
    else:
        terminal.emit((predictions.as_json() if as_json else predictions.as_csv()).rstrip("\n"))


def _warn(title: str, samples: Sequence[str]) -> None:
    shown = ", ".join(samples[:5]) + (", ..." if len(samples) > 5 else "")
    terminal.echo(f"warning: {title}: {shown}")
