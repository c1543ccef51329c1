"""Where a step's time goes, on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.report.number_format import seconds, size
from declare.runtime.profiling.profile import PhaseProfile

_BAR = 40
_OPERATORS = 10


def render(profiles: Sequence[PhaseProfile], console: Console) -> None:
    """Print each phase: its step split into parts, then the operators that take longest."""
    for item in profiles:
        step = f"{seconds(item.step_seconds)} a step, {item.samples_per_second:,.0f} samples/s"
        memory = f", peak {size(item.peak_bytes)}" if item.peak_bytes else ""
        console.print(Text.assemble((item.phase, "bold"), f"  {step}{memory}, mean of {item.steps} steps"))
        for name, value in item.seconds.items():
            share = value / item.step_seconds if item.step_seconds else 0.0
            bar = "\u2588" * round(share * _BAR)
            console.print(Text(f"  {name:<10}{seconds(value):>9}{share:>7.1%}  {bar}"))
        console.print(_operators(item))
        console.print()


def _operators(item: PhaseProfile) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("  operator (own time)")
    for name in ("calls a step", "CPU", "device"):
        table.add_column(name, justify="right")
    for operator in item.operators[:_OPERATORS]:
        device = seconds(operator.device_seconds) if operator.device_seconds else ""
        cells = (f"  {operator.name}", f"{operator.calls_per_step:g}", seconds(operator.cpu_seconds), device)
        table.add_row(*(Text(cell) for cell in cells))
    return table
