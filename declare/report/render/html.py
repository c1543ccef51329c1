"""A report as one self-contained HTML page: no script, nothing loaded from elsewhere, every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from declare.diagnostics.output import visible
from declare.report.gradients import agreement, cosines, is_gradient, norms
from declare.report.incidents import rows as incident_rows
from declare.report.number_format import count, format_number, seconds, size
from declare.report.probes import across_phases, is_probe
from declare.report.render.architecture_svg import draw
from declare.report.render.line_chart import COLOURS, legend, line_chart
from declare.report.report import Curve, Dataset, Node, Phase, Report, Throughput, share, trained_last
from declare.report.restarts import describe_starts

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(report: Report) -> str:
    """Return the whole page."""
    sections = (
        section("Incidents", table(("where", "about", "what happened"), incident_rows(report.incidents), 9)),
        section("Architecture", draw(report) + _architecture(report.nodes)),
        section("Curves", _curves(report)),
        section("Gradients of tasks", _gradients(report)),
        section("Throughput", "".join(_throughput(part) for part in report.throughput)),
        section("Phases", _phases(report)),
        section("Tasks", _tasks(report)),
        section("Data", "".join(_dataset(data) for data in report.datasets)),
        section("Final metrics", _metrics(report)),
        section("Probes", _probes(report)),
        section("What happened", _notices(report)),
    )
    return page(report.name, f"{_header(report)}{_tiles(report)}{''.join(sections)}")


def page(title: str, body: str) -> str:
    """Return a whole page; `title` is escaped here, `body` is HTML."""
    css = resources.files("declare.report.render").joinpath("page.css").read_text(encoding="utf-8")
    return visible(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{css}</style></head><body><main>{body}</main></body></html>\n"
    )


def _header(report: Report) -> str:
    code = "".join(f'<p class="mono">runs trusted code: {escape(entry)}</p>' for entry in report.trusted)
    about = f"<p>{escape(report.description)}</p>" if report.description else ""
    begun = f'<p class="mono">{escape(describe_starts(report.starts))}</p>' if report.starts else ""
    return (
        f"<header><h1>{escape(report.name)}"
        f'<span class="status {escape(report.status)}">{escape(report.status)}</span></h1>{about}'
        f'<p class="mono">plan {report.plan_sha256[:16]}, seed {report.seed}</p>{begun}{code}</header>'
    )


def _tiles(report: Report) -> str:
    tiles = [
        (count(report.total_parameters), "parameters", ""),
        (f"{sum(data.num_samples for data in report.datasets):,}", "samples", ""),
        (f"{sum(phase.steps for phase in report.phases):,}", "optimizer steps planned", ""),
    ]
    shown = [
        *report.expect,
        *(name for name in report.metrics if name.startswith("test/") and "@" not in name),
    ]
    missed = {notice.text.partition(" ")[0] for notice in report.notices if notice.kind == "expect_missed"}
    for name in dict.fromkeys(shown):
        if name in report.metrics:
            bound = report.expect.get(name)
            state = "" if bound is None else "missed" if name in missed else "met"
            beside = [f"expected {bound}"] if bound else []
            beside += [f"trivial {format_number(report.trivial[name])}"] if name in report.trivial else []
            label = f"{name} ({', '.join(beside)})" if beside else name
            tiles.append((format_number(report.metrics[name]), label, state))
    body = "".join(
        f'<div class="tile {state}"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for value, label, state in tiles[:10]
    )
    return f'<div class="tiles">{body}</div>'


def section(title: str, body: str) -> str:
    """Return a titled part of the page, nothing if the body is empty."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: int) -> str:
    """Return a table without its wholly empty columns; those from number `numeric` on are flush right.

    Cells are escaped here.
    """
    lines = list(rows)
    kept = [index for index in range(len(columns)) if any(row[index] for row in lines)]

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=num' if index >= numeric else ''}>{escape(row[index])}</{tag}>" for index in kept
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in lines)
    return (
        f"<table><thead><tr>{cells('th', columns)}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    )


def _architecture(nodes: Sequence[Node]) -> str:
    columns = (
        "node",
        "type",
        "inputs",
        "output",
        "parameters",
        "forward FLOPs",
        "backward FLOPs",
        "activations",
    )
    rows = (
        (
            node.path + (f" x{node.instances}" if node.instances > 1 else ""),
            node.type,
            ", ".join(node.inputs),
            ", ".join(node.outputs.values()),
            count(node.parameters),
            count(node.forward_flops),
            count(node.backward_flops),
            size(node.activation_bytes),
        )
        for node in nodes
    )
    note = (
        '<p class="note">For one sample. FLOPs count matrix products and convolutions, 2 per multiply-add; '
        "backward is taken as twice the forward. Activations are fp32.</p>"
    )
    return table(columns, rows, 4) + note + "".join(_layers(node) for node in nodes if node.layers)


def _layers(node: Node) -> str:
    rows = (
        (
            "\u2003" * layer.name.count(".") + layer.name.rpartition(".")[2],
            layer.type,
            layer.shape,
            count(layer.parameters),
            count(layer.flops),
        )
        for layer in node.layers
    )
    lines = table(("layer", "class", "output", "parameters", "FLOPs"), rows, 3)
    return f"<details><summary>{escape(node.path)}: {len(node.layers)} layers</summary>{lines}</details>"


def curve_groups(curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    """Group curves that share a chart: all splits and datasets of a task's metric."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        task, _, metric_name = curve.name.partition("/")[2].rpartition("/")
        title = f"{task.partition('@')[0]} {metric_name.replace('_', ' ')}".strip()
        groups.setdefault(title or curve.name, []).append(curve)
    return groups


def _curves(report: Report) -> str:
    starts, before = [], 0
    for phase in report.phases:
        starts.append((before, phase.name))
        before += phase.steps
    charts = (
        f"<div><h3>{escape(title)}</h3>{line_chart(group, starts)}{legend(group)}</div>"
        for title, group in curve_groups([c for c in report.curves if not is_gradient(c.name)]).items()
        if any(len(curve.points) > 1 for curve in group)
    )
    body = "".join(charts)
    return f'<div class="charts">{body}</div>' if body else ""


def _gradients(report: Report) -> str:
    """Return norms and cosines of the tasks' gradients; nothing if none were measured."""
    similarity = agreement(report.curves)
    if not similarity.tasks:
        return ""
    charts = (
        f"<div><h3>{title}</h3>{line_chart(group)}{legend(group)}</div>"
        for title, group in (("norm", norms(report.curves)), ("cosine", cosines(report.curves)))
        if any(len(curve.points) > 1 for curve in group)
    )
    rows = (
        (name, *map(format_number, values))
        for name, values in zip(similarity.tasks, similarity.rows, strict=True)
    )
    note = '<p class="note">Cosines are means over all measurements; below 0 two tasks conflict.</p>'
    body = table(("cosine", *similarity.tasks), rows, 1)
    return f'<div class="charts">{"".join(charts)}</div>{body}{note}'


def _throughput(part: Throughput) -> str:
    total = sum(part.seconds.values()) or 1.0
    pieces = "".join(
        f'<div style="width:{100 * value / total:.2f}%;background:{COLOURS[index % len(COLOURS)]}" '
        f'title="{escape(name)} {seconds(value)}"></div>'
        for index, (name, value) in enumerate(part.seconds.items())
    )
    names = "".join(
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(name)} {seconds(value)} '
        f"({100 * value / total:.0f}%)</span>"
        for index, (name, value) in enumerate(part.seconds.items())
    )
    return (
        f"<h3>{escape(part.phase)}: {part.samples_per_second:,.0f} samples/s, {part.steps_per_second:,.1f} "
        f'steps/s</h3><div class="bar">{pieces}</div><div class="legend">{names}</div>'
    )


def _phases(report: Report) -> str:
    columns = ("phase", "tasks", "optimizer", "best by", "steps", "epochs", "batch", "trainable", "memory")
    rows = (
        (
            phase.name,
            ", ".join(f"{name} x{weight:g}" for name, weight in phase.tasks.items()),
            phase.optimizer,
            phase.best or "-",
            _progress(phase),
            f"{phase.epochs:g}",
            str(phase.batch_size),
            count(phase.trainable_parameters),
            size(phase.memory_bytes),
        )
        for phase in report.phases
    )
    planned = [Curve(name=phase.name, points=phase.rates) for phase in report.phases if phase.rates]
    charts = "".join(f"<div><h3>{escape(c.name)}: learning rate</h3>{line_chart([c])}</div>" for c in planned)
    scaled = [f"{phase.name}: {phase.scales}" for phase in report.phases if phase.scales]
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in scaled)
    return table(columns, rows, 4) + notes + f'<div class="charts">{charts}</div>'


def _progress(phase: Phase) -> str:
    if phase.steps_done is None:
        return f"{phase.steps:,}"
    return f"{phase.steps_done:,} of {phase.steps:,}{' (stopped early)' if phase.stopped_early else ''}"


def _tasks(report: Report) -> str:
    columns = ("task", "type", "datasets", "target", "head", "losses", "metrics", "weight")
    rows = (
        (
            task.name,
            task.type,
            ", ".join(task.datasets),
            " ".join(filter(None, (task.target or "-", task.units and f"({task.units})"))),
            task.head,
            ", ".join(task.losses),
            ", ".join(task.metrics),
            f"{task.weight:g}",
        )
        for task in report.tasks
    )
    return table(columns, rows, 7)


def _dataset(data: Dataset) -> str:
    splits = ", ".join(f"{split} {number:,}" for split, number in data.splits.items())
    rows = ((name, shape, f"{data.missing.get(name, 0):,}") for name, shape in data.fields.items())
    head = f"<h3>{escape(data.name)}: {data.num_samples:,} samples from {escape(data.source)} ({splits})</h3>"
    return (
        head
        + table(("field", "shape", "missing"), rows, 2)
        + "".join(_balance(name, counts) for name, counts in data.class_counts.items())
    )


def _balance(name: str, counts: dict[str, int]) -> str:
    largest = max(counts.values(), default=0) or 1
    rows = "".join(
        f'<tr><td>{escape(label)}</td><td><span class="balance" style="width:{240 * number / largest:.0f}px">'
        f"</span>{number:,}</td></tr>"
        for label, number in list(counts.items())[:40]
    )
    more = f'<p class="note">and {len(counts) - 40} more classes</p>' if len(counts) > 40 else ""
    summary = f"<summary>classes of {escape(name)} in the training split</summary>"
    return f"<details>{summary}<table>{rows}</table>{more}</details>"


def _metrics(report: Report) -> str:
    rows = (
        (
            name,
            report.expect.get(name, ""),
            share(value, report.oracle.get(name)),
            trained_last(report.tasks, name),
            format_number(report.trivial[name]) if name in report.trivial else "",
            format_number(value),
        )
        for name, value in sorted(report.metrics.items())
        if not is_probe(name)
    )
    note = (
        '<p class="note">Trivial: the same prediction for every sample, from training '
        "targets alone (their mean, the most frequent class, unigrams).</p>"
    )
    body = table(("metric", "expected", "best possible", "trained last in", "trivial", "value"), rows, 4)
    return body + note if report.trivial else body


def _probes(report: Report) -> str:
    """Return the quality of frozen features across phases; nothing if none was probed."""
    probes = across_phases(report)
    rows = ((name, *map(format_number, values)) for name, values in probes.rows.items())
    return table(("frozen features, val", *probes.phases), rows, 1) if probes.rows else ""


def _notices(report: Report) -> str:
    rows = (
        (notice.phase or "", "" if notice.step is None else str(notice.step), notice.text)
        for notice in report.notices
    )
    return table(("phase", "step", "event"), rows, 9)
