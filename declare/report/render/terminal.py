"""A report on the terminal."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.report.incidents import rows as incident_rows
from declare.report.number_format import count, format_number, seconds, size
from declare.report.probes import across_phases, is_probe
from declare.report.report import Node, Report, share, trained_last
from declare.report.restarts import describe_starts

COURSE = "course"
BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return `values` as a line of block characters, at most `width` of them."""
    if not values:
        return ""
    stride = max(1, -(-len(values) // width))
    means = [sum(values[i : i + stride]) / len(values[i : i + stride]) for i in range(0, len(values), stride)]
    low, span = min(means), (max(means) - min(means)) or 1.0
    return "".join(BLOCKS[min(7, int((value - low) / span * 8))] for value in means)


def curve_text(
    points: Sequence[tuple[int, float]],
    last: int,
    width: int = 40,
    limits: tuple[float, float] | None = None,
) -> str:
    """Return a curve over steps 0 to `last` as `width` characters, so that several curves share an axis.

    Each is the mean of its steps; one without a point repeats the one before, none is outside the curve. `limits`
    are the values of the lowest and the highest block; without them those of the curve.
    """
    columns: dict[int, list[float]] = {}
    for step, value in points:
        columns.setdefault(min(width - 1, step * width // max(1, last)), []).append(value)
    means = {column: sum(values) / len(values) for column, values in columns.items()}
    low, high = limits or (min(means.values()), max(means.values()))
    span = high - low or 1.0
    line, drawn = "", " "
    for column in range(max(means) + 1):
        if column in means:
            drawn = BLOCKS[min(7, int((means[column] - low) / span * 8))]
        line += drawn
    return line.ljust(width)


def render(report: Report, console: Console) -> None:
    """Print the report."""
    console.print(
        Text(f"{report.name}", style="bold"), Text(f"{report.status}, plan {report.plan_sha256[:12]}")
    )
    if report.starts:
        console.print(Text(describe_starts(report.starts)))
    for entry in report.trusted:
        console.print(Text(f"runs trusted code: {entry}"))
    for table in _tables(report):
        if table.row_count:
            console.print()
            console.print(table)
    for notice in report.notices:
        where = f"{notice.phase} " if notice.phase else ""
        console.print(
            Text(f"  {where}{f'step {notice.step} ' if notice.step is not None else ''}{notice.text}")
        )


def make_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: int = 99) -> Table:
    """Return a table without its wholly empty columns; those from number `right` on are flush right."""
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    lines = list(rows)
    kept = [index for index in range(len(columns)) if any(row[index] for row in lines)]
    for index in kept:
        side: Literal["left", "right"] = "right" if index >= right and columns[index] != COURSE else "left"
        table.add_column(columns[index], justify=side, header_style="dim")
    for row in lines:
        table.add_row(*(Text(row[index]) for index in kept))
    return table


def _tables(report: Report) -> Iterable[Table]:
    yield _data(report)
    columns = ("node", "type", "output", "parameters", "forward", "backward", "activations")
    yield make_table(
        "Architecture (one sample; FLOP, 2 per multiply-add)",
        columns,
        (row for node in report.nodes for row in _node_rows(node)),
        right=3,
    )
    yield make_table(
        "Tasks",
        ("task", "type", "target", "datasets", "losses", "metrics"),
        (
            (
                t.name,
                t.type,
                " ".join(filter(None, (t.target or "-", t.units and f"({t.units})"))),
                ", ".join(t.datasets),
                ", ".join(t.losses),
                ", ".join(t.metrics),
            )
            for t in report.tasks
        ),
    )
    yield _phases(report)
    yield from _run_tables(report)


def _data(report: Report) -> Table:
    return make_table(
        "Data",
        ("dataset", "source", "samples", "splits", "fields"),
        (
            (
                data.name,
                data.source,
                f"{data.num_samples:,}",
                ", ".join(f"{split} {number:,}" for split, number in data.splits.items()),
                ", ".join(f"{name} {shape}" for name, shape in data.fields.items()),
            )
            for data in report.datasets
        ),
    )


def _phases(report: Report) -> Table:
    columns = ("phase", "steps", "epochs", "batch", "optimizer", "trainable", "memory", "learning rate")
    return make_table(
        "Phases",
        columns,
        (
            (
                phase.name,
                f"{phase.steps:,}"
                if phase.steps_done is None
                else f"{phase.steps_done:,} of {phase.steps:,}",
                f"{phase.epochs:g}",
                str(phase.batch_size),
                phase.optimizer,
                count(phase.trainable_parameters),
                size(phase.memory_bytes),
                sparkline([rate for _, rate in phase.rates], 24),
            )
            for phase in report.phases
        ),
    )


def _trivial(report: Report, metric: str) -> str:
    """Return what the trivial baseline reaches, empty if that is not known."""
    return format_number(report.trivial[metric]) if metric in report.trivial else ""


def _node_rows(node: Node) -> Iterable[Sequence[str]]:
    yield (
        node.path + (f" x{node.instances}" if node.instances > 1 else ""),
        node.type,
        ", ".join(node.outputs.values()),
        count(node.parameters),
        count(node.forward_flops),
        count(node.backward_flops),
        size(node.activation_bytes),
    )
    for layer in node.layers:
        depth = "  " * (layer.name.count(".") + 1)
        name = depth + layer.name.rpartition(".")[2]
        yield (name, layer.type, layer.shape, count(layer.parameters), count(layer.flops), "", "")


def _run_tables(report: Report) -> Iterable[Table]:
    yield make_table(
        "Throughput",
        ("phase", "samples/s", "steps/s", "step spent on"),
        (
            (
                part.phase,
                f"{part.samples_per_second:,.0f}",
                f"{part.steps_per_second:,.1f}",
                ", ".join(f"{name} {seconds(value)}" for name, value in part.seconds.items()),
            )
            for part in report.throughput
        ),
        right=1,
    )
    curves = [curve for curve in report.curves if len(curve.points) > 1]
    last = max((curve.points[-1][0] for curve in curves), default=0)
    yield make_table(
        "Curves",
        ("name", "first", "last", COURSE),
        (
            (c.name, format_number(c.points[0][1]), format_number(c.last), curve_text(c.points, last))
            for c in curves
        ),
        right=1,
    )
    yield make_table(
        "Final metrics",
        ("metric", "value", "trivial", "expected", "best possible", "trained last in"),
        (
            (
                name,
                format_number(value),
                _trivial(report, name),
                report.expect.get(name, ""),
                share(value, report.oracle.get(name)),
                trained_last(report.tasks, name),
            )
            for name, value in sorted(report.metrics.items())
            if not is_probe(name)
        ),
        right=1,
    )
    yield make_table("Incidents", ("where", "about", "what happened"), incident_rows(report.incidents))
    probed = across_phases(report)
    yield make_table(
        "Probes of frozen features",
        ("metric", *probed.phases),
        ((name, *map(format_number, values)) for name, values in probed.rows.items()),
        right=1,
    )
