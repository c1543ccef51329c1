"""What a full reading of the data found, for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from declare.data.check.summary import DatasetSummary, FieldSummary, several
from declare.report.number_format import counts_text, format_number

_CLASSES = 20


def render(summaries: Sequence[DatasetSummary], console: Console) -> None:
    """Print sizes, fields, class balance and groups of every dataset."""
    for summary in summaries:
        splits = ", ".join(f"{split} {number:,}" for split, number in summary.splits.items())
        head = f"{summary.name}: {summary.num_samples:,} samples from {summary.source} ({splits})"
        console.print(head, style="bold")
        _fields(summary, console)
        for field in summary.fields:
            _balance(field, list(summary.splits), console)
            _groups(field, console)
        for line in _count_lines(summary):
            console.print(f"  {line}")
        console.print()


def _fields(summary: DatasetSummary, console: Console) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("  field", "shape"):
        table.add_column(name)
    for name in ("missing", "gaps", "infinite", "lowest", "highest", "mean", "std", "lengths"):
        table.add_column(name, justify="right")
    for field in summary.fields:
        lengths = f"{field.lengths[0]}..{field.lengths[2]}" if field.lengths else ""
        table.add_row(
            f"  {field.name}",
            field.shape,
            f"{sum(field.missing.values()):,}",
            f"{field.nan:,}",
            f"{field.infinite:,}",
            *("" if value is None else format_number(value) for value in (field.minimum, field.maximum)),
            *("" if value is None else format_number(value) for value in (field.mean, field.std)),
            lengths,
        )
    console.print(table)


def _balance(field: FieldSummary, splits: Sequence[str], console: Console) -> None:
    if not field.counts:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(f"  {field.name}")
    for split in splits:
        table.add_column(split, justify="right")
    for name, row in list(field.counts.items())[:_CLASSES]:
        table.add_row(f"  {name}", *(f"{row.get(split, 0):,}" for split in splits))
    console.print(table)
    if len(field.counts) > _CLASSES:
        console.print(f"  and {len(field.counts) - _CLASSES} more classes")


def _groups(field: FieldSummary, console: Console) -> None:
    if field.distinct is None:
        return
    shared = ", ".join(f"{number:,} in {pair.replace('+', ' and ')}" for pair, number in field.shared.items())
    console.print(f"  {field.name}: {field.distinct:,} values, {shared or 'none in two splits'}")


def _count_lines(summary: DatasetSummary) -> list[str]:
    lines = [f"unreadable: {several(len(summary.unreadable), 'sample')}"]
    if summary.passed_over:
        lines.append(f"skipped: {counts_text(summary.passed_over)}")
    if summary.duplicates is not None:
        duplicates = summary.duplicates
        content = ", ".join(duplicates.fields[:4]) + (", ..." if len(duplicates.fields) > 4 else "")
        within, across = several(duplicates.within, "repeat"), several(duplicates.across, "sample")
        lines.append(f"equal {content}: {within} inside of splits, {across} in several splits")
    return lines
