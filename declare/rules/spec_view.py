"""What a rule reads: the spec with its gaps, and the results of the passes so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from declare.contract.component import Component
from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.ir.facts import DatasetFacts
from declare.ir.plan import HardwarePlan, ModulePlan, PhasePlan
from declare.language.document import Document
from declare.language.spec import Spec


@dataclass(frozen=True)
class SpecView:
    """The spec as it was read.

    `spec` may hold `POISON` wherever a value could not be read. `document` is the text behind it, for how a value is
    written. `untyped` holds by path what a component of an unknown type, which is `POISON` in the spec, states of the
    parameters that all of its kind have.
    """

    spec: Spec | Any
    document: Document = field(default_factory=lambda: Document(None, ()))
    untyped: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True)
class View(SpecView):
    """The spec so far.

    The mappings hold only what is known, so a missing entry means that an earlier finding prevents it. `facts`
    is filled from stage "facts" on (by dataset), `shapes` (dataset -> field -> shape after transforms), `targets`
    (by task), `dataset_targets` (by task and dataset, if they differ) and `unscored` (task -> dataset -> splits in
    which no target counts) from "links", `nodes` (by path, in topological order) from "shapes", `phases` (by name)
    from "phases", `hardware` from "hardware".
    """

    spec: Spec
    facts: Mapping[str, DatasetFacts] = field(default_factory=dict)
    shapes: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    dataset_targets: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    unscored: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    nodes: Mapping[str, ModulePlan] = field(default_factory=dict)
    phases: Mapping[str, PhasePlan] = field(default_factory=dict)
    hardware: HardwarePlan | None = None
