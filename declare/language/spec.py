"""The spec: strict models of exactly what the user said. The contract of the language."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from declare.contract.component import Slot, Strict
from declare.contract.duration import Duration
from declare.contract.field import Field as FieldType
from declare.contract.module import Module
from declare.contract.source import Source, SpecPath
from declare.contract.task import Task
from declare.contract.training import Augment, Mix, Optimizer, Regularizer, Sampler, Schedule, Tracker
from declare.contract.transform import Transform

Name = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and `_`, a letter first"),
]
Metric = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]*(/[a-z][a-z0-9_@]*)*$",
        description="a metric name such as `val/digit/accuracy`, or a composite's",
    ),
]
Bound = Annotated[
    str,
    Field(
        pattern=r"^\s*(>=|<=|>|<|==)\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$",
        description='a bound such as ">= 0.9"',
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$", description="a share such as `1%`")]
Bytes = Annotated[
    str, Field(pattern=r"^\d+(\.\d+)?\s*([kKMGT]i?)?B$", description="a size such as `20GB` or `512MiB`")
]
Slug = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="lower-case letters, digits, `-` and `_`"),
]


@dataclass(frozen=True)
class Later:
    """Marks what the language has but this version cannot do yet: every value, or the `values` alone.

    `instead` says what to do meanwhile. Whoever builds the feature takes the mark away.
    """

    instead: str
    values: tuple[object, ...] = ()
    above: float | None = None

    def covers(self, value: object) -> bool:
        """Return whether the spec asks for what is not there yet."""
        if self.above is not None:
            return isinstance(value, int | float) and value > self.above
        return value in self.values if self.values else value not in (None, [], {})


class Split(Strict):
    """How samples are held out; the rest trains."""

    train: Share | SpecPath | None = Field(None, description="fraction (or file) that trains")
    val: Share | SpecPath | None = Field(None, description="fraction (or file) held out for validation")
    test: Share | SpecPath | None = Field(
        None, description="fraction (or file) for the final test, never used earlier"
    )
    by: str | None = Field(None, description="a field whose values never stand in two splits")
    stratify: str | None = Field(None, description="a field whose proportions every split keeps")
    seed: int | None = Field(None, description="defaults to the spec's seed")
    column: str | None = Field(None, description="a field that holds `train`, `val` or `test`")


class Corrupt(Strict):
    """What happens to samples that cannot be read."""

    action: Literal["error", "skip"] = "error"
    limit: Percent | int = Field("1%", description="more than this many skipped samples is an error")


class Dataset(Strict):
    """Data: a source with typed fields, transforms and a split."""

    source: Annotated[Source, Slot("sources")]
    fields: dict[Name, Annotated[FieldType, Slot("fields")]] = Field(
        {}, description="fields; may be left out where known"
    )
    transforms: list[Annotated[Transform, Slot("transforms")]] = Field([], description="applied in order")
    split: Split = Split.model_construct(val=0.1)
    cache: Literal["auto", "none", "memory", "disk"] = "auto"
    on_corrupt: Literal["error"] | Corrupt = "error"
    limit: Annotated[int, Field(gt=0)] | None = Field(None, description="use only so many samples")


class BestMetric(Strict):
    """A metric and which way is better."""

    metric: Metric
    mode: Literal["max", "min"]


class Evaluate(Strict):
    """When a phase evaluates, and which metric picks its best checkpoint."""

    every: Duration | None = None
    best: BestMetric | None = None


class EarlyStop(Strict):
    """Stop a phase whose metric no longer improves."""

    metric: Metric
    mode: Literal["max", "min"]
    patience: Duration
    min_delta: float = Field(0.0, ge=0)


class Checkpoint(Strict):
    """How often state is saved and how many checkpoints stay."""

    every: Duration | None = None
    keep: int = Field(2, ge=1)


class Init(Strict):
    """Weights that a phase starts from."""

    from_: str = Field(
        alias="from", pattern=r"^(phase|run|file):.+$", description="phase:NAME, run:PATH or file:PATH"
    )
    modules: list[str] = Field(["*"], description="which modules, by pattern")
    strict: bool = Field(True, description="missing or reshaped weights are errors")
    rename: dict[str, str] = Field({}, description="old name prefix -> new name prefix")


class Freeze(Strict):
    """Parameters that stand still."""

    match: str
    until: Duration | None = Field(None, description="left out: the whole phase")


class Clip(Strict):
    """Gradient clipping: by global norm or by value."""

    norm: float | None = Field(None, gt=0)
    value: float | None = Field(None, gt=0)


class Ema(Strict):
    """An exponential moving average of the weights, used in evaluations."""

    decay: float = Field(0.999, gt=0, lt=1)


class BatchError(Strict):
    """What happens to a batch that fails or gives a non-finite loss."""

    action: Literal["error", "skip"] = "error"
    limit: int = Field(10, ge=1)


class Consistency(Strict):
    """Agreement between scales as a training loss."""

    type: Literal["kl", "mse"] = "kl"
    weight: float = Field(1.0, gt=0)


class Scales(Strict):
    """One field at several sizes."""

    field: str
    sizes: list[Annotated[int, Field(gt=0)]] = Field(min_length=1)
    mode: Literal["joint", "progressive", "random"] = "joint"
    materialize: Literal["on_demand", "eager"] = "on_demand"
    consistency: Consistency | None = None


class Probe(Strict):
    """A linear probe on frozen features at the end of the phase."""

    task: str
    input: str | None = None
    type: Literal["linear"] = "linear"


class Phase(Strict):
    """What is trained when, from what, for how long."""

    tasks: list[str] | dict[str, Annotated[float, Field(ge=0)]] | None = Field(
        None, description="default: all"
    )
    epochs: Annotated[float, Field(gt=0)] | None = None
    steps: Annotated[int, Field(gt=0)] | None = None
    batch_size: Annotated[
        Annotated[int, Field(gt=0)] | dict[str, Annotated[int, Field(gt=0)]] | Literal["auto"],
        Later("state a number, such as `batch_size: 64`", ("auto",)),
    ]
    mix: Annotated[Mix, Slot("mixes")] | dict[str, Annotated[float, Field(gt=0)]] | None = None
    sampler: Annotated[Sampler | None, Slot("samplers")] = None
    scales: Annotated[Scales | None, Later("remove it: the stored size is trained")] = None
    augment: list[Annotated[Augment, Slot("augments")]] = []
    optimizer: Annotated[Optimizer, Slot("optimizers")]
    schedule: Annotated[Schedule | None, Slot("schedules")] = None
    regularizers: list[Annotated[Regularizer, Slot("regularizers")]] = []
    init: list[Init] = []
    freeze: list[Freeze] = []
    accumulate: int = Field(1, ge=1)
    clip: Clip | None = None
    ema: Ema | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16", "tf32"] | None = None
    evaluate: Evaluate = Evaluate.model_construct()
    early_stop: EarlyStop | None = None
    checkpoint: Checkpoint = Checkpoint.model_construct()
    probes: Annotated[list[Probe], Later("remove it: train a phase on frozen features instead")] = []
    on_batch_error: Literal["error"] | BatchError = "error"
    balance: Annotated[
        Literal["fixed", "uncertainty", "dynamic", "pcgrad"],
        Later("state the tasks' weights", ("uncertainty", "dynamic", "pcgrad")),
    ] = "fixed"


class Hardware(Strict):
    """On what the run runs."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    nodes: Annotated[int, Later("train on one machine: `nodes: 1`", above=1)] = Field(1, ge=1)
    strategy: Annotated[
        Literal["auto", "single", "ddp", "fsdp"],
        Later("train in one process: `strategy: single`", ("ddp", "fsdp")),
    ] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16", "tf32"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    memory_limit: Bytes | None = None
    determinism: Literal["fast", "exact"] = "fast"


class Space(Strict):
    """The values that a search may give to one path: exactly one of the keys."""

    log: list[float] | None = Field(None, min_length=2, max_length=2)
    uniform: list[float] | None = Field(None, min_length=2, max_length=2)
    int: list[Annotated[Any, Field()]] | None = Field(None, min_length=2, max_length=2)
    choices: list[Any] | None = Field(None, min_length=1)


class Tune(Strict):
    """A search over values of the spec."""

    metric: Metric
    mode: Literal["max", "min"]
    trials: int = Field(20, ge=1)
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruner: Literal["none", "median", "hyperband"] = "none"
    engine: Literal["optuna", "ray"] = "optuna"
    space: dict[str, Space]


class Spec(Strict):
    """A whole spec, after composition (`extends` and `vars` are gone by then)."""

    declare: Literal[1] = Field(description="language version")
    name: Slug = Field("run", description="names the run folder")
    description: str | None = None
    seed: int = Field(0, ge=0, lt=2**32)
    datasets: dict[Name, Dataset] = Field(min_length=1)
    model: dict[Name, Annotated[Module, Slot("modules")]] = Field(min_length=1)
    tasks: dict[Name, Annotated[Task, Slot("tasks")]] = Field(min_length=1)
    phases: dict[Name, Phase] = Field(min_length=1)
    hardware: Hardware = Hardware.model_construct()
    tracking: list[Annotated[Tracker, Slot("trackers")]] | Annotated[Tracker, Slot("trackers")] | None = None
    tune: Tune | None = None
    metrics: dict[Name, str] = Field({}, description="named composites: arithmetic over metric names")
    expect: dict[str, Bound] = Field({}, description="metric -> bound; a run that ends outside fails")
