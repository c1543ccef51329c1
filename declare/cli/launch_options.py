"""Training in several processes: whether a command starts them, and with which argv."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from declare.cli import terminal
from declare.cli.failure import CommandError

if TYPE_CHECKING:
    from declare.contract.problem import Problem
    from declare.ir.plan import Plan
    from declare.runtime.distributed.launch import LaunchSpec
    from declare.runtime.run import Outcome


_PORTS = 1 << 16


def settings(gpus: int | None, procs: int | None, nodes: int | None) -> list[str]:
    """Return `--gpus`, `--procs` and `--nodes` as overrides of the spec."""
    if gpus and procs:
        raise CommandError("--gpus and --procs contradict each other", hint="--procs trains on the CPU")
    overrides = [f"hardware.nodes={nodes}"] if nodes else []
    if gpus or procs:
        overrides += [
            f"hardware.devices={gpus or procs}",
            f"hardware.accelerator={'cuda' if gpus else 'cpu'}",
        ]
    return overrides


def launch_spec(plan: Plan, rdzv: str | None) -> LaunchSpec | None:
    """Return the processes to start; None if this command trains itself.

    Inside torchrun, SLURM or Ray the processes have been started already.
    """
    from declare.runtime.distributed.launch import LaunchSpec
    from declare.runtime.distributed.rank_environment import read_rank_environment

    if read_rank_environment() is not None:
        return None
    hardware = plan.hardware
    _require_meeting(hardware.nodes, rdzv)
    spec = LaunchSpec(_processes(plan), hardware.nodes, rdzv)
    return spec if spec.size > 1 else None


def _require_meeting(nodes: int, rdzv: str | None) -> None:
    """End the command if several machines have no address to connect at, or one has one."""
    hint = "run the same command on each machine with `--rdzv HOST:PORT`, with HOST being one of them"
    if nodes == 1:
        if rdzv is not None:
            raise CommandError("--rdzv is for several machines; this is one", hint="add `--nodes N`")
        return
    if rdzv is None:
        raise CommandError(f"{nodes} machines need an address to connect at", hint=hint)
    host, colon, port = rdzv.rpartition(":")
    if not colon:
        raise CommandError(f"--rdzv `{rdzv}` has no port", hint=hint)
    if not host or not port.isdecimal() or not 0 < int(port) < _PORTS:
        raise CommandError(f"--rdzv `{rdzv}` is not HOST:PORT with a port from 1 to {_PORTS - 1}", hint=hint)


def _processes(plan: Plan) -> int:
    """Return the number of devices of this machine in the plan, one process for each."""
    hardware = plan.hardware
    if hardware.strategy == "single":
        return 1
    if isinstance(hardware.devices, int) and (hardware.devices == 1 or hardware.accelerator == "cpu"):
        return hardware.devices
    from declare.contract.problem import ProblemError
    from declare.runtime.machine.device import choose_kind, count_devices, too_few_devices_problem

    kind = choose_kind(hardware)
    there = count_devices(kind)
    if hardware.devices == "auto":
        return there
    if hardware.devices > there:
        raise ProblemError(too_few_devices_problem(hardware.devices, kind, there))
    return hardware.devices


def start(
    spec: LaunchSpec, argv: Sequence[str], folder: Sequence[str], show: Callable[[list[Problem]], object]
) -> int:
    """Run `dcl train ARGV` in a group of processes and watch over them; return the exit status.

    `folder` are the arguments for the run folder of a first attempt.
    """
    from declare.runtime.distributed.supervisor import supervise

    def command(run: Path | None) -> list[str]:
        allowed = [word for word in folder if word == "--allow-changes"]
        where = ["--resume", str(run), *allowed] if run else [*folder]
        return ["train", *argv, *where, *terminal.argv()]

    if spec.nodes > 1:
        terminal.echo(f"waiting for {spec.nodes} machines to meet at {spec.rendezvous}")
    return supervise(spec, command, lambda problem: show([problem]))


def require_file(spec: Path, what: str) -> None:
    """End the command if a spec comes from a pipe, which can be read only once, and `what` reads it again."""
    if spec.is_fifo():
        raise CommandError(
            f"{what} reads the spec again, but `{spec}` is a pipe", hint="write the spec to a file"
        )


def refuse_with_ray(nodes: int | None, rdzv: str | None) -> None:
    """End the command if it has options for machines with Ray, which knows its own machines."""
    option = "--nodes" if nodes else "--rdzv" if rdzv else None
    if option:
        raise CommandError(
            f"{option} and --engine ray contradict each other",
            hint=(
                "Ray places the workers; state the cluster in RAY_ADDRESS and their number with "
                "--procs or --gpus"
            ),
        )


def runner(engine: str, show: Callable[[list[Problem]], object]) -> Callable[..., Outcome] | None:
    """Return what trains in place of this process, if anything does."""
    if engine != "ray":
        return None
    from declare.runtime.launchers.ray import RayEngine

    return RayEngine(lambda problem: show([problem])).train


def is_launched() -> bool:
    """Return whether `dcl train` started this process and has printed the diagnostics of the spec."""
    from declare.runtime.distributed.rank_environment import LAUNCH

    return LAUNCH in os.environ


def quiet_other_ranks() -> None:
    """Print nothing in processes other than rank 0; hide torch's C++ traces of lost connections."""
    from declare.runtime.distributed.rank_environment import is_rank0

    # Read when torch is imported, here and in the processes that are started.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if not is_rank0():
        terminal.settings.quiet = True


def repeated_option(option: str, values: Iterable[str]) -> Iterator[str]:
    """Return a repeated option as arguments of a command line."""
    return (word for value in values for word in (option, value))
