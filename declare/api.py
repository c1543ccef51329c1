"""The Python interface: the same as the command line, with values in place of printing.

    import declare

    declare.check("spec.yaml").diagnostics     # what `dcl validate` prints
    plan = declare.plan("spec.yaml")           # what `dcl plan` prints
    model = declare.lowering(plan)                # the torch module that would train
    declare.rehearse("spec.yaml").errors       # what `dcl rehearse` finds
    outcome = declare.train("spec.yaml")       # what `dcl train` does
    declare.report(outcome.folder)             # what `dcl report` prints
    declare.compare("a.yaml", "b.yaml")        # what `dcl diff` prints
    declare.tune("spec.yaml").best             # what `dcl tune` finds

`check` returns findings; the others raise `SpecError` if the spec has errors. What keeps a run from
starting or from being read raises `declare.contract.problem.ProblemError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from declare.contract.problem import Problem, ProblemError
from declare.system.trust import allow_downloads

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.diagnostics.diagnostic import Diagnostic
    from declare.ir.plan import Plan
    from declare.language.spec import Spec
    from declare.lowering.model.graph import Graph
    from declare.rehearsal.rehearse_run import Rehearsal
    from declare.report.collect import Layers
    from declare.report.comparison import Comparison
    from declare.report.report import Report
    from declare.runtime.listeners.listener import Listener
    from declare.runtime.run import Outcome
    from declare.tune.run import SearchOutcome

Where = str | Path
Part = TypeVar("Part")


class SpecError(Exception):
    """The spec has errors: `diagnostics` holds all findings, and the message lists them."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(_line, self.diagnostics)))


def _line(diagnostic: Diagnostic) -> str:
    label = diagnostic.primary
    where = ""
    if label is not None:
        line, column = label.span.source.position(label.span.start)
        where = f"{label.span.source.name}:{line}:{column}: "
    return f"{where}{diagnostic.severity}[{diagnostic.code}] {diagnostic.title}"


def check(spec: Where, *, set: Sequence[str] = (), trust: Sequence[str] = ()) -> CheckedSpec:
    """Check a spec as `dcl validate` does; never raises for what is wrong in it.

    Args:
        spec: The path of the spec.
        set: Overrides as on the command line, `"phases.fit.epochs=3"`.
        trust: Code that may run, as on the command line: `"net.py@sha256:HASH"`.

    Returns:
        Document, spec, facts and plan as far as they came, with all findings in `diagnostics`.
    """
    from declare.compiler.pipeline import check as compile_spec

    return compile_spec(Path(spec), tuple(set), tuple(trust))


def load(spec: Where, *, set: Sequence[str] = (), trust: Sequence[str] = ()) -> Spec:
    """Return the spec as strict models: exactly as written, with bases and overrides composed.

    Raises:
        SpecError: It cannot be read, or keys and types are wrong.
    """
    from declare.compiler.pipeline import check as compile_spec

    checked = compile_spec(Path(spec), tuple(set), tuple(trust), until="schema")
    spec_read: Spec = _require(checked.spec, checked)
    return spec_read


def plan(spec: Where, *, set: Sequence[str] = (), trust: Sequence[str] = ()) -> Plan:
    """Return the plan: every default, link, shape, count and step resolved.

    Raises:
        SpecError: The spec has errors.
    """
    checked = check(spec, set=set, trust=trust)
    return _require(checked.plan, checked)


def build(spec: Where | Plan, *, set: Sequence[str] = (), trust: Sequence[str] = ()) -> Graph:
    """Return the model of a spec or plan as a torch module with fresh weights (seeded by the plan's seed).

    `graph(batch, tasks)` takes a batch `{dataset: {field: tensor}}` and gives each task's output by dataset.

    Raises:
        SpecError: The spec has errors.
    """
    import torch

    from declare.lowering.model.graph import make_graph

    resolved = _plan(spec, set, trust)
    torch.manual_seed(resolved.seed)
    return make_graph(resolved)


def rehearse(
    spec: Where, *, set: Sequence[str] = (), trust: Sequence[str] = (), run_dir: Where | None = None
) -> Rehearsal:
    """Execute every part of a spec's run on few samples and steps, in this process.

    Args:
        spec: The path of the spec.
        set: Overrides as on the command line.
        trust: Code that may run, as on the command line.
        run_dir: A new or empty folder that keeps the run; a temporary one if left out.

    Returns:
        Times, and what would fail (`errors`) or looks odd (`warnings`).

    Raises:
        SpecError: The spec has errors.
    """
    from declare.rehearsal.rehearse_run import rehearse as rehearse_plan

    allow_downloads()
    checked = check(spec, set=set, trust=trust)
    resolved = _require(checked.plan, checked)
    folder = None if run_dir is None else Path(run_dir)
    return rehearse_plan(resolved, checked.document.sources[0].text, folder, trust=tuple(trust))


def train(
    spec: Where,
    *,
    set: Sequence[str] = (),
    trust: Sequence[str] = (),
    run_dir: Where | None = None,
    resume: bool = False,
    allow_changes: bool = False,
) -> Outcome:
    """Train a spec in a new run folder, or continue a run; prints nothing.

    Args:
        spec: The path of the spec.
        set: Overrides as on the command line.
        trust: Code that may run, as on the command line: `"net.py@sha256:HASH"`.
        run_dir: The run folder; `runs/NAME/TIME` if left out.
        resume: Continue the run in `run_dir` (the newest of the spec's name if left out).
        allow_changes: Continue it even if the spec has changed, as far as that can be.

    Returns:
        Folder, final metrics, and the status that `dcl train` exits with.

    Raises:
        SpecError: The spec has errors.
    """
    allow_downloads()
    checked = check(spec, set=set, trust=trust)
    _require(checked.plan, checked)
    place = None if run_dir is None else Path(run_dir)
    return train_checked(checked, place, resume=resume, allow_changes=allow_changes)


def train_checked(
    checked: CheckedSpec,
    folder: Path | None,
    *,
    resume: bool = False,
    allow_changes: bool = False,
    listeners: Sequence[Listener] = (),
    run: Callable[..., Outcome] | None = None,
) -> Outcome:
    """Train a checked spec that has a plan, and leave a report in the run folder, however it ends.

    `run` replaces `declare.runtime.run.train`, which trains in this process.
    """
    from declare.runtime.distributed.rank_environment import is_rank0
    from declare.runtime.run import train as here

    assert checked.plan is not None
    first, *others = checked.document.sources
    sources = {item.name: item.text for item in others}
    how: bool | Literal["changed"] = "changed" if resume and allow_changes else resume
    outcome = (run or here)(
        checked.plan, first.text, folder, resume=how, listeners=listeners, sources=sources
    )
    if is_rank0() and (problem := _write_page(outcome.folder)) is not None:
        return replace(outcome, problems=(*outcome.problems, problem))
    return outcome


def _write_page(folder: Path) -> Problem | None:
    """Write `report.html`; return why it could not be: that must not change how the run ended."""
    from declare.report import collect
    from declare.report.layers import layers_of
    from declare.report.render.html import render
    from declare.runtime.run_folder.durable_io import os_error_problem, write_whole
    from declare.runtime.run_folder.folder import Run

    if not folder.is_dir():  # that it has gone was reported
        return None
    try:
        run = Run(folder, just_written=True)
        write_whole(folder / "report.html", render(collect.of_run(run, layers_of(run.plan))))
    except (SpecError, ProblemError) as error:
        return _unwritten(folder, str(error).splitlines()[0])
    except OSError as error:
        return _unwritten(folder, os_error_problem(error, folder).title)
    return None


def _unwritten(folder: Path, reason: str) -> Problem:
    return Problem(
        "RES821",
        "the report of the run could not be written",
        notes=(reason,),
        helps=(f"write it once there is room: `dcl report {folder} --html report.html`",),
    )


def tune(
    spec: Where,
    *,
    set: Sequence[str] = (),
    trust: Sequence[str] = (),
    run_dir: Where | None = None,
    resume: bool = False,
    workers: int = 1,
) -> SearchOutcome:
    """Run the search of a spec's `tune` section; prints nothing.

    Args:
        spec: The path of the spec.
        set: Overrides as on the command line.
        trust: Code that may run, as on the command line.
        run_dir: The folder of the search; `searches/NAME/TIME` if left out.
        resume: Continue the search in `run_dir`.
        workers: Processes that run trials side by side.

    Returns:
        Folder, trials, the best one, and the path of its spec.

    Raises:
        SpecError: The spec has errors, here or at points of the search.
        ValueError: The spec has no `tune` section.
    """
    from declare.tune.run import InvalidPointError, search
    from declare.tune.search import Search

    allow_downloads()
    checked = check(spec, set=set, trust=trust)
    if _require(checked.plan, checked).tune is None:
        raise ValueError("the spec has no `tune` section")
    wanted = Search(Path(spec), tuple(set), tuple(trust), Path(run_dir or "."))
    try:
        return search(wanted, checked, resume=resume, workers=workers)
    except InvalidPointError as error:
        raise SpecError(diagnostic for _, diagnostic in error.points) from error


def report(target: Where | Plan) -> Report:
    """Return the report of a spec (as planned), a plan or its file, or a run's folder.

    Raises:
        SpecError: The spec has errors.
    """
    from declare.report.layers import layers_of

    return _plan_and_report(target, layers_of)[1]


def compare(*targets: Where | Plan) -> Comparison:
    """Return what differs between specs, plans or runs: settings, shapes, costs, metrics, curves.

    Raises:
        SpecError: A spec has errors.
        ValueError: There are fewer than two.
    """
    from declare.report.comparison import compare as compare_reports

    if len(targets) < 2:
        raise ValueError("a comparison is of two or more specs, plans or runs")
    paths = [Path(target) if isinstance(target, str | Path) else Path(target.name) for target in targets]
    plans, reports = zip(*(_plan_and_report(target) for target in targets), strict=True)
    return compare_reports(paths, plans, reports)


def _plan_and_report(
    target: Where | Plan, layers_of: Callable[[Plan], Layers] | None = None
) -> tuple[Plan, Report]:
    """Return the plan and the report of a target, with the layers of its nodes if they are asked for."""
    from declare.report import collect
    from declare.runtime.run_folder.folder import read_planned

    recorded = read_planned(Path(target)) if isinstance(target, str | Path) else None
    planned, run = recorded or (_plan(target, (), ()), None)
    layers = layers_of(planned) if layers_of else None
    return planned, collect.of_run(run, layers) if run else collect.of_plan(planned, layers)


def _plan(spec: Where | Plan, overrides: Sequence[str], trust: Sequence[str]) -> Plan:
    return plan(spec, set=overrides, trust=trust) if isinstance(spec, str | Path) else spec


def _require(part: Part | None, checked: CheckedSpec) -> Part:
    if part is None or any(diagnostic.severity == "error" for diagnostic in checked.diagnostics):
        raise SpecError(checked.diagnostics)
    return part
