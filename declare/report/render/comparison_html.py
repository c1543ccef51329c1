"""A comparison as one self-contained HTML page, as that of a report."""

from collections.abc import Iterable, Sequence
from html import escape

from declare.report.comparison import Comparison, Row, SharedCurve
from declare.report.gradients import is_gradient
from declare.report.plan_differences import Difference
from declare.report.render.comparison_text import (
    change_text,
    other_samples_text,
    row_texts,
    trivial_text,
    value_text,
)
from declare.report.render.html import page, section, table
from declare.report.render.line_chart import legend, line_chart
from declare.report.report import Curve


def render(comparison: Comparison) -> str:
    """Return the whole page."""
    labels = comparison.labels
    others = (
        f'<p class="note">{escape(other_samples_text(comparison))}</p>' if comparison.other_samples else ""
    )
    sections = (
        section("Settings", _differences(labels, comparison.settings) or "<p>No setting differs.</p>"),
        section("Final metrics", _rows(labels, comparison.metrics) + (others if comparison.metrics else "")),
        section("Curves", _curves(comparison)),
        section("Cost", _rows(labels, comparison.costs)),
        section("What follows", _differences(labels, comparison.consequences)),
    )
    shown = "".join(
        f'<p class="mono">{escape(label)}<span class="status {escape(status)}">{escape(status)}</span></p>'
        for label, status in zip(labels, comparison.status, strict=True)
    )
    title = ", ".join(labels)
    return page(title, f"<header><h1>{escape(title)}</h1>{shown}</header>{''.join(sections)}")


def _differences(labels: Sequence[str], items: Sequence[Difference]) -> str:
    rows = ((item.path, *map(value_text, item.values)) for item in items)
    return table(("path", *labels), rows, 99)


def _rows(labels: Sequence[str], rows: Iterable[Row]) -> str:
    lines = (
        (
            row.name,
            *(f"{text} (best)" if i in row.best else text for i, text in enumerate(row_texts(row))),
            change_text(row),
            trivial_text(row),
        )
        for row in rows
        if any(value is not None for value in row.values)
    )
    return table(("figure", *labels, "change", "trivial"), lines, 1)


def _curves(comparison: Comparison) -> str:
    groups = {
        shared.name: _named_by_label(comparison.labels, shared)
        for shared in comparison.curves
        if not is_gradient(shared.name)
    }
    charts = (
        f"<div><h3>{escape(name)}</h3>{line_chart(group)}{legend(group)}</div>"
        for name, group in groups.items()
        if any(len(curve.points) > 1 for curve in group)
    )
    body = "".join(charts)
    return f'<div class="charts">{body}</div>' if body else ""


def _named_by_label(labels: Sequence[str], shared: SharedCurve) -> list[Curve]:
    """Return the curves that exist, each under the label of what it is of."""
    pairs = zip(labels, shared.curves, strict=True)
    return [curve.model_copy(update={"name": label}) for label, curve in pairs if curve is not None]
