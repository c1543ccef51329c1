"""Train a spec in a new run folder, or continue a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from declare.cli import launch_options, options, spec_diagnostics, terminal
from declare.cli.failure import RUN_FAILED, CommandError
from declare.cli.launch_options import repeated_option
from declare.cli.streams import go_on_unseen
from declare.runtime.distributed.rank_environment import is_rank0, restarts
from declare.system.trust import allow_downloads

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.contract.problem import Problem
    from declare.ir.plan import Plan
    from declare.runtime.listeners.listener import Listener
    from declare.runtime.run import Outcome

_LATEST = "latest"


def expand_argv(words: list[str]) -> list[str]:
    """Allow `--resume` without a value: it then means `latest`."""
    following = [*words[1:], "-"][: len(words)]
    alone = (
        word == "--resume" and after.startswith("-") for word, after in zip(words, following, strict=True)
    )
    return [f"{word}={_LATEST}" if bare else word for word, bare in zip(words, alone, strict=True)]


def command(
    spec: options.SpecFile,
    *,
    run_dir: Annotated[
        Path | None, typer.Option(help="The run folder: new or empty.", show_default=False)
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="[RUN]",
            help=(
                "Continue this run; without a value: the run in --run-dir, or the newest with the "
                "spec's name."
            ),
            show_default=False,
        ),
    ] = None,
    allow_changes: Annotated[
        bool,
        typer.Option(
            "--allow-changes", help="With --resume: continue even if the spec trains something else."
        ),
    ] = False,
    gpus: Annotated[
        int | None, typer.Option(min=1, help="Train on this many GPUs of each machine.", show_default=False)
    ] = None,
    procs: Annotated[
        int | None,
        typer.Option(min=1, help="Train on the CPU in this many processes.", show_default=False),
    ] = None,
    nodes: Annotated[
        int | None, typer.Option(min=1, help="Number of machines that run this command.", show_default=False)
    ] = None,
    rdzv: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Address at which machines connect: HOST:PORT on one of them.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Literal["torch", "ray"], typer.Option(help="What starts the processes: PyTorch's launcher, or Ray.")
    ] = "torch",
    sanity: Annotated[
        bool, typer.Option("--sanity", help="First check that each phase can fit a single batch.")
    ] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="First rehearse the run; stop if a part of it fails.")
    ] = False,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Train a spec in a new run folder, or continue a run.

    Prints the run folder first and last. With --sanity each phase first trains new weights on one batch: its
    loss must start near its expected value, and fall. Exit codes: 0 done, 1 problems in the spec or an
    `expect` bound missed, 4 the run failed, 75 stopped (Ctrl-C, SIGTERM) with its state saved.
    """
    _check_options(resume, run_dir, allow_changes=allow_changes)
    go_on_unseen()
    as_json = format == "json"
    if engine == "ray":
        launch_options.refuse_with_ray(nodes, rdzv)
    launch_options.quiet_other_ranks()
    sets = [*(set_ or ()), *launch_options.settings(gpus, procs, nodes)]
    allow_downloads()
    plan, checked = spec_diagnostics.plan(spec, sets, trust, as_json=as_json)
    folder = Path(resume) if resume not in {None, _LATEST} else run_dir
    if rehearse and resume is None:
        _rehearse(plan, checked, trust or (), as_json=as_json)
    with spec_diagnostics.report_problems(checked, as_json=as_json):
        from declare.api import train_checked
        from declare.runtime.distributed.exit_codes import LOST

        odd = _see_sane(plan, checked, as_json=as_json) if sanity and resume is None else []
        launch = None if engine == "ray" else launch_options.launch_spec(plan, rdzv)
        if launch is not None:
            launch_options.require_file(spec, "each of several processes")
            words = [
                str(spec),
                f"--format={format}",
                *repeated_option("--set", sets),
                *repeated_option("--trust", trust or ()),
            ]
            where = _run_folder_argv(run_dir, resume, allow_changes=allow_changes)
            return launch_options.start(
                launch, words, where, lambda problems: spec_diagnostics.show_problems(problems, checked)
            )
        if resume is None and restarts() and run_dir is not None and (run_dir / "plan.json").is_file():
            resume = _LATEST  # torchrun has started the group again
        listeners = _listeners(plan, as_json=as_json)
        how = {"resume": resume is not None, "allow_changes": allow_changes}
        run = launch_options.runner(
            engine, lambda problems: spec_diagnostics.show_problems(problems, checked)
        )
        outcome = train_checked(checked, folder, **how, listeners=listeners, run=run)
    lost = outcome.status == LOST and launch_options.is_launched()  # the supervisor reports it
    if is_rank0() and not lost:
        _close(outcome, checked, odd, as_json=as_json)
    return outcome.status


def _check_options(resume: str | None, run_dir: Path | None, *, allow_changes: bool) -> None:
    """Raise `CommandError` for options that contradict each other."""
    if resume not in {None, _LATEST} and run_dir is not None:
        raise CommandError(
            "--resume RUN and --run-dir contradict each other",
            hint="use --resume without a value, with --run-dir",
        )
    if allow_changes and resume is None:
        raise CommandError("--allow-changes is only for continuing a run", hint="add --resume")


def _rehearse(plan: Plan, checked: CheckedSpec, trust: Sequence[str], *, as_json: bool) -> None:
    """Rehearse the run; end the command if a part of it fails."""
    from declare.cli.printing.rehearsal import rehearse

    rehearsal = rehearse(plan, checked, None, trust, as_json=as_json)
    if rehearsal.errors and as_json:
        terminal.emit_json(
            spec_diagnostics.document([spec_diagnostics.diagnose(item, checked) for item in rehearsal.errors])
        )
    if rehearsal.status:
        raise spec_diagnostics.FindingsError(rehearsal.status)


def _run_folder_argv(run_dir: Path | None, resume: str | None, *, allow_changes: bool) -> list[str]:
    """Return the arguments for the folder in which a run starts or continues."""
    words = [] if resume is None else [f"--resume={resume}"]
    words += [] if run_dir is None else [f"--run-dir={run_dir}"]
    return [*words, "--allow-changes"] if allow_changes else words


def _see_sane(plan: Plan, checked: CheckedSpec, *, as_json: bool) -> list[Problem]:
    """Try one batch in each phase and return warnings; end the command if a phase does not learn it."""
    from declare.runtime.machine.device import choose_device
    from declare.runtime.machine.environment import configure_torch
    from declare.runtime.profiling.overfit_check import problem, trials, warning

    device = choose_device(plan.hardware)
    configure_torch(plan.hardware, device)  # before the first product of matrices
    done = list(trials(plan, device))
    if not as_json and not terminal.settings.quiet:
        from declare.cli.printing.sanity import render

        render(done, terminal.err())
    failed, odd = (list(filter(None, map(find, done))) for find in (problem, warning))
    if failed and as_json:
        terminal.emit_json(
            spec_diagnostics.document([spec_diagnostics.diagnose(item, checked) for item in failed])
        )
    elif not as_json:
        spec_diagnostics.show_problems([*failed, *odd], checked)
    if failed:
        raise spec_diagnostics.FindingsError(RUN_FAILED)
    return odd


def _listeners(plan: Plan, *, as_json: bool) -> list[Listener]:
    """Return the listeners of a run; the first prints its folder."""
    from declare.cli.printing.run_folder_line import RunFolderPrinter
    from declare.runtime.listeners.progress_bar import make_progress

    progress = make_progress(plan, quiet=terminal.settings.quiet, color=terminal.settings.color)
    if progress is not None:
        return [progress]
    return [] if as_json else [RunFolderPrinter()]


def _close(outcome: Outcome, checked: CheckedSpec, odd: list[Problem], *, as_json: bool) -> None:
    """Print final metrics against their expected bounds, problems, and the run folder."""
    if as_json:
        problems = [spec_diagnostics.as_dict(problem, checked) for problem in (*odd, *outcome.problems)]
        terminal.emit_json(
            {
                "format": "1.0",
                "run": str(outcome.folder),
                "status": outcome.status,
                "metrics": outcome.metrics,
                "trained_earlier": checked.plan.trained_earlier if checked.plan is not None else {},
                "diagnostics": problems,
            }
        )
        return
    from declare.cli.printing.metrics import render
    from declare.report.collect import bound_metrics
    from declare.runtime.run_folder.event_file import EVENTS_FILE, read_events

    if outcome.metrics and checked.plan is not None:
        best = bound_metrics(checked.plan, read_events(outcome.folder / EVENTS_FILE))
        earlier = checked.plan.trained_earlier
        render(outcome.metrics, checked.plan.expect, terminal.stdout(), best, earlier)
    spec_diagnostics.show_problems(outcome.problems, checked)
    terminal.emit(f"run: {outcome.folder}")
