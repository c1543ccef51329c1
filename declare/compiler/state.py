"""What the passes hand on: one value that each of them reads and fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.compiler.diagnose.locate import diagnose
from declare.compiler.graph_types import Wiring
from declare.contract.component import Component
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.diagnostics.diagnostic import Diagnostic, Span
from declare.ir.facts import DatasetFacts
from declare.ir.plan import DatasetPlan, HardwarePlan, ModulePlan, PhasePlan, TaskPlan
from declare.language.document import Document
from declare.rules.spec_view import View

if TYPE_CHECKING:
    from declare.language.spec import Spec


@dataclass
class State:
    """The document, then the spec, then facts, links and parts of the plan, as far as they are known.

    A missing entry means that an earlier finding stands in its way; the pass that needed it calls `skip`.
    """

    path: Path
    sets: Sequence[str] = ()
    trust: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    document: Document = field(default_factory=lambda: Document(None, ()))
    spec: Spec | Any = None
    assumed: set[str] = field(default_factory=set)
    """Paths of values in whose place passes see what is surely meant."""
    repaired: set[str] = field(default_factory=set)
    """Paths of errors that keep nothing from being read, since what is meant is sure."""
    untyped: dict[str, Component] = field(default_factory=dict)
    """What components of unknown types say that all of their kind do, by path; they are POISON in the spec."""
    facts: dict[str, DatasetFacts] = field(default_factory=dict)
    partial: set[str] = field(default_factory=set)
    """Datasets with facts of some fields alone, since others are wrong."""
    shapes: dict[str, dict[str, Shape]] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    own_targets: dict[str, dict[str, Target]] = field(default_factory=dict)
    """Targets by task and dataset, where each dataset has a head of its own."""
    wiring: Wiring = field(default_factory=Wiring)
    datasets: dict[str, DatasetPlan] = field(default_factory=dict)
    nodes: dict[str, ModulePlan] = field(default_factory=dict)
    tasks: dict[str, TaskPlan] = field(default_factory=dict)
    phases: dict[str, PhasePlan] = field(default_factory=dict)
    hardware: HardwarePlan | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    composed: list[Diagnostic] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Paths of what the current pass left out because it has an error already."""
    notes: list[str] = field(default_factory=list)
    """What the current pass found out, for `--trace`."""
    _by_path: dict[str, list[int]] = field(default_factory=dict)
    """Where the findings of a path stand in `diagnostics`: there may be many thousands."""

    @property
    def readable(self) -> bool:
        """Whether there is a spec to look at, with holes or without."""
        from declare.reading.poison import POISON

        return self.spec is not None and self.spec is not POISON

    @property
    def view(self) -> View:
        """What rules may see by now."""
        return View(
            self.spec,
            self.facts,
            self.shapes,
            self.targets,
            self.nodes,
            self.phases,
            self.hardware,
            self.document,
            self.untyped,
        )

    def target(self, task: str, dataset: str | None = None) -> Target:
        """Return a task's target, in one dataset where that matters."""
        return self.own_targets.get(task, {}).get(dataset or "", self.targets[task])

    def skip(self, path: str) -> None:
        """Note that the part at `path` is left out, because it has an error already."""
        self.skipped.append(path)

    def note(self, text: str) -> None:
        """Note what the current pass found out."""
        self.notes.append(text)

    def add(self, found: Problem | Diagnostic) -> None:
        """Keep a finding, unless its place has one of this code, or an error where this is none.

        A value that stays wrong as it is surely meant has one finding, whose fixes are not safe then.
        """
        new = diagnose(found, self.document) if isinstance(found, Problem) else found
        for index in self._by_path.setdefault(new.path, []) if new.path else ():
            old = self.diagnostics[index]
            if new.path in self.assumed and old.code != new.code:
                self.diagnostics[index] = _unsafe(old)
                self.repaired.discard(new.path)
                return
            if old.code == new.code or (old.severity == "error" and new.severity != "error"):
                return
            if new.severity == "error" and old.severity != "error":
                self.diagnostics[index] = new
                return
        self._by_path.setdefault(new.path, []).append(len(self.diagnostics))
        self.diagnostics.append(new)

    def drop(self, code: str, spans: Sequence[Span | None]) -> None:
        """Take back findings of a code at these places, which turned out to be none."""
        self.diagnostics = [
            found
            for found in self.diagnostics
            if found.code != code or found.primary is None or found.primary.span not in spans
        ]

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that keep a plan from being made."""
        return [found for found in self.diagnostics if found.severity == "error"]


def _unsafe(found: Diagnostic) -> Diagnostic:
    """Return a finding with no fix that is applied without being asked for."""
    fixes = (
        replace(fix, applicability="unsafe") if fix.applicability == "safe" else fix for fix in found.fixes
    )
    return replace(found, fixes=tuple(fixes))
