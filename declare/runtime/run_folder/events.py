"""The events of a run: a type for each, with what its line in `events.jsonl` holds beside time, phase and step.

Numbers that are not finite are written as null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class EventBody:
    """The contents of an event; its name is that of the subclass in snake case."""

    event_name: ClassVar[str] = ""
    kinds: ClassVar[list[type[EventBody]]] = []
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    def __init_subclass__(cls) -> None:
        cls.event_name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        EventBody.kinds.append(cls)

    def values(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def event_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of the fields of each event by its name; none is required, as old runs lack some."""
    return {kind.event_name: _event_schema(kind) for kind in EventBody.kinds}


def _event_schema(kind: type[EventBody]) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema()
    description = " ".join((kind.__doc__ or "").split())
    return {"description": description, "properties": _nullable(schema.get("properties", {}))}


def _nullable(value: Any) -> Any:
    """Return a schema in which each number may be null, without titles and defaults."""
    if isinstance(value, dict):
        schema = {key: _nullable(item) for key, item in value.items() if key not in {"title", "default"}}
        return schema | {"type": ["number", "null"]} if schema.get("type") == "number" else schema
    return [_nullable(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class RunStarted(EventBody):
    """A process, or a group of them, has started to train."""

    name: str
    folder: str
    device: str
    resumed: bool
    """Whether the run continues from a checkpoint."""
    processes: int
    declare: str
    """The version of declare; the next ones are those of torch and Python."""
    torch: str
    python: str
    machine: str
    system: str


@dataclass(frozen=True)
class RunRefused(EventBody):
    """A run was not resumed."""

    code: str
    message: str


@dataclass(frozen=True)
class RunStopped(EventBody):
    """The run ended on request and can be resumed."""

    reason: str | None
    """SIGINT, SIGTERM, or who asked."""


@dataclass(frozen=True)
class RunFailed(EventBody):
    """The run ended by an error."""

    code: str
    """Of the finding; empty for a bug."""
    message: str
    notes: Sequence[str]
    traceback: str


@dataclass(frozen=True)
class RunFinished(EventBody):
    """The run came to its end."""

    metrics: Metrics
    """The final metrics."""
    status: int
    """Exit code: 1 if a bound of `expect` was missed, else 0."""
    trained_earlier: Mapping[str, str]


@dataclass(frozen=True)
class ProcessDied(EventBody):
    """A process of the group died, as the supervisor saw it."""

    rank: int
    at: int
    """Step of the run."""
    cause: str
    attempt: int
    words: str
    """The end of what the process printed."""


@dataclass(frozen=True)
class ProcessLost(EventBody):
    """This process ended because another one of its group has gone."""

    message: str


@dataclass(frozen=True)
class Choice(EventBody):
    """What `auto` came to."""

    name: str
    value: Any
    reason: str


@dataclass(frozen=True)
class MachineChanged(EventBody):
    """A resumed run has another version or machine; rounding may differ from here on."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True)
class PrecisionSlow(EventBody):
    """A phase trains in fp16 on a CPU, for want of a GPU: slowly, and small gradients become 0."""

    name: str
    precision: str


@dataclass(frozen=True)
class PlanChanged(EventBody):
    """A resumed run continues with another plan."""

    path: str
    old: str
    new: str
    verdict: str
    why: str


@dataclass(frozen=True)
class CacheRebuilt(EventBody):
    """A file of the cache was damaged and was made again."""

    path: str


@dataclass(frozen=True)
class FileDeleted(EventBody):
    """A file of the run folder was deleted while the run went on."""

    path: str
    reason: str
    """What was done about it."""


@dataclass(frozen=True)
class SampleSkipped(EventBody):
    """A sample cannot be read and is left out."""

    dataset: str
    row: int
    split: str
    where: str
    reason: str
    late: bool
    """Whether that turned out during training."""


@dataclass(frozen=True)
class PhaseStarted(EventBody):
    """A phase begins at its first step."""

    steps: int
    tasks: Sequence[str]


@dataclass(frozen=True)
class PhaseResumed(EventBody):
    """A phase continues from a checkpoint."""

    steps: int
    tasks: Sequence[str]


@dataclass(frozen=True)
class PhaseFinished(EventBody):
    """A phase is over."""

    updates: int
    """Optimizer steps that changed weights."""
    skipped: int
    """Batches that were left out."""


@dataclass(frozen=True)
class InitReport(EventBody):
    """Weights of another model were loaded."""

    source: str
    loaded: Sequence[str]
    """Names of tensors."""
    missing: Sequence[str]
    unexpected: Sequence[str]
    reshaped: Sequence[str]


@dataclass(frozen=True)
class Tick(EventBody):
    """Time passes between two boundaries; not written to the file."""


@dataclass(frozen=True)
class Boundary(EventBody):
    """Losses were read and what was due was done; a listener may answer with a request. Not written to the file."""


@dataclass(frozen=True)
class Step(EventBody):
    """The losses since the last reading, and the speed."""

    losses: Metrics
    """Means: `loss`, and each part by `TASK` or `TASK/LOSS`."""
    steps: int
    samples_per_second: float
    step_seconds: float
    data_seconds: float
    """Seconds per step that went into waiting for batches."""
    epoch: float
    rate: float
    """The learning rate."""
    group_rates: Metrics
    """Pattern of parameters -> their learning rate, if it is another one."""


@dataclass(frozen=True)
class Gradients(EventBody):
    """The gradients of tasks on the parameters that they share."""

    at: int
    """Step of the phase."""
    epoch: float
    norms: Metrics
    """By task."""
    cosines: Metrics
    """By `TASK:TASK`."""


@dataclass(frozen=True)
class Throughput(EventBody):
    """Where the time of a step goes, measured on a few early steps of a phase."""

    samples_per_second: float
    steps_per_second: float
    seconds: Metrics
    """Seconds per step by part: data, forward, backward, optimizer, rest."""


@dataclass(frozen=True)
class BatchSkipped(EventBody):
    """A batch was left out (`on_batch_error: skip`)."""

    reason: str
    skipped: int
    """Batches of the phase that were left out so far."""
    about: Sequence[str]
    """What is known of its samples."""


@dataclass(frozen=True)
class Frozen(EventBody):
    """Other parameters than before are frozen from here on."""

    patterns: Sequence[str]


@dataclass(frozen=True)
class Evaluated(EventBody):
    """The model was evaluated."""

    split: str
    epoch: float
    metrics: Metrics
    seconds: float


@dataclass(frozen=True)
class EvaluationSize(EventBody):
    """Evaluations show images at another size from here on; metrics before and after are not compared."""

    field: str
    size: int
    """Pixels of the shorter edge."""


@dataclass(frozen=True)
class BestImproved(EventBody):
    """The metric that picks the best weights improved."""

    metric: str
    value: float


@dataclass(frozen=True)
class EarlyStopped(EventBody):
    """The phase ends before its last step."""

    metric: str
    """The metric that no longer improves; empty if a listener asked for it."""


@dataclass(frozen=True)
class CheckpointSaved(EventBody):
    """A checkpoint is durable."""

    checkpoint: str
    """Name of its folder."""
    sequence: int


@dataclass(frozen=True)
class CheckpointRejected(EventBody):
    """A checkpoint is damaged and is not used."""

    path: str
    reason: str


@dataclass(frozen=True)
class Trivial(EventBody):
    """Metrics of the tasks' trivial baselines."""

    split: str
    metrics: Metrics


@dataclass(frozen=True)
class Oracle(EventBody):
    """Metrics of the best prediction there is, if the data know it."""

    metrics: Metrics


@dataclass(frozen=True)
class Probed(EventBody):
    """Metrics of the phase's linear probes."""

    epoch: float
    metrics: Metrics


@dataclass(frozen=True)
class NoBetterThanTrivial(EventBody):
    """The run ends no better than the trivial baseline."""

    metric: str
    value: float | None
    trivial: float


@dataclass(frozen=True)
class ExpectMissed(EventBody):
    """A bound of `expect` was missed."""

    metric: str
    value: float | None
    bound: str
