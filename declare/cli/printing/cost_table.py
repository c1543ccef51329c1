"""What phases cost on the terminal: memory and FLOPs, by module."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.ir.phase_costs import MemoryCosts, ModuleCosts, PhaseCosts
from declare.report.number_format import count, size

_COLUMNS = (
    "parameters",
    "trained",
    "forward",
    "backward",
    "weights",
    "gradients",
    "optimizer",
    "activations",
)


def render_costs(costs: tuple[PhaseCosts, ...], console: Console) -> None:
    """Print a line for the memory of each phase, one for its FLOPs, and a table of its modules."""
    for phase in costs:
        for line in cost_lines(phase):
            console.print(Text(line), soft_wrap=True)
        if phase.modules:
            console.print(_table(phase.modules))


def cost_lines(phase: PhaseCosts) -> Iterator[str]:
    """Yield what a phase takes in sentences."""
    processes = f" in each of {phase.processes} processes" if (phase.processes or 1) > 1 else ""
    how = "" if phase.method == "traced" else f" (estimated by formulas: {phase.reason})"
    yield f"  {phase.phase}: {phase.rows:,} samples at a time in {phase.precision}{processes}{how}"
    if phase.step is None:
        yield "    step:       memory not known before the run, sizes vary"
    else:
        yield f"    step:       {_memory(phase.step)}"
    if phase.evaluation is not None:
        yield f"    evaluation: {_memory(phase.evaluation)}"
    if phase.forward_flops is not None:
        forward, backward = count(phase.forward_flops), count(phase.backward_flops)
        yield f"    FLOPs:      forward {forward}, backward {backward} in a step"


def _memory(memory: MemoryCosts) -> str:
    parts = {name: value for name, value in memory.model_dump().items() if name != "total" and value}
    return f"{size(memory.total)} = {' + '.join(f'{name} {size(value)}' for name, value in parts.items())}"


def _table(modules: tuple[ModuleCosts, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("    module", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for module in modules:
        table.add_row(*_row(module))
    return table


def _row(module: ModuleCosts) -> Iterator[str]:
    yield f"    {module.path or '(losses)'}"
    yield count(module.parameters)
    yield count(module.trained_parameters)
    yield count(module.forward_flops)
    yield count(module.backward_flops)
    yield size(module.weight_bytes)
    yield size(module.gradient_bytes)
    yield size(module.optimizer_bytes)
    yield size(module.activation_bytes)
