"""The stages of a spec on its way to a plan, each with its own type; a pass takes one and returns the next.

A stage holds all that is known at that point. An entry is missing if an error prevents it.
From `ReadSpec` on each is a subclass of the one before: a function asks for the first that has what it reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from declare.compiler.graph_types import Wiring
from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.diagnostics.diagnostic import Diagnostic
from declare.ir.facts import DatasetFacts
from declare.ir.plan import HardwarePlan, ModulePlan, PhasePlan, TaskPlan
from declare.language.document import Document
from declare.rules.spec_view import SpecView, View


@dataclass(frozen=True)
class SpecSource:
    """Where a spec comes from: its file, overrides, what may run, environment variables."""

    path: Path
    sets: Sequence[str]
    trust: Sequence[str]
    environ: Mapping[str, str]
    wrong_parts: Callable[[str], set[str]]
    """Returns the parts of the dataset at a path in which errors are by now, also those just yielded by a pass."""


@dataclass(frozen=True)
class ParsedSpec(SpecSource):
    """The tree of the composed text, and what is wrong with its composition."""

    document: Document = field(default_factory=lambda: Document(None, ()))
    composition: Sequence[Diagnostic] = ()


def _no_parts(_path: str) -> set[str]:
    return set()


@dataclass(frozen=True)
class ReadSpec(SpecView):
    """The strict blocks, with holes where a value failed."""

    wrong_parts: Callable[[str], set[str]] = _no_parts

    @property
    def view(self) -> View:
        """What rules may see by now."""
        names = {item.name for item in fields(View)}
        return View(**{name: value for name, value in vars(self).items() if name in names})


@dataclass(frozen=True)
class NamedSpec(ReadSpec):
    """The facts of each dataset, and so the names of its fields; `partial` have facts of some fields alone."""

    facts: Mapping[str, DatasetFacts] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TransformedSpec(NamedSpec):
    """The shapes of fields after their transforms, by dataset and field; sizes that differ in training are open."""

    shapes: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    train_shapes: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    """The shapes of the same fields in training alone."""


@dataclass(frozen=True)
class LinkedSpec(TransformedSpec):
    """What each task learns; `dataset_targets` by task and dataset, if datasets differ.

    `unscored` are, by task and dataset, the splits in which no target counts though not all are missing.
    """

    targets: Mapping[str, Target] = field(default_factory=dict)
    dataset_targets: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    unscored: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    def target(self, task: str, dataset: str | None = None) -> Target:
        """Return a task's target, in one dataset if that matters."""
        return self.dataset_targets.get(task, {}).get(dataset or "", self.targets[task])


@dataclass(frozen=True)
class WiredSpec(LinkedSpec):
    """What each node of the graph reads."""

    wiring: Wiring = field(default_factory=Wiring)


@dataclass(frozen=True)
class ShapedSpec(WiredSpec):
    """Outputs and costs of each node."""

    nodes: Mapping[str, ModulePlan] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredSpec(ShapedSpec):
    """Losses and metrics of each task."""

    tasks: Mapping[str, TaskPlan] = field(default_factory=dict)


@dataclass(frozen=True)
class PhasedSpec(ScoredSpec):
    """Steps, batches, rates and parameters of each phase."""

    phases: Mapping[str, PhasePlan] = field(default_factory=dict)


@dataclass(frozen=True)
class HostedSpec(PhasedSpec):
    """What is asked of the machine; None if that could not be read."""

    hardware: HardwarePlan | None = None
