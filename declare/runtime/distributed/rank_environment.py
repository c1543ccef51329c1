"""The rank of this process in a group that was started for it; needs no torch.

torchrun (and Ray through it), SLURM and our own launcher each pass them in the environment of a process.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

LAUNCH = "DECLARE_LAUNCH"
"""Names the folder of a launch by `dcl train` itself: where processes meet, signs of life, logs."""
LAUNCHER = "DECLARE_LAUNCHER"
"""The process id of that command."""
_FIRST_PORT, _PORTS, _STRIDE = 20_000, 20_000, 1009


@dataclass(frozen=True)
class RankEnvironment:
    """The rank of a process in its group."""

    rank: int
    size: int
    local_rank: int
    local_size: int


def read_rank_environment(environment: Mapping[str, str] = os.environ) -> RankEnvironment | None:
    """Return this process's place in a group, or None for a process alone."""
    if {"RANK", "WORLD_SIZE"} <= environment.keys():
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        local = int(environment.get("LOCAL_RANK", rank)), int(environment.get("LOCAL_WORLD_SIZE", size))
        return (
            RankEnvironment(rank, size, *local) if size > 1 or "TORCHELASTIC_RUN_ID" in environment else None
        )
    if int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_PROCID" in environment:
        size = int(environment["SLURM_STEP_NUM_TASKS"])
        tasks = re.match(r"\d+", environment.get("SLURM_STEP_TASKS_PER_NODE", str(size)))
        local_rank = int(environment.get("SLURM_LOCALID", "0"))
        return RankEnvironment(
            int(environment["SLURM_PROCID"]), size, local_rank, int(tasks[0]) if tasks else size
        )
    return None


def is_rank0() -> bool:
    """Return whether this process writes files and prints."""
    environment = read_rank_environment()
    return environment is None or environment.rank == 0


def rendezvous_address(environment: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Return host and port where the processes of several machines meet, as SLURM lets us know them."""
    host = first_host(environment.get("SLURM_STEP_NODELIST", "localhost"))
    job, step = (int(environment.get(name, "0")) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    return host, _FIRST_PORT + (job + step * _STRIDE) % _PORTS


def first_host(nodes: str) -> str:
    """Return the first machine of a SLURM list: `gpu[03-05,7],login` gives `gpu03`."""
    match = re.match(r"([^\[,]+)(?:\[([^\],-]+))?", nodes)
    return nodes if match is None else match[1] + (match[2] or "")


def restarts(environment: Mapping[str, str] = os.environ) -> int:
    """Return how often torchrun has restarted this group."""
    return int(environment.get("TORCHELASTIC_RESTART_COUNT", "0"))
