"""What a full reading of the data found, as one self-contained HTML page: no script, nothing loaded."""

from collections.abc import Mapping, Sequence
from html import escape

from declare.data.check.previews import Sample
from declare.data.check.summary import DatasetSummary, Duplicates, FieldSummary, several
from declare.diagnostics.diagnostic import Diagnostic
from declare.report.number_format import counts_text
from declare.report.render.html import page, section, table
from declare.report.render.thumbnails import bars, sample_element

_CLASSES = 40
_ROWS = 200


def render(
    title: str,
    summaries: Sequence[DatasetSummary],
    diagnostics: Sequence[Diagnostic],
    samples: Mapping[str, Mapping[str, Sequence[Sample]]],
) -> str:
    """Return the page; `samples` is dataset -> class -> samples."""
    body = "".join(_dataset(item, samples.get(item.name, {})) for item in summaries)
    findings = section("Findings", _findings(diagnostics) or "<p>none</p>")
    return page(f"{title}: data", f"<header><h1>{escape(title)}: data</h1></header>{findings}{body}")


def _findings(diagnostics: Sequence[Diagnostic]) -> str:
    return "".join(
        f'<p><b class="{item.severity}">{item.severity} {item.code}</b> {escape(item.title)}</p>'
        + (f"<p class=note>{'<br>'.join(map(escape, item.notes[:20]))}</p>" if item.notes else "")
        + (f"<p class=note>{escape('; '.join(item.helps))}</p>" if item.helps else "")
        for item in diagnostics
    )


def _dataset(summary: DatasetSummary, samples: Mapping[str, Sequence[Sample]]) -> str:
    splits = ", ".join(f"{split} {number:,}" for split, number in summary.splits.items())
    layouts = {field.name: field.shape.partition("[")[0] for field in summary.fields}
    parts = [
        f'<p class="note">{summary.num_samples:,} samples from {escape(summary.source)} ({splits})</p>',
        _passed_over(summary),
        _fields(summary),
        *(_balance(field, list(summary.splits)) for field in summary.fields if field.counts),
        _histograms(summary),
        _unreadable(summary),
        "" if summary.duplicates is None else _duplicates(summary.duplicates),
        _samples(samples, layouts),
    ]
    return section(summary.name, "".join(parts))


def _passed_over(summary: DatasetSummary) -> str:
    counts = escape(counts_text(summary.passed_over))
    return f'<p class="note">skipped: {counts}</p>' if counts else ""


def _fields(summary: DatasetSummary) -> str:
    columns = ("field", "type", "shape", "missing", "gaps", "infinite", "lowest", "highest", "mean", "std")
    rows = (
        (
            field.name,
            field.type,
            field.shape,
            f"{sum(field.missing.values()):,}",
            f"{field.nan:,}",
            f"{field.infinite:,}",
            *("" if value is None else f"{value:.4g}" for value in (field.minimum, field.maximum)),
            *("" if value is None else f"{value:.4g}" for value in (field.mean, field.std)),
        )
        for field in summary.fields
    )
    notes = [
        f"{field.name}: {field.lengths[0]} to {field.lengths[2]} long, half of them up to {field.lengths[1]}"
        for field in summary.fields
        if field.lengths
    ]
    notes += [_groups(field) for field in summary.fields if field.distinct is not None]
    return table(columns, rows, 3) + "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def _groups(field: FieldSummary) -> str:
    shared = ", ".join(f"{number:,} in {pair}" for pair, number in field.shared.items())
    return f"{field.name}: {field.distinct:,} values, {shared or 'none in two splits'}"


def _balance(field: FieldSummary, splits: Sequence[str]) -> str:
    largest = max((sum(row.values()) for row in field.counts.values()), default=0) or 1
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td><span class="balance" style="width:'
        f'{200 * sum(row.values()) / largest:.0f}px"></span></td>'
        + "".join(f"<td class=num>{row.get(split, 0):,}</td>" for split in splits)
        + "</tr>"
        for name, row in list(field.counts.items())[:_CLASSES]
    )
    head = "".join(f"<th class=num>{escape(split)}</th>" for split in splits)
    more = len(field.counts) - _CLASSES
    rest = f'<p class="note">and {more} more classes</p>' if more > 0 else ""
    title = f"<h3>{escape(field.name)}</h3>"
    return f"{title}<table><tr><th>class</th><th></th>{head}</tr>{rows}</table>{rest}"


def _histograms(summary: DatasetSummary) -> str:
    drawn = "".join(
        f"<div><h3>{escape(field.name)}</h3>{bars(field.histogram, field.minimum, field.maximum)}</div>"
        for field in summary.fields
        if field.histogram and field.minimum is not None and field.maximum is not None
    )
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def _unreadable(summary: DatasetSummary) -> str:
    rows = ((item.where, item.split, item.field, item.reason) for item in summary.unreadable[:_ROWS])
    html = table(("sample", "split", "field", "reason"), rows, 9)
    return f"<h3>{several(len(summary.unreadable), 'sample')} cannot be read</h3>{html}" if html else ""


def _duplicates(duplicates: Duplicates) -> str:
    if not duplicates.groups:
        return ""
    rows = ((", ".join(group),) for group in duplicates.groups)
    within, across = several(duplicates.within, "repeat"), several(duplicates.across, "sample")
    head = f"{within} inside of splits, {across} in several splits"
    return f"<details><summary>{head}</summary>{table(('equal samples',), rows, 9)}</details>"


def _samples(samples: Mapping[str, Sequence[Sample]], layouts: dict[str, str]) -> str:
    return "".join(
        f'<h3>{escape(name) or "samples"}</h3><div class="samples">'
        f"{''.join(sample_element(sample, layouts) for sample in chosen)}</div>"
        for name, chosen in samples.items()
        if chosen
    )
