"""The plan: every default, link, shape, count and step resolved. Immutable, serialisable, the lock file of a run.

Components are in it as plain blocks, every default written out; `declare.parsing.read_component` gives the component.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from declare.contract import strict_json
from declare.contract.facts import FieldFacts
from declare.contract.kinds.balance import Balance
from declare.contract.kinds.module import Inputs
from declare.contract.kinds.task import Target
from declare.contract.lengths import lengths_differ
from declare.contract.shapes import Shape
from declare.ir.phase_costs import PhaseCosts
from declare.ir.resolved_blocks import resolved_blocks, with_samplers

Block = dict[str, Any]
PLAN_VERSION = "1.0"


class PlanPart(BaseModel):
    """A part of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldPlan(PlanPart):
    """A field with its facts; `shape` is after all transforms; `double` marks a target that float32 would change."""

    block: Block
    facts: FieldFacts
    shape: Shape
    double: bool = False

    @property
    def has_lengths(self) -> bool:
        """Return whether its samples differ in length, so that batches contain their lengths."""
        return lengths_differ(self.shape, self.facts)


class DatasetPlan(PlanPart):
    """A dataset: source (absolute paths), fields, transforms, splits; `passed_over` counts what is not read."""

    source: Block
    fingerprint: str
    num_samples: int
    fields: dict[str, FieldPlan]
    transforms: tuple[Block, ...]
    split: Block
    splits: dict[str, int]
    missing: dict[str, dict[str, int]]
    cache: Literal["auto", "none", "memory", "disk"]
    on_corrupt: Block
    limit: int | None
    passed_over: dict[str, int] = {}


class Wire(PlanPart):
    """What flows into a port: a field (`image`) or a node's output (`encoder.output`, `heads.x.output`)."""

    port: str
    source: Literal["field", "module"]
    name: str
    output: str | None
    shape: Shape


def inputs_by_port(wires: Iterable[Wire]) -> Inputs:
    """Return the shapes that flow into each port."""
    shapes: dict[str, tuple[Shape, ...]] = {}
    for wire in wires:
        shapes[wire.port] = (*shapes.get(wire.port, ()), wire.shape)
    return shapes


class LayerPlan(PlanPart):
    """A line of the module tree: dotted name inside the node, class, output shape, costs of one sample."""

    name: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int
    flops: int | None = None


class LeftOutPlan(PlanPart):
    """What a module never looks at: `unused` of the `size` steps or pixels along an axis of its first input."""

    axis: str
    unused: int
    size: int


class ModulePlan(PlanPart):
    """A node of the graph (a module or a head), in topological order in the plan.

    `path` is its name in the model's state: `encoder`, `heads.digit`. With `per_dataset` there is one instance for
    each of `datasets`, at `path.DATASET`; wires, outputs and costs then are in `variants` too, by dataset.
    A module that adapts to datasets is one instance too, but has `variants`: what it reads and gives in each.
    Costs are those of one sample and one instance; `activation_bytes` are fp32.
    """

    name: str
    path: str
    role: Literal["module", "head"]
    block: Block
    wires: tuple[Wire, ...]
    outputs: dict[str, Shape]
    per_dataset: bool
    datasets: tuple[str, ...]
    variants: "dict[str, NodeVariant]" = {}
    parameters: int
    flops: int | None
    activation_bytes: int | None
    layers: tuple[LayerPlan, ...] = ()
    left_out: tuple[LeftOutPlan, ...] = ()

    @property
    def kind(self) -> Literal["heads", "modules"]:
        """The kind of its component."""
        return "heads" if self.role == "head" else "modules"

    @property
    def adapts(self) -> bool:
        """Whether it is one instance that knows its datasets."""
        return not self.per_dataset and bool(self.variants)

    def wires_of(self, dataset: str) -> tuple[Wire, ...]:
        """Return what it reads in one dataset."""
        return self.variants[dataset].wires if dataset in self.variants else self.wires

    def outputs_of(self, dataset: str) -> dict[str, Shape]:
        """Return what it gives in one dataset."""
        return self.variants[dataset].outputs if dataset in self.variants else self.outputs

    @property
    def total_parameters(self) -> int:
        """Parameters of all its instances."""
        if not self.per_dataset:
            return self.parameters
        return sum(variant.parameters for variant in self.variants.values())


class NodeVariant(PlanPart):
    """One dataset's instance of a node."""

    wires: tuple[Wire, ...]
    outputs: dict[str, Shape]
    parameters: int
    flops: int | None
    activation_bytes: int | None


class LossPlan(PlanPart):
    """A loss with its weight in the task; `class_weights` were computed from the training split."""

    name: str
    block: Block
    weight: float
    class_weights: tuple[float, ...] | None


class MetricPlan(PlanPart):
    """A metric under the name that reports use."""

    name: str
    block: Block
    mode: Literal["max", "min"]


class TaskPlan(PlanPart):
    """A task: where its output and target come from, what is computed with them."""

    block: Block
    datasets: tuple[str, ...]
    target_field: str | None
    mask: str | None
    fields: tuple[str, ...] = ()
    """Further fields that the task reads from batches."""
    head: str
    """The path of the node whose first output it reads: `heads.digit`, or another task's head."""
    target: Target
    targets: dict[str, Target] = {}
    """The target of each dataset if they differ; then `target` is that of the first.

    Each dataset has its own head, or values that only its own statistics take back to its units.
    """
    losses: tuple[LossPlan, ...]
    metrics: tuple[MetricPlan, ...]
    weight: float

    def target_of(self, dataset: str) -> Target:
        """Return the target in one dataset."""
        return self.targets.get(dataset, self.target)


class OptimizerGroup(PlanPart):
    """Parameters that share rates, by their names in the model's state."""

    match: str
    lr: float
    weight_decay: float | None
    parameters: tuple[str, ...]


class FreezePlan(PlanPart):
    """Parameters that are frozen until a step (None: the whole phase), with the norm statistics of their modules."""

    match: str
    until_step: int | None
    parameters: tuple[str, ...]
    modules: tuple[str, ...]


class InitPlan(PlanPart):
    """Initial weights of a phase."""

    source: Literal["phase", "run", "file"]
    reference: str
    modules: tuple[str, ...]
    strict: bool
    rename: dict[str, str]


class BestPlan(PlanPart):
    """The metric that picks a checkpoint or stops a phase."""

    metric: str
    mode: Literal["max", "min"]


class EarlyStopPlan(BestPlan):
    """Stop when the metric has not improved by `min_delta` for `patience_steps`."""

    patience_steps: int
    min_delta: float


class ScalesPlan(PlanPart):
    """The sizes at which a phase shows the model one field.

    `ends` are the steps at which the sizes of a `progressive` phase end. FLOPs and activation bytes are those of
    one sample, by size, over the nodes that the phase trains; `stored_bytes` are those at the stored size.
    `evaluate` is the size that evaluations and checkpoints are of; None: the one that is trained (`progressive`).
    """

    field: str
    sizes: tuple[int, ...]
    mode: Literal["joint", "progressive", "random"]
    materialize: Literal["on_demand", "eager"]
    ends: tuple[int, ...]
    evaluate: int | None = None
    consistency: Block | None
    flops: tuple[int, ...]
    activation_bytes: tuple[int, ...]
    stored_bytes: int = 0


class ProbePlan(PlanPart):
    """A probe at the end of a phase: it learns `task` from `wires`; `name` is part of its metrics' names."""

    name: str
    task: str
    block: Block
    wires: tuple[Wire, ...]


class PhasePlan(PlanPart):
    """A phase: what is trained, from what, for how many optimizer steps.

    `rows` maps dataset -> samples of each global batch (they sum to `batch_size`; `alternate` mixes take all
    rows from one dataset in turn). `steps_per_epoch` is the number of global batches that holds as many samples
    as the training splits of the phase's datasets. Every cadence is in optimizer steps. A batch of `batch_size`
    samples is split into `accumulate` micro-batches.
    """

    name: str
    tasks: dict[str, float]
    datasets: tuple[str, ...]
    steps: int
    steps_per_epoch: int
    epochs: float
    batch_size: int
    rows: dict[str, int]
    alternate: bool
    accumulate: int
    mix: Block
    sampler: Block
    samplers: dict[str, Block] = {}
    """Of the datasets in which the sampler's fields or batches had to be chosen."""
    scales: ScalesPlan | None = None
    augment: tuple[Block, ...]
    optimizer: Block
    groups: tuple[OptimizerGroup, ...]
    schedule: Block
    warmup_steps: int
    rates: tuple[tuple[int, float], ...]
    """The base learning-rate curve at up to 100 steps, for printing."""
    balance: Block = {"type": Balance.default}
    gradients_every: int = 0
    """Steps between measurements of the tasks' gradients; 0: never."""
    regularizers: tuple[Block, ...]
    init: tuple[InitPlan, ...]
    freeze: tuple[FreezePlan, ...]
    clip: Block | None
    ema: Block | None
    """`decay`, and `warmup`: whether the decay begins low."""
    precision: Literal["fp32", "bf16", "fp16", "tf32", "auto"]
    evaluate_every: int
    best: BestPlan | None
    early_stop: EarlyStopPlan | None
    checkpoint_every: int
    keep_checkpoints: int
    probes: tuple[ProbePlan, ...] = ()
    on_batch_error: Block
    trainable_parameters: int
    memory_bytes: int | None

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.__dict__.update(resolved_blocks(self))
        return self

    def sampler_of(self, dataset: str) -> Block:
        """Return the sampler of a dataset, with its fields and the rows of its batches."""
        return self.samplers.get(dataset, self.sampler)


class HardwarePlan(PlanPart):
    """What the spec asks of the machine; `auto` is settled when the run starts and recorded in its events."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"]
    devices: int | Literal["auto"]
    nodes: int
    strategy: Literal["auto", "single", "ddp", "fsdp"]
    compile: bool | Literal["auto"]
    workers: int | Literal["auto"]
    memory_limit_bytes: int | None
    determinism: Literal["fast", "exact"]

    @property
    def processes(self) -> int | None:
        """Return the number of processes that train together; None if the machine determines it."""
        return self.devices * self.nodes if isinstance(self.devices, int) else None


class Plan(PlanPart):
    """The whole run, resolved."""

    format: str = PLAN_VERSION
    declare: str
    name: str
    description: str | None
    seed: int
    spec_sha256: str
    datasets: dict[str, DatasetPlan]
    nodes: tuple[ModulePlan, ...]
    tasks: dict[str, TaskPlan]
    phases: tuple[PhasePlan, ...]
    hardware: HardwarePlan
    tracking: tuple[Block, ...]
    composites: dict[str, str] = Field({}, description="named metrics as arithmetic over metric names")
    expect: dict[str, str] = {}
    tune: Block | None = None
    trusted: tuple[str, ...] = ()
    costs: tuple[PhaseCosts, ...] = Field((), exclude=True, description="as `dcl plan` prints them")

    @model_validator(mode="after")
    def _choose_samplers(self) -> Self:
        self.__dict__["phases"] = with_samplers(self)
        return self

    @property
    def sha256(self) -> str:
        """The plan's identity: a hash of its canonical JSON."""
        text = strict_json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def trained_earlier(self) -> dict[str, str]:
        """Task -> the phase that trained it last, for tasks that a later phase no longer trains."""
        last = {task: phase.name for phase in self.phases for task, weight in phase.tasks.items() if weight}
        return {task: phase for task, phase in last.items() if phase != self.phases[-1].name}

    def node(self, path: str) -> ModulePlan:
        """Return the node whose `path` this is."""
        return next(node for node in self.nodes if node.path == path)

    def has_own_heads(self, task: str) -> bool:
        """Return whether the task has several datasets and a separate head for each."""
        return len(self.tasks[task].datasets) > 1 and self.node(self.tasks[task].head).per_dataset

    def phase(self, name: str) -> PhasePlan:
        """Return the phase called `name`."""
        return next(phase for phase in self.phases if phase.name == name)
