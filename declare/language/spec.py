"""The spec: strict models of exactly what the user said. The contract of the language."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from declare.contract.component import Slot, Strict
from declare.contract.duration import Duration
from declare.contract.kinds.augment import Augment
from declare.contract.kinds.balance import Balance
from declare.contract.kinds.field import Field as FieldType
from declare.contract.kinds.mix import Mix
from declare.contract.kinds.module import Module
from declare.contract.kinds.optimizer import Optimizer
from declare.contract.kinds.probe import Probe
from declare.contract.kinds.regularizer import Regularizer
from declare.contract.kinds.sampler import Sampler
from declare.contract.kinds.schedule import Schedule
from declare.contract.kinds.source import Source, SpecPath
from declare.contract.kinds.task import Task
from declare.contract.kinds.tracker import Tracker
from declare.contract.kinds.transform import Transform
from declare.reading.annotation import Description

Name = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]{0,63}$"),
    Description("at most 64 lower-case letters, digits and `_`, a letter first"),
]
Metric = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]*(/[a-z][a-z0-9_@]*)*$",
    ),
    Description("a metric name such as `val/digit/accuracy`, or a composite's"),
]
Bound = Annotated[
    str,
    Field(
        pattern=r"^\s*(>=|<=|>|<|==)\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$",
    ),
    Description('a bound such as ">= 0.9"'),
]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$"), Description("a share such as `1%`")]
Bytes = Annotated[
    str, Field(pattern=r"^\d+(\.\d+)?\s*([kKMGT]i?)?B$"), Description("a size such as `20GB` or `512MiB`")
]
Slug = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"),
    Description("at most 64 lower-case letters, digits, `-` and `_`"),
]


@dataclass(frozen=True)
class NotSupported:
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
    seed: int | None = Field(None, ge=0, lt=2**32, description="defaults to the spec's seed")
    column: str | None = Field(None, description="a field that holds `train`, `val` or `test`")


class Corrupt(Strict):
    """What happens to samples that cannot be read."""

    action: Literal["error", "skip"] = Field("error", description="stop, or go on without the sample")
    limit: Percent | int = Field("1%", description="more than this many skipped samples is an error")


class Dataset(Strict):
    """Data: a source with typed fields, transforms and a split."""

    source: Annotated[Source, Slot("sources")] = Field(description="where the samples come from")
    fields: dict[Name, Annotated[FieldType, Slot("fields")]] = Field(
        {}, description="fields; may be left out where known"
    )
    transforms: list[Annotated[Transform, Slot("transforms")]] = Field([], description="applied in order")
    split: Split = Field(Split.model_construct(val=0.1), description="what is held out")
    cache: Literal["auto", "none", "memory", "disk"] = Field(
        "auto", description="where decoded samples are kept"
    )
    on_corrupt: Literal["error"] | Corrupt = Field(
        "error", description="what happens to samples that cannot be read"
    )
    limit: Annotated[int, Field(gt=0)] | None = Field(None, description="use only so many samples")


class BestMetric(Strict):
    """A metric and which way is better."""

    metric: Metric = Field(description="`val/TASK/METRIC`, or a composite")
    mode: Literal["max", "min"] = Field(description="whether more or less is better")


class Evaluate(Strict):
    """When a phase evaluates, and which metric picks its best checkpoint."""

    every: Duration | None = Field(None, description="default: every epoch")
    best: BestMetric | None = Field(
        None, description="picks the checkpoint that the next phase and the report use"
    )


class EarlyStop(Strict):
    """Stop a phase whose metric no longer improves."""

    metric: Metric = Field(description="the metric that must improve")
    mode: Literal["max", "min"] = Field(description="whether more or less is better")
    patience: Duration = Field(description="how long it may stand still")
    min_delta: float = Field(0.0, ge=0, le=1e12, description="a smaller change is no improvement")


class Checkpoint(Strict):
    """How often state is saved and how many checkpoints stay."""

    every: Duration | None = Field(None, description="default: every epoch")
    keep: int = Field(2, ge=1, description="the newest so many stay, the best one besides")


class Init(Strict):
    """Weights that a phase starts from."""

    from_: str = Field(
        alias="from", pattern=r"^(phase|run|file):.+$", description="phase:NAME, run:PATH or file:PATH"
    )
    modules: list[str] = Field(["*"], min_length=1, description="which modules, by pattern")
    strict: bool = Field(True, description="missing or reshaped weights are errors")
    rename: dict[str, str] = Field({}, description="old name prefix -> new name prefix")


class Freeze(Strict):
    """Parameters that stand still."""

    match: str = Field(description="a glob over parameter names: `encoder.*`")
    until: Duration | None = Field(None, description="left out: the whole phase")


class Clip(Strict):
    """Gradient clipping: by global norm or by value."""

    norm: float | None = Field(None, gt=0, le=1e12, description="largest global norm of the gradient")
    value: float | None = Field(None, gt=0, le=1e12, description="largest value of each gradient")


class Ema(Strict):
    """An exponential moving average of the weights, used in evaluations."""

    decay: float = Field(0.999, gt=0, lt=1, description="share of the old average that a step keeps")
    warmup: bool = Field(
        True,
        description="begin with a lower decay, (1 + n) / (10 + n) at step n, until it reaches `decay`, so that "
        "short phases do not evaluate the weights that they began with",
    )


class BatchError(Strict):
    """What happens to a batch that fails or gives a non-finite loss."""

    action: Literal["error", "skip"] = Field("error", description="stop, or go on without the batch")
    limit: int = Field(10, ge=1, description="more skipped batches than this are an error")


class Consistency(Strict):
    """Agreement between scales as a training loss."""

    type: Literal["kl", "mse"] = Field("kl", description="how predictions are compared")
    weight: float = Field(1.0, gt=0, le=1e6, description="its share in the sum of losses")


class Scales(Strict):
    """One field at several sizes."""

    field: str = Field(description="the image field")
    sizes: list[Annotated[int, Field(gt=0)]] = Field(
        min_length=1, description="lengths of the shorter edge in pixels; the longer one keeps the proportion"
    )
    mode: Literal["joint", "progressive", "random"] = Field(
        "joint", description="all in every step, one after another in the phase, or one drawn for each step"
    )
    durations: list[Duration] = Field(
        [], description="how long each size of `progressive` is trained; default: equal shares"
    )
    materialize: Literal["on_demand", "eager"] = Field(
        "on_demand", description="one size after another, or all at once"
    )
    evaluate: int | None = Field(
        None,
        gt=0,
        description="the size that evaluations, checkpoints and predictions are of; default: the stored one if it is "
        "trained, else the largest, in `progressive` the one that is trained",
    )
    consistency: Consistency | None = Field(
        None, description="training draws smaller sizes to the largest one's predictions (`joint`)"
    )


class Diagnose(Strict):
    """What a phase measures beside its losses."""

    gradients: Duration | None = Field(
        None, description="how often norms and conflicts of the tasks' gradients are measured; default never"
    )


class Phase(Strict):
    """What is trained when, from what, for how long."""

    tasks: list[str] | dict[str, Annotated[float, Field(ge=0, le=1e6)]] | None = Field(
        None, description="default: all"
    )
    epochs: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        None, description="length of the phase; or `steps`"
    )
    steps: Annotated[int, Field(gt=0)] | None = Field(
        None, description="length of the phase in optimizer steps; or `epochs`"
    )
    batch_size: Annotated[
        Annotated[int, Field(gt=0)] | dict[str, Annotated[int, Field(gt=0)]] | Literal["auto"],
        NotSupported("state a number, such as `batch_size: 64`", ("auto",)),
    ] = Field(description="samples of one optimizer step, over all devices and accumulation; or by dataset")
    mix: Annotated[Mix, Slot("mixes")] | dict[str, Annotated[float, Field(gt=0, le=1e6)]] | None = Field(
        None, description="how several datasets share a batch; default `proportional`"
    )
    sampler: Annotated[Sampler | None, Slot("samplers")] = Field(
        None, description="the order of samples; default `random`"
    )
    scales: Scales | None = Field(None, description="one field at several sizes")
    augment: list[Annotated[Augment, Slot("augments")]] = Field(
        [], description="random changes of whole batches"
    )
    optimizer: Annotated[Optimizer, Slot("optimizers")] = Field(description="the update rule")
    schedule: Annotated[Schedule | None, Slot("schedules")] = Field(
        None, description="the learning rate over the phase; default `constant`"
    )
    regularizers: list[Annotated[Regularizer, Slot("regularizers")]] = Field(
        [], description="penalties on parameters"
    )
    init: list[Init] = Field([], description="weights to start from; default: those of the phase before")
    freeze: list[Freeze] = Field([], description="parameters that stand still")
    accumulate: int = Field(1, ge=1, description="micro-batches of each optimizer step")
    clip: Clip | None = Field(None, description="gradient clipping")
    ema: Ema | None = Field(None, description="averaged weights for evaluations")
    precision: Literal["auto", "fp32", "bf16", "fp16", "tf32"] | None = Field(
        None, description="default: that of `hardware`"
    )
    evaluate: Evaluate = Field(Evaluate.model_construct(), description="when, and what is best")
    early_stop: EarlyStop | None = Field(None, description="stop when a metric no longer improves")
    checkpoint: Checkpoint = Field(Checkpoint.model_construct(), description="when state is saved")
    probes: list[Annotated[Probe, Slot("probes")]] = Field(
        [], description="what is fitted on frozen features at the end of the phase"
    )
    on_batch_error: Literal["error"] | BatchError = Field(
        "error", description="what happens to a batch that fails"
    )
    balance: Annotated[Balance | None, Slot("balances")] = Field(
        None, description="how the losses of several tasks become one gradient; default `fixed`"
    )
    diagnose: Diagnose = Field(Diagnose.model_construct(), description="what is measured beside the losses")


class Hardware(Strict):
    """On what the run runs."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="the kind of device")
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = Field("auto", description="how many of them")
    nodes: int = Field(1, ge=1, description="how many machines")
    strategy: Literal["auto", "single", "ddp", "fsdp"] = Field(
        "auto", description="how the model is spread over devices"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "tf32"] = Field(
        "auto", description="number format of matrix products"
    )
    compile: bool | Literal["auto"] = Field("auto", description="whether torch.compile is used")
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        "auto", description="threads that decode samples"
    )
    memory_limit: Bytes | None = Field(None, description="what a phase may take")
    determinism: Literal["fast", "exact"] = Field("fast", description="whether runs repeat to the bit")


class Space(Strict):
    """The values that a search may give to one path: exactly one of the keys."""

    log: list[float] | None = Field(
        None, min_length=2, max_length=2, description="lowest and highest, even in the logarithm"
    )
    uniform: list[float] | None = Field(None, min_length=2, max_length=2, description="lowest and highest")
    int: list[Annotated[Any, Field()]] | None = Field(
        None, min_length=2, max_length=2, description="lowest and highest whole number"
    )
    choices: list[Any] | None = Field(None, min_length=1, description="the values to try")


class Tune(Strict):
    """A search over values of the spec."""

    metric: Metric = Field(description="what is searched for")
    mode: Literal["max", "min"] = Field(description="whether more or less is better")
    trials: int = Field(20, ge=1, description="how many runs")
    sampler: Literal["tpe", "random", "grid"] = Field("tpe", description="how values are chosen")
    pruner: Literal["none", "median", "hyperband"] = Field("none", description="how poor trials end early")
    engine: Literal["optuna", "ray"] = Field("optuna", description="what runs the trials")
    space: dict[str, Space] = Field(min_length=1, description="dotted path -> values to try")


class Spec(Strict):
    """A whole spec, after composition (`extends` and `vars` are gone by then)."""

    declare: Literal[1] = Field(description="language version")
    name: Slug = Field("run", description="names the run folder")
    description: str | None = Field(None, description="what the run is about; shown in its report")
    seed: int = Field(0, ge=0, lt=2**32, description="what every random draw follows from")
    datasets: dict[Name, Dataset] = Field(min_length=1, description="the data by name")
    model: dict[Name, Annotated[Module, Slot("modules")]] = Field(
        min_length=1, description="the modules of the graph by name"
    )
    tasks: dict[Name, Annotated[Task, Slot("tasks")]] = Field(
        min_length=1, description="what is predicted, with head, loss and metrics"
    )
    phases: dict[Name, Phase] = Field(
        min_length=1, description="what is trained when, from what, for how long; in the order written"
    )
    hardware: Hardware = Field(Hardware.model_construct(), description="on what the run runs")
    tracking: list[Annotated[Tracker, Slot("trackers")]] | Annotated[Tracker, Slot("trackers")] | None = (
        Field(None, description="where metrics go besides the run folder; default `tensorboard`")
    )
    tune: Tune | None = Field(None, description="a search over values of this spec")
    metrics: dict[Name, str] = Field({}, description="named composites: arithmetic over metric names")
    expect: dict[str, Bound] = Field({}, description="metric -> bound; a run that ends outside fails")
