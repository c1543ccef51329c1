"""The compiler: from the path of a spec through every pass to a plan, or to all that is wrong with it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from declare.compiler.diagnose.locate import diagnose
from declare.compiler.state import State
from declare.contract.problem import Problem, ProblemError
from declare.diagnostics.diagnostic import Diagnostic, Label
from declare.ir.facts import Facts
from declare.language.document import Document
from declare.rules.registry import rules
from declare.system.trust import grant
from declare.system.user_cache import damaged_entry, on_damage

if TYPE_CHECKING:
    from declare.ir.plan import Plan
    from declare.language.spec import Spec

PASSES: tuple[tuple[str, str], ...] = (
    ("parse", "text becomes a tree in which every value knows its place"),
    ("compose", "bases, variables and --set give the one tree that all else reads"),
    ("schema", "the tree becomes strict blocks; needs values after composition"),
    ("names", "what refers to what, from the spec alone; needs readable blocks"),
    ("facts", "what the data says; needs the sources and fields that names resolved"),
    ("links", "shapes of fields after transforms, targets of tasks; needs facts"),
    ("shapes", "shapes and costs of every node; needs what flows in and what each task wants"),
    ("losses", "losses and metrics of each task; needs linked targets"),
    ("phases", "steps, rates, cadences and patterns; needs split sizes and node paths"),
    ("hardware", "what is asked of the machine; needs the phases' precisions"),
    ("cost", "memory of every phase; needs parameters, activations and batch sizes"),
    ("lint", "advice on what is legal; needs everything"),
)
"""The passes in order, each with the reason for its place."""


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
    """All that is known of a spec; `plan` is there when no error stands and every pass ran."""

    document: Document
    spec: Spec | Any
    facts: Facts
    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]
    passes: tuple[PassRecord, ...]

    @property
    def valid(self) -> bool:
        """Whether no error stands."""
        return all(found.severity != "error" for found in self.diagnostics)


def check(
    path: str | Path, sets: Sequence[str] = (), trust: Sequence[str] = (), until: str | None = None
) -> CheckedSpec:
    """Run the passes over the spec at `path`, up to and with the pass `until`.

    Never raises for a user's mistake. `sets` are overrides as on the command line, `trust` the names of
    components that may run, or files with their hash.
    """
    grant(trust)
    state = State(Path(path), tuple(sets), tuple(trust), dict(os.environ))
    damaged: list[Path] = []
    with on_damage(damaged.append):
        records = [_run_pass(state, name) for name, _ in _up_to(until)]
    plan = None
    if until is None and not state.errors and state.readable:
        from declare.compiler.plan import assemble

        plan = assemble(state)
    spec = state.spec if state.readable else None
    nowhere = Document(None, ())  # no line of the spec is at fault
    state.diagnostics += [diagnose(damaged_entry(entry), nowhere) for entry in damaged]
    found = tuple(sorted(state.diagnostics, key=_order))
    return CheckedSpec(state.document, spec, state.facts, plan, found, tuple(records))


def _up_to(until: str | None) -> Iterator[tuple[str, str]]:
    for name, reason in PASSES:
        yield name, reason
        if name == until:
            return
    if until is not None:
        raise ValueError(f"there is no pass `{until}`")


def _run_pass(state: State, name: str) -> PassRecord:
    """Run one pass and the rules of its stage."""
    start = perf_counter()
    state.skipped, state.notes = [], []
    if name not in {"parse", "compose", "schema"} and not state.readable:
        return PassRecord(name, "skipped", _because(state, [""]))
    module = importlib.import_module(f"declare.compiler.passes.{name}")
    _collect(state, module.run(state))
    if state.readable:
        for rule in rules(name):
            _collect(state, rule(state.view))
    status: Literal["done", "partly"] = "partly" if state.skipped else "done"
    because = _because(state, state.skipped) if state.skipped else ""
    return PassRecord(name, status, because, tuple(state.notes), perf_counter() - start)


def _collect(state: State, problems: Iterable[Problem | Diagnostic]) -> None:
    """Add problems to the state; what one raises, because nothing behind it can be known, is the last of them."""
    try:
        for item in problems:
            state.add(item)
    except ProblemError as error:
        state.add(error.problem)
        state.skip(error.problem.at)


def _because(state: State, paths: Iterable[str]) -> str:
    """Name the errors that stand at or around `paths`; the first error where none does."""
    causes = {_place(found): None for path in paths for found in state.errors if _touches(found.path, path)}
    return ", ".join(list(causes)[:3]) or ", ".join(_place(found) for found in state.errors[:1])


def _touches(found: str, path: str) -> bool:
    return found == path or path.startswith(f"{found}.") or found.startswith(f"{path}.")


def _place(found: Diagnostic) -> str:
    label = found.primary
    if label is None:
        return found.code
    line, _ = label.span.source.position(label.span.start)
    return f"{found.code} at {label.span.source.name}:{line}"


def _order(found: Diagnostic) -> tuple[Any, ...]:
    """Errors first, then by place in the order in which sources came."""
    rank = {"error": 0, "warning": 1, "info": 2}[found.severity]
    label: Label | None = found.primary
    if label is None:
        return (rank, "", 0, found.code)
    kind = {"file": 0, "env": 1, "set": 2}[label.span.source.kind]
    return (rank, f"{kind}{label.span.source.name}", label.span.start, found.code)
