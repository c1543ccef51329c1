"""Which of the processes that train together this one is: told by torchrun, SLURM, Ray, or our own launcher.

Each of them sets an environment; nothing here starts a process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist

from declare.ir.plan import HardwarePlan
from declare.nn.distributed.world import ALONE, Group, World

LAUNCH = "DECLARE_LAUNCH"
"""Names the folder of a launch by `dcl train` itself: the store, words of ranks, logs."""
STORE = "store"
PATIENCE = timedelta(hours=1)
"""How long a process waits for another one before it takes it for lost."""
_FIRST_PORT, _PORTS = 20_000, 20_000


@dataclass(frozen=True)
class Place:
    """Where a process stands in its group."""

    rank: int
    size: int
    local_rank: int
    local_size: int


def place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Return this process's place in a group that somebody has started, or None for a process alone."""
    if {"RANK", "WORLD_SIZE"} <= environment.keys():
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        local = int(environment.get("LOCAL_RANK", rank)), int(environment.get("LOCAL_WORLD_SIZE", size))
        return Place(rank, size, *local) if size > 1 or "TORCHELASTIC_RUN_ID" in environment else None
    if int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_PROCID" in environment:
        size = int(environment["SLURM_STEP_NUM_TASKS"])
        tasks = environment.get("SLURM_STEP_TASKS_PER_NODE", str(size))
        here = int(re.match(r"\d+", tasks)[0])  # type: ignore[index]
        return Place(int(environment["SLURM_PROCID"]), size, int(environment.get("SLURM_LOCALID", 0)), here)
    return None


def join(hardware: HardwarePlan) -> World:
    """Return the group that this process belongs to, connected; `ALONE` where nobody started one."""
    if dist.is_initialized():  # Ray, or a caller of the Python interface, has connected it
        size = dist.get_world_size()
        found = place()
        return Group(found.local_rank if found else dist.get_rank(), found.local_size if found else size)
    found = place()
    if found is None:
        return ALONE
    cuda = hardware.accelerator != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(found.local_rank % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    dist.init_process_group(
        backend, rank=found.rank, world_size=found.size, timeout=PATIENCE, **_meeting(found)
    )
    return Group(found.local_rank, found.local_size)


def _meeting(found: Place) -> dict[str, Any]:
    """Return where the processes meet."""
    folder = os.environ.get(LAUNCH)
    if folder and found.size == found.local_size:
        # On one machine a file will do: nothing listens that others could reach.
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(name, "lo")
        return {"store": dist.FileStore(str(Path(folder) / STORE), found.size)}
    if "MASTER_ADDR" not in os.environ:
        os.environ["MASTER_ADDR"] = first_host(os.environ.get("SLURM_STEP_NODELIST", "localhost"))
        os.environ["MASTER_PORT"] = str(_FIRST_PORT + int(os.environ.get("SLURM_JOB_ID", "0")) % _PORTS)
    return {"init_method": "env://"}


def first_host(nodes: str) -> str:
    """Return the first machine of a SLURM list: `gpu[03-05,7],login` gives `gpu03`."""
    found = re.match(r"([^\[,]+)(?:\[([^\],-]+))?", nodes)
    return nodes if found is None else found[1] + (found[2] or "")


def restarts(environment: Mapping[str, str] = os.environ) -> int:
    """Return how often torchrun has started this group anew."""
    return int(environment.get("TORCHELASTIC_RESTART_COUNT", "0"))
