"""The content of a report: one serialisable value for the terminal, JSON and HTML renderers."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from declare.report.number_format import format_number

FORMAT = "1.0"


class Part(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Layer(Part):
    """A line of the module tree; FLOPs are of one sample: 2 per multiply-add of matmuls and convolutions."""

    name: str
    type: str
    shape: str
    parameters: int
    flops: int | None


class Node(Part):
    """A node of the graph; costs of one sample; backward is counted as twice the forward."""

    path: str
    type: str
    role: str
    inputs: tuple[str, ...]
    outputs: dict[str, str]
    per_dataset: bool
    instances: int
    parameters: int
    forward_flops: int | None
    backward_flops: int | None
    activation_bytes: int | None
    layers: tuple[Layer, ...]


class Dataset(Part):
    """A dataset: sizes of the splits, fields with shapes, class counts of the training split by field."""

    name: str
    source: str
    num_samples: int
    splits: dict[str, int]
    fields: dict[str, str]
    class_counts: dict[str, dict[str, int]]
    missing: dict[str, int]


class Task(Part):
    """A task: its target, head, losses and metrics by name; `units` describes those of target and metrics.

    `trained_last` names the phase that trained it last, if a later one does not.
    """

    name: str
    type: str
    datasets: tuple[str, ...]
    target: str | None
    head: str
    losses: tuple[str, ...]
    metrics: tuple[str, ...]
    weight: float
    units: str = ""
    trained_last: str = ""


def trained_last(tasks: Sequence[Task], metric: str) -> str:
    """Return the phase that trained the task of `SPLIT/TASK/METRIC` last, if a later phase does not."""
    name = metric.partition("/")[2].partition("/")[0].partition("@")[0]
    return next((task.trained_last for task in tasks if task.name == name), "")


class Phase(Part):
    """A phase as planned, and its progress if the report is of a run."""

    name: str
    tasks: dict[str, float]
    steps: int
    epochs: float
    batch_size: int
    optimizer: str
    rates: tuple[tuple[int, float], ...]
    trainable_parameters: int
    memory_bytes: int | None
    steps_done: int | None = None
    best: str | None = None
    stopped_early: bool = False
    scales: str = ""


class Throughput(Part):
    """Where the time of a step goes; seconds are means per optimizer step, after warm-up."""

    phase: str
    samples_per_second: float
    steps_per_second: float
    seconds: dict[str, float]


class Curve(Part):
    """A metric over global optimizer steps; `undefined` are those at which it had no finite value."""

    name: str
    points: tuple[tuple[int, float], ...]
    undefined: tuple[int, ...] = ()

    @property
    def last(self) -> float | None:
        """The last value, None if it is undefined."""
        step, value = self.points[-1]
        return None if any(other > step for other in self.undefined) else value


class Notice(Part):
    """An event that a reader should know: a skipped batch, a settled `auto`, a phase hand-over."""

    kind: str
    text: str
    phase: str | None = None
    step: int | None = None


class Incident(Part):
    """Something that went wrong: what it is about (sample, batch, checkpoint, run...), and what was done."""

    kind: str
    about: str
    text: str
    details: tuple[str, ...] = ()
    code: str | None = None
    phase: str | None = None
    step: int | None = None


class Start(Part):
    """A start of a run: the number of processes, the device, and whether from a checkpoint."""

    processes: int
    device: str
    resumed: bool


def share(value: float | None, best: float | None) -> str:
    """Return the fraction of the best possible metric that was reached, in words; empty if unknown."""
    if best is None or value is None or best <= 0 or value != value:  # noqa: PLR0124
        return ""
    return f"oracle {format_number(best)}, reached {value / best:.0%}"


class Report(Part):
    """A report of a spec (before it ran) or of a run."""

    format: str = FORMAT
    name: str
    description: str | None
    status: str
    plan_sha256: str
    seed: int
    total_parameters: int
    datasets: tuple[Dataset, ...]
    nodes: tuple[Node, ...]
    tasks: tuple[Task, ...]
    phases: tuple[Phase, ...]
    throughput: tuple[Throughput, ...] = ()
    curves: tuple[Curve, ...] = ()
    metrics: dict[str, float | None] = {}
    expect: dict[str, str] = {}
    trusted: tuple[str, ...] = ()
    """Files of code that the user allowed, with the hash of their content."""
    trivial: dict[str, float | None] = {}
    """What the trivial baseline of each task reaches, by metric: the same answer for every sample."""
    oracle: dict[str, float] = {}
    """The best metrics there are, by metric, if the source of the data knows the truth."""
    starts: tuple[Start, ...] = ()
    """Every start of a run: the first one, those after a stop, and those after a process died."""
    notices: tuple[Notice, ...] = ()
    incidents: tuple[Incident, ...] = ()
    """Everything that went wrong, in its order; empty for a run without a fault."""
