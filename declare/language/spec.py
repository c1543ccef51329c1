"""The spec: strict models of what the user states. The contract of the language."""

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
from declare.parsing.annotation import Description

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
    """Marks a setting that this version does not support yet: every value, or only `values`.

    `instead` states what to do meanwhile. Remove the mark when the feature is built.
    """

    instead: str
    values: tuple[object, ...] = ()
    above: float | None = None

    def covers(self, value: object) -> bool:
        """Return whether the spec uses the unsupported setting."""
        if self.above is not None:
            return isinstance(value, int | float) and value > self.above
        return value in self.values if self.values else value not in (None, [], {})


class Split(Strict):
    """How samples are held out; the rest is used for training."""

    train: Share | SpecPath | None = Field(None, description="fraction (or file) for training")
    val: Share | SpecPath | None = Field(None, description="fraction (or file) held out for validation")
    test: Share | SpecPath | None = Field(
        None, description="fraction (or file) for the final test, never used earlier"
    )
    by: str | None = Field(None, description="a field whose values are each in only one split (groups)")
    stratify: str | None = Field(None, description="a field whose proportions are the same in every split")
    seed: int | None = Field(
        None, ge=0, lt=2**32, description="seed of the random split; default: the spec's seed"
    )
    column: str | None = Field(
        None, description="a field with the split of each sample: `train`, `val` or `test`"
    )


class Corrupt(Strict):
    """What happens to samples that cannot be read."""

    action: Literal["error", "skip"] = Field(
        "error", description="`error`: stop; `skip`: continue without the sample"
    )
    limit: Percent | int = Field("1%", description="maximum number or fraction of skipped samples")


class Dataset(Strict):
    """A dataset: a source with typed fields, transforms and a split."""

    source: Annotated[Source, Slot("sources")] = Field(description="where the samples come from")
    fields: dict[Name, Annotated[FieldType, Slot("fields")]] = Field(
        {}, description="fields by name; may be omitted for fields that the source defines"
    )
    transforms: list[Annotated[Transform, Slot("transforms")]] = Field(
        [], description="changes of fields, applied in order"
    )
    split: Split = Field(Split.model_construct(val=0.1), description="which samples are held out")
    cache: Literal["auto", "none", "memory", "disk"] = Field(
        "auto", description="where decoded samples are cached"
    )
    on_corrupt: Literal["error"] | Corrupt = Field(
        "error", description="what happens to samples that cannot be read"
    )
    limit: Annotated[int, Field(gt=0)] | None = Field(None, description="use at most this many samples")


class BestMetric(Strict):
    """A metric, and whether higher or lower values are better."""

    metric: Metric = Field(description="`val/TASK/METRIC`, or a composite")
    mode: Literal["max", "min"] = Field(
        description="whether higher (`max`) or lower (`min`) values are better"
    )


class Evaluate(Strict):
    """When a phase evaluates, and which metric selects its best checkpoint."""

    every: Duration | None = Field(None, description="interval of evaluations; default: every epoch")
    best: BestMetric | None = Field(
        None, description="metric that selects the checkpoint for the next phase and the report"
    )


class EarlyStop(Strict):
    """Stop a phase whose metric no longer improves."""

    metric: Metric = Field(description="the metric that must improve")
    mode: Literal["max", "min"] = Field(
        description="whether higher (`max`) or lower (`min`) values are better"
    )
    patience: Duration = Field(description="how long the metric may go without improvement")
    min_delta: float = Field(0.0, ge=0, le=1e12, description="smallest change that counts as an improvement")


class Checkpoint(Strict):
    """How often checkpoints are saved and how many are kept."""

    every: Duration | None = Field(None, description="interval of checkpoints; default: every epoch")
    keep: int = Field(
        2, ge=1, description="how many of the newest checkpoints are kept, besides the best one"
    )


class Init(Strict):
    """Initial weights of a phase."""

    from_: str = Field(
        alias="from", pattern=r"^(phase|run|file):.+$", description="phase:NAME, run:PATH or file:PATH"
    )
    modules: list[str] = Field(["*"], min_length=1, description="patterns of the modules to load")
    strict: bool = Field(True, description="whether missing or reshaped weights are errors")
    rename: dict[str, str] = Field({}, description="old name prefix -> new name prefix")


class Freeze(Strict):
    """Parameters that are not trained."""

    match: str = Field(description="a glob over parameter names: `encoder.*`")
    until: Duration | None = Field(None, description="when they are unfrozen; default: never in this phase")


class Clip(Strict):
    """Gradient clipping: by global norm or by value."""

    norm: float | None = Field(None, gt=0, le=1e12, description="maximum global norm of the gradient")
    value: float | None = Field(
        None, gt=0, le=1e12, description="maximum absolute value of each element of the gradient"
    )


class Ema(Strict):
    """An exponential moving average of the weights, used in evaluations."""

    decay: float = Field(
        0.999, gt=0, lt=1, description="fraction of the old average that is kept at each step"
    )
    warmup: bool = Field(
        True,
        description=(
            "use a lower decay at first, (1 + n) / (10 + n) at step n, until it reaches `decay`, "
            "so that short phases do not evaluate their initial weights"
        ),
    )


class BatchError(Strict):
    """What happens to a batch that fails or has a non-finite loss."""

    action: Literal["error", "skip"] = Field(
        "error", description="`error`: stop; `skip`: continue without the batch"
    )
    limit: int = Field(10, ge=1, description="maximum number of skipped batches")


class Consistency(Strict):
    """Agreement between scales as a training loss."""

    type: Literal["kl", "mse"] = Field("kl", description="how predictions are compared")
    weight: float = Field(1.0, gt=0, le=1e6, description="its factor in the sum of losses")


class Scales(Strict):
    """Training on one image field at several sizes."""

    field: str = Field(description="the image field")
    sizes: list[Annotated[int, Field(gt=0)]] = Field(
        min_length=1, description="lengths of the shorter edge in pixels; the aspect ratio is kept"
    )
    mode: Literal["joint", "progressive", "random"] = Field(
        "joint",
        description=(
            "`joint`: all sizes in every step; `progressive`: one after another in the phase; "
            "`random`: one drawn for each step"
        ),
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
        description=(
            "size for evaluations, checkpoints and predictions; default: the stored size if it "
            "is trained, else the largest, for `progressive` the current one"
        ),
    )
    consistency: Consistency | None = Field(
        None,
        description=(
            "a loss that pulls predictions for smaller sizes to those for the largest one (`joint`)"
        ),
    )


class Diagnose(Strict):
    """What a phase measures besides its losses."""

    gradients: Duration | None = Field(
        None,
        description=(
            "interval at which norms and conflicts of the tasks' gradients are measured; default: never"
        ),
    )


class Phase(Strict):
    """A phase of training: tasks, data, optimizer and length."""

    tasks: list[str] | dict[str, Annotated[float, Field(ge=0, le=1e6)]] | None = Field(
        None, description="the tasks to train, with optional weights; default: all"
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
    ] = Field(description="samples of one optimizer step, over all devices and micro-batches; or by dataset")
    mix: Annotated[Mix, Slot("mixes")] | dict[str, Annotated[float, Field(gt=0, le=1e6)]] | None = Field(
        None, description="how several datasets share a batch; default: `proportional`"
    )
    sampler: Annotated[Sampler | None, Slot("samplers")] = Field(
        None, description="the order of samples; default: `random`"
    )
    scales: Scales | None = Field(None, description="train on one image field at several sizes")
    augment: list[Annotated[Augment, Slot("augments")]] = Field(
        [], description="random changes of whole batches"
    )
    optimizer: Annotated[Optimizer, Slot("optimizers")] = Field(description="the optimizer")
    schedule: Annotated[Schedule | None, Slot("schedules")] = Field(
        None, description="the learning rate over the phase; default: `constant`"
    )
    regularizers: list[Annotated[Regularizer, Slot("regularizers")]] = Field(
        [], description="penalties on parameters, added to the loss"
    )
    init: list[Init] = Field([], description="initial weights; default: those of the phase before")
    freeze: list[Freeze] = Field([], description="parameters that are not trained")
    accumulate: int = Field(1, ge=1, description="number of micro-batches of each optimizer step")
    clip: Clip | None = Field(None, description="gradient clipping")
    ema: Ema | None = Field(None, description="an average of the weights, used in evaluations")
    precision: Literal["auto", "fp32", "bf16", "fp16", "tf32"] | None = Field(
        None, description="number format of computations; default: that of `hardware`"
    )
    evaluate: Evaluate = Field(
        Evaluate.model_construct(), description="when to evaluate, and which metric is best"
    )
    early_stop: EarlyStop | None = Field(None, description="stop when a metric no longer improves")
    checkpoint: Checkpoint = Field(Checkpoint.model_construct(), description="when checkpoints are saved")
    probes: list[Annotated[Probe, Slot("probes")]] = Field(
        [], description="models that are fitted on frozen features at the end of the phase"
    )
    on_batch_error: Literal["error"] | BatchError = Field(
        "error", description="what happens to a batch that fails"
    )
    balance: Annotated[Balance | None, Slot("balances")] = Field(
        None, description="how the losses of several tasks become one gradient; default: `fixed`"
    )
    diagnose: Diagnose = Field(Diagnose.model_construct(), description="what is measured besides the losses")


class Hardware(Strict):
    """The hardware that the run uses."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="kind of device")
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="number of devices per machine"
    )
    nodes: int = Field(1, ge=1, description="number of machines")
    strategy: Literal["auto", "single", "ddp", "fsdp"] = Field(
        "auto", description="how the model is distributed over devices"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "tf32"] = Field(
        "auto", description="number format of matrix products"
    )
    compile: bool | Literal["auto"] = Field("auto", description="whether torch.compile is used")
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        "auto", description="number of threads that decode samples"
    )
    memory_limit: Bytes | None = Field(None, description="maximum memory of a phase")
    determinism: Literal["fast", "exact"] = Field(
        "fast", description="whether repeated runs give identical bits"
    )


class Space(Strict):
    """The values that a search may give to one path: exactly one of the keys."""

    log: list[float] | None = Field(
        None, min_length=2, max_length=2, description="lowest and highest value, uniform in the logarithm"
    )
    uniform: list[float] | None = Field(
        None, min_length=2, max_length=2, description="lowest and highest value, uniform"
    )
    int: list[Annotated[Any, Field()]] | None = Field(
        None, min_length=2, max_length=2, description="lowest and highest integer"
    )
    choices: list[Any] | None = Field(None, min_length=1, description="the values to try")


class Tune(Strict):
    """A search over values of the spec."""

    metric: Metric = Field(description="the metric to optimise")
    mode: Literal["max", "min"] = Field(description="whether to minimise or maximise it")
    trials: int = Field(20, ge=1, description="number of runs")
    sampler: Literal["tpe", "random", "grid"] = Field("tpe", description="how values are chosen")
    pruner: Literal["none", "median", "hyperband"] = Field(
        "none", description="how poor trials are stopped early"
    )
    engine: Literal["optuna", "ray"] = Field("optuna", description="the library that runs the trials")
    space: dict[str, Space] = Field(min_length=1, description="dotted path of the spec -> values to try")


class Spec(Strict):
    """A whole spec, after `extends` and `vars` are resolved."""

    declare: Literal[1] = Field(description="language version")
    name: Slug = Field("run", description="name of the run folder")
    description: str | None = Field(None, description="description of the run, shown in its report")
    seed: int = Field(0, ge=0, lt=2**32, description="seed of all random numbers")
    datasets: dict[Name, Dataset] = Field(min_length=1, description="the datasets by name")
    model: dict[Name, Annotated[Module, Slot("modules")]] = Field(
        min_length=1, description="the modules of the model by name"
    )
    tasks: dict[Name, Annotated[Task, Slot("tasks")]] = Field(
        min_length=1, description="what is predicted, with head, loss and metrics"
    )
    phases: dict[Name, Phase] = Field(
        min_length=1, description="the phases of training by name, in the order in which they run"
    )
    hardware: Hardware = Field(Hardware.model_construct(), description="the hardware that the run uses")
    tracking: list[Annotated[Tracker, Slot("trackers")]] | Annotated[Tracker, Slot("trackers")] | None = (
        Field(None, description="where metrics are sent besides the run folder; default: `tensorboard`")
    )
    tune: Tune | None = Field(None, description="a search over values of this spec")
    metrics: dict[Name, str] = Field({}, description="named composites: arithmetic over metric names")
    expect: dict[str, Bound] = Field({}, description="metric -> bound; the run fails if it is not satisfied")
