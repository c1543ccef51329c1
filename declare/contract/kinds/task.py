"""Tasks: what is predicted, and how predictions and targets are taken from outputs and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Param

from declare.contract.component import Component, Slot
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Pairing
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.metric import Metric
from declare.contract.kinds.module import Head
from declare.contract.kinds.transform import Effect, InverseStep
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Layout, Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Target(BaseModel):
    """What head, loss and metrics need to know of a task's target; part of the plan.

    `prediction` names what the head's output means: losses and metrics state which they take.
    `counts` are samples per class in the training split, over all datasets of the task. `mean` and `std` (training
    split, one for each output, after the target's transforms) standardise a regression target; then `undo` takes
    values back to the data's own units, and `not_undone` names the transforms that nothing takes back.
    `center` is the mean of a target that is learned as it is.
    `double` means that single precision would change it by more than rounding in the metrics of the task.
    `may_miss` states whether some targets are missing. `special` are the ids of a text's special tokens by name,
    `length` its tokens at most.
    `link` names how scores become rates; `mean` then holds each unit's mean rate. `unigrams` are occurrences of each
    token in the training split, `rates` the fraction of training samples that have each label.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prediction: Prediction
    output: Shape
    classes: tuple[str, ...] | None = None
    counts: tuple[int, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    center: tuple[float, ...] | None = None
    may_miss: bool = True
    special: dict[str, int] = {}
    length: int | None = None
    link: str | None = None
    unigrams: tuple[int, ...] | None = None
    rates: tuple[float, ...] | None = None
    undo: tuple[InverseStep, ...] = ()
    not_undone: tuple[str, ...] = ()
    double: bool = False


class Task(Component):
    """A target with head, loss and metrics."""

    targets: ClassVar[tuple[Layout, ...]]
    """Layouts of the target field that it takes; empty if it needs none."""
    prediction: ClassVar[Prediction]
    feeds: ClassVar[tuple[Layout, ...]] = ("vector",)
    """Layouts of module output that its head starts from, the most wanted first."""
    generates: ClassVar[bool] = False
    """Whether the model writes the target itself, part by part, when it predicts."""
    prompted: ClassVar[bool] = False
    """Whether it continues from a target that the user begins, if it generates."""
    splits_samples: ClassVar[bool] = False
    """Whether a piece of a sample is as good as the whole: every part of it is its own target."""
    masks_inputs: ClassVar[bool] = False
    """Whether it shows the model something else than the batch holds: hidden parts, shifted tokens."""
    attends_to_future: ClassVar[bool | None] = None
    """Whether a position may (False: must not) look at later ones of the target; None if that does not matter."""
    target_effects: ClassVar[frozenset[Effect]] = frozenset({"places"})
    """What transforms may do to a target of numbers; with `units` the task takes predictions and metrics back."""
    scale_free: ClassVar[bool] = False
    """Whether all its metrics stay what they are when channels of the target are shifted and scaled."""
    needs_class_order: ClassVar[bool] = False
    """Whether the order of the target's classes has a meaning."""
    fewest_rows: ClassVar[int] = 1
    """The samples that a micro-batch needs at least for its losses to learn anything: it may compare them."""
    default_head: ClassVar[str] = "linear"
    everywhere: ClassVar[bool] = False
    """Whether it learns from every dataset if it names none."""
    default_loss: ClassVar[str]
    default_metrics: ClassVar[tuple[str, ...]]

    dataset: str | None = Param(None, description="the dataset of the task")
    datasets: list[str] | None = Param(None, description="the datasets of the task")
    target: str | None = Param(None, description="the field to predict")
    mask: str | None = Param(None, description="a `valid` field that marks which targets count")
    head: Annotated[str | Head | None, Slot("heads")] = Param(
        None, description="a head component, or the name of another task whose head is shared"
    )
    loss: Annotated[Annotated[list[Loss], Param(min_length=1)] | Loss | None, Slot("losses")] = Param(
        None, description="a loss, or a list of losses with weights"
    )
    weight: float = Param(1.0, ge=0, le=1e6, description="its factor in the sum of losses")
    metrics: Annotated[list[Metric] | None, Slot("metrics")] = Param(
        None, description="metrics for evaluations"
    )

    @classmethod
    def interface(cls) -> tuple[str, ...]:
        """Return the layouts of targets that it accepts."""
        return (f"target: {' | '.join(cls.targets)}",) if cls.targets else ()

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return the output shape that the head must give for a target, or a problem if there is none."""
        raise NotImplementedError

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the linked target for the facts of the target field by dataset (all agree in classes)."""
        raise NotImplementedError

    def uncounted_values(self, facts: FieldFacts) -> tuple[int, ...]:
        """Return the values of a target that never count."""
        return ()

    def needs_statistics(self) -> bool:
        """Return whether a loss depends on statistics of the target, which then cover all readable samples."""
        losses = self.loss if isinstance(self.loss, list) else [self.loss]
        return any(loss is not None and loss.weighs_classes for loss in losses)

    def target_dims(self, shape: Shape) -> tuple[Dim, ...]:
        """Return the sizes, without the batch, of the adapter's target; those of its field by default."""
        return shape.dims

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Iterable[Problem]:
        """Yield the problems of the target's facts (only one class, labels out of range)."""
        return ()

    def drawn_by(self, samplers: Sequence[Any]) -> Task | Problem:
        """Return the task with settings from the samplers of the phases that train it."""
        return self

    def pairing(self) -> Pairing | None:
        """Return the fields in which positives agree and differ, if it compares samples."""
        return None

    def fields(self) -> tuple[str, ...]:
        """Return the further fields, besides target and mask, that its adapter reads from batches."""
        return ()

    def own_head(self) -> dict[str, Any]:
        """Return the block of its default head."""
        return {"type": self.default_head}

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter, which takes targets from batches and predictions from outputs."""
        raise NotImplementedError


@runtime_checkable
class MasksInputs(Protocol):
    """An adapter that changes what the model reads: masked parts, shifted tokens."""

    def mask_inputs(self, fields: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the replaced and additional fields that the model reads, for a batch of one dataset.

        `target` and `scores` of that task then see the fields as they were, and the new ones beside them.
        """
        ...


@runtime_checkable
class Generates(Protocol):
    """An adapter whose target the model generates."""

    def generate(
        self, run: Callable[[Mapping[str, Tensor]], Tensor], fields: Mapping[str, Tensor], sampling: Any
    ) -> dict[str, Tensor]:
        """Return the generated predictions; `run(fields)` gives the head's output for model inputs."""
        ...


class TaskAdapter(Protocol):
    """How a built task reads outputs and batches; the classes are in `nn/tasks`.

    Some are `MasksInputs` or `Generates` as well.
    """

    @property
    def module(self) -> nn.Module | None:
        """Return the buffers (means, scales) that are part of the model's state, if any."""
        ...

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the training target in the units of the loss; missing ones stay marked."""
        ...

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return (prediction, target) of the valid samples for metrics, in the target's own units."""
        ...

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return readable predictions for each sample: `class` and `probability`, or `value`."""
        ...

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return the best output without any input, from training targets alone, in the shape of `output`.

        The same for every sample (mean, fractions of classes, unigrams); drawn at random if no answer is a guess; of
        what a sample of `batch` shows where parts of it are hidden. None if a task has no such predictor, or its
        statistics are not known.
        """
        ...
