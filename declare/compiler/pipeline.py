"""The compiler: from the path of a spec through every pass to a plan, or to all that is wrong with it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard

from declare.compiler import stages
from declare.compiler.diagnose.diagnostic_list import DiagnosticList
from declare.compiler.diagnose.locate import diagnose
from declare.compiler.reports import Assumption, Note, Report, Reports, Result, Retraction, Skip, catch
from declare.contract.problem import Problem
from declare.diagnostics.diagnostic import Diagnostic, Label
from declare.ir.facts import DatasetFacts
from declare.language.document import Document
from declare.parsing.poison import POISON
from declare.rules.registry import Rule, rules
from declare.rules.spec_view import View
from declare.system.trust import grant
from declare.system.user_cache import damaged_entry, on_damage

if TYPE_CHECKING:
    from declare.ir.plan import Plan
    from declare.language.spec import Spec


class Pass(NamedTuple):
    """A pass, the stage that it gives, and the reason for its place."""

    name: str
    stage: type[Any]
    reason: str


PASSES: tuple[Pass, ...] = (
    Pass("parse", stages.ParsedSpec, "text becomes a tree in which every value knows its place"),
    Pass("compose", stages.ParsedSpec, "bases, variables and --set give the one tree that all else reads"),
    Pass("schema", stages.ReadSpec, "the tree becomes strict blocks; needs values after composition"),
    Pass("names", stages.ReadSpec, "what refers to what, from the spec alone; needs readable blocks"),
    Pass("facts", stages.NamedSpec, "facts of the data; needs the sources and fields that names resolved"),
    Pass("links", stages.LinkedSpec, "shapes of fields after transforms, targets of tasks; needs facts"),
    Pass(
        "shapes",
        stages.ShapedSpec,
        "shapes and costs of every node; needs what flows in and what each task wants",
    ),
    Pass("losses", stages.ScoredSpec, "losses and metrics of each task; needs linked targets"),
    Pass(
        "phases", stages.PhasedSpec, "steps, rates, cadences and patterns; needs split sizes and node paths"
    ),
    Pass("hardware", stages.HostedSpec, "what is asked of the machine; needs the phases' precisions"),
    Pass("cost", stages.HostedSpec, "memory of every phase; needs parameters, activations and batch sizes"),
    Pass("lint", stages.HostedSpec, "advice on valid specs; needs everything"),
)
"""The passes in order."""


@dataclass(frozen=True)
class PassRecord:
    """What became of a pass: `because` names findings that stood in its way, `notes` what it found out."""

    name: str
    status: Literal["done", "partly", "skipped"]
    because: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class CheckedSpec:
    """All that is known of a spec; `plan` exists if there is no error and every pass ran."""

    document: Document
    spec: Spec | Any
    facts: Mapping[str, DatasetFacts]
    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]
    passes: tuple[PassRecord, ...]

    @property
    def valid(self) -> bool:
        """Return whether there is no error."""
        return all(item.severity != "error" for item in self.diagnostics)


def check(
    path: str | Path, sets: Sequence[str] = (), trust: Sequence[str] = (), until: str | None = None
) -> CheckedSpec:
    """Run the passes over the spec at `path`, up to and with the pass `until`.

    Never raises for a user's mistake. `sets` are overrides as on the command line, `trust` the names of
    components that may run, or files with their hash.
    """
    grant(trust)
    diagnostics = DiagnosticList()
    source = stages.SpecSource(
        Path(path), tuple(sets), tuple(trust), dict(os.environ), diagnostics.wrong_parts
    )
    damaged: list[Path] = []
    with on_damage(damaged.append):
        stage, records = run_passes(source, diagnostics, until)
    plan = None
    if (
        isinstance(stage, stages.HostedSpec)
        and stage.hardware is not None
        and until is None
        and not diagnostics.errors
    ):
        from declare.compiler.plan import assemble

        plan = assemble(stage, stage.hardware)
    nowhere = Document(None, ())  # no line of the spec is at fault
    warnings = [diagnose(damaged_entry(entry), nowhere) for entry in damaged]
    return CheckedSpec(
        _document(stage),
        stage.spec if _is_readable(stage) else None,
        stage.facts if isinstance(stage, stages.NamedSpec) else {},
        plan,
        tuple(sorted([*diagnostics, *warnings], key=_order)),
        tuple(records),
    )


def run_passes(
    source: stages.SpecSource, diagnostics: DiagnosticList, until: str | None = None
) -> tuple[stages.SpecSource | stages.ReadSpec, list[PassRecord]]:
    """Return the last stage of a spec, with what became of each pass; keep what is wrong in `diagnostics`."""
    stage: stages.SpecSource | stages.ReadSpec = source
    records = []
    for item in _up_to(until):
        stage, record = _run_pass(item, stage, diagnostics)
        records.append(record)
    return stage, records


def _up_to(until: str | None) -> Iterator[Pass]:
    for item in PASSES:
        yield item
        if item.name == until:
            return
    if until is not None:
        raise ValueError(f"there is no pass `{until}`")


def _is_readable(stage: stages.SpecSource | stages.ReadSpec) -> TypeGuard[stages.ReadSpec]:
    """Return whether there is a spec to look at, with holes or without."""
    return isinstance(stage, stages.ReadSpec) and stage.spec is not POISON


def _run_pass(item: Pass, stage: Any, diagnostics: DiagnosticList) -> tuple[Any, PassRecord]:
    """Run one pass and the rules of its stage; return the stage that it gives, with what became of the pass."""
    start = perf_counter()
    if isinstance(stage, stages.ReadSpec) and not _is_readable(stage):
        return stage, PassRecord(item.name, "skipped", _reason(diagnostics.errors, [""]))
    module = importlib.import_module(f"declare.compiler.passes.{item.name}")
    log = _PassLog(diagnostics, _document(stage))
    nothing_known = item.stage(**vars(stage)) if issubclass(item.stage, type(stage)) else stage
    stage = log.take(catch(module.run(stage), nothing_known))
    if _is_readable(stage):
        view = stage.view
        for rule in rules(item.name):
            log.take(catch(_apply_rule(rule, view), None))
    status: Literal["done", "partly"] = "partly" if log.skipped else "done"
    because = _reason(diagnostics.errors, log.skipped) if log.skipped else ""
    return stage, PassRecord(item.name, status, because, tuple(log.notes), perf_counter() - start)


def _document(stage: stages.SpecSource | stages.ReadSpec) -> Document:
    return stage.document if isinstance(stage, stages.ParsedSpec | stages.ReadSpec) else Document(None, ())


def _apply_rule(rule: Rule, view: View) -> Reports[None]:
    yield from rule(view)


class _PassLog:
    """What one pass reports: diagnostics go into the list of all, skipped paths and notes stay here."""

    def __init__(self, diagnostics: DiagnosticList, document: Document) -> None:
        self._diagnostics, self._document = diagnostics, document
        self.skipped: list[str] = []
        self.notes: list[str] = []

    def take(self, reports: Reports[Result]) -> Result:
        """Keep each report as it comes; return the result."""
        while True:
            try:
                self._keep(next(reports))
            except StopIteration as end:
                result: Result = end.value
                return result

    def _keep(self, report: Report) -> None:
        match report:
            case Skip(path):
                self.skipped.append(path)
            case Note(text):
                self.notes.append(text)
            case Assumption():
                self._diagnostics.assume(report)
            case Retraction():
                self._diagnostics.remove(report)
            case Problem():
                self._diagnostics.add(diagnose(report, self._document))
            case Diagnostic():
                self._diagnostics.add(report)


def _reason(errors: Sequence[Diagnostic], paths: Iterable[str]) -> str:
    """Return the names of the errors at or around `paths`; of the first error if there are none."""
    causes = {_place(error): None for path in paths for error in errors if _touches(error.path, path)}
    return ", ".join(list(causes)[:3]) or ", ".join(map(_place, errors[:1]))


def _touches(one: str, other: str) -> bool:
    return one == other or other.startswith(f"{one}.") or one.startswith(f"{other}.")


def _place(diagnostic: Diagnostic) -> str:
    label = diagnostic.primary
    if label is None:
        return diagnostic.code
    line, _ = label.span.source.position(label.span.start)
    return f"{diagnostic.code} at {label.span.source.name}:{line}"


def _order(diagnostic: Diagnostic) -> tuple[Any, ...]:
    """Errors first, then by place in the order in which sources came."""
    rank = {"error": 0, "warning": 1, "info": 2}[diagnostic.severity]
    label: Label | None = diagnostic.primary
    if label is None:
        return (rank, "", 0, diagnostic.code)
    kind = {"file": 0, "env": 1, "set": 2}[label.span.source.kind]
    return (rank, f"{kind}{label.span.source.name}", label.span.start, diagnostic.code)
