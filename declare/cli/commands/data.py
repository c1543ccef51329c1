"""Read all data of a spec once and report problems: `dcl data check SPEC`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.cli.failure import DONE, FINDINGS, writing

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.contract.problem import Problem
    from declare.data.check.previews import Sample
    from declare.data.check.summary import DatasetSummary
    from declare.diagnostics.diagnostic import Diagnostic

_READ_BETTER = {"DAT310", "DAT311", "DAT332", "DAT350"}
"""Codes of `validate` that are computed again here, from all samples."""


def command(
    action: Annotated[Literal["check"], typer.Argument(metavar="check", help="The action.")],
    spec: options.SpecFile,
    *,
    html: Annotated[
        Path | None, typer.Option(help="Write one self-contained HTML page with samples.", show_default=False)
    ] = None,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Read all data of a spec once and report problems: `dcl data check SPEC`.

    Reports counts, balance, ranges, gaps, unreadable samples, and equal samples or groups in two splits. Exit
    code 1 if there are errors.
    """
    assert action == "check"
    checked = spec_diagnostics.check(spec, set_, trust)
    if _stands_in_the_way(checked):
        spec_diagnostics.write(checked, "json" if format == "json" else "text")
        return spec_diagnostics.exit_code(checked) or FINDINGS
    summaries, problems, samples = _scan_datasets(checked, with_samples=html is not None)
    diagnostics = _merge_diagnostics(
        checked, [spec_diagnostics.diagnose(problem, checked) for problem in problems]
    )
    if html is not None:
        _write(html, checked, summaries, diagnostics, samples)
    if format == "json":
        from declare.data.check.summary import as_dict

        whole = {item.name: item for item in summaries}
        terminal.emit_json({**spec_diagnostics.document(diagnostics), "datasets": as_dict(whole)})
    else:
        from declare.cli.printing.data import render

        render(summaries, terminal.stdout())
        spec_diagnostics.show(diagnostics)
    return FINDINGS if any(item.severity == "error" for item in diagnostics) else DONE


def _stands_in_the_way(checked: CheckedSpec) -> bool:
    """Return whether the datasets' blocks cannot be read."""
    from declare.parsing.poison import contains_poison

    if checked.spec is None or contains_poison(checked.spec.datasets) or contains_poison(checked.spec.seed):
        return True
    return any(
        item.severity == "error" and item.path.startswith("datasets") and not item.code.startswith("DAT")
        for item in checked.diagnostics
    )


def _scan_datasets(
    checked: CheckedSpec, *, with_samples: bool
) -> tuple[list[DatasetSummary], list[Problem], dict[str, dict[str, list[Sample]]]]:
    """Read every dataset completely; errors that prevent it are among the problems."""
    from declare.contract.problem import ProblemError
    from declare.data.check import previews
    from declare.data.check.problems import dataset_problems as check_summary
    from declare.data.check.scan import open_for_scan, summarise

    spec = checked.spec
    targets = _targets(spec)
    summaries: list[DatasetSummary] = []
    problems: list[Problem] = []
    shown: dict[str, dict[str, list[Sample]]] = {}
    for name, dataset in spec.datasets.items():
        path = f"datasets.{name}"
        try:
            pool = open_for_scan(name, dataset, spec.seed)
            with _progress(name, sum(map(len, pool.rows.values()))) as progress:
                summary = summarise(name, pool, targets, progress)
        except ProblemError as error:
            problems += [
                item if item.at.startswith(path) else item.with_prefix(path) for item in error.problems
            ]
            continue
        summaries.append(summary)
        problems += [problem.with_prefix(path) for problem in check_summary(summary, dataset)]
        if with_samples:
            shown[name] = previews.choose(pool, targets)
    return summaries, problems, shown


def _targets(spec: Any) -> list[str]:
    """Return the fields that tasks predict; unreadable tasks are skipped."""
    from declare.parsing.poison import POISON

    tasks = spec.tasks.values() if spec.tasks is not POISON else ()
    named = (task.target for task in tasks if task is not POISON)
    return list(dict.fromkeys(target for target in named if isinstance(target, str)))


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, nothing elsewhere."""
    if terminal.settings.quiet or not terminal.err().is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal.err(), transient=True) as bars:
        bar = bars.add_task(name, total=total)
        yield lambda number: bars.advance(bar, number)


def _merge_diagnostics(checked: CheckedSpec, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Add the problems of `validate` that the full reading does not replace; errors come first."""
    known = {(item.code, item.path) for item in diagnostics}
    others = [
        item
        for item in checked.diagnostics
        if item.code.startswith("DAT")
        and item.code not in _READ_BETTER
        and (item.code, item.path) not in known
    ]
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted([*diagnostics, *others], key=lambda item: rank[item.severity])


def _write(
    path: Path,
    checked: CheckedSpec,
    summaries: list[DatasetSummary],
    diagnostics: list[Diagnostic],
    samples: dict[str, dict[str, list[Sample]]],
) -> None:
    from declare.report.render.data_html import render
    from declare.runtime.run_folder.durable_io import write_whole

    with writing(path):
        write_whole(path, render(str(checked.spec.name), summaries, diagnostics, samples))
    terminal.echo(f"wrote {path}")
