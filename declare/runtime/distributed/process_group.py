"""Connecting this process with its process group."""

import ctypes
import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch._C._distributed_c10d import FileStore

from declare.ir.plan import HardwarePlan
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup, TorchProcessGroup
from declare.runtime.distributed import heartbeat
from declare.runtime.distributed.exit_codes import SIGNALLED
from declare.runtime.distributed.rank_environment import (
    LAUNCH,
    LAUNCHER,
    RankEnvironment,
    read_rank_environment,
    rendezvous_address,
)

PATIENCE = timedelta(hours=1)
"""How long a process waits for another one before it takes it for lost."""
_STORE = "store"
_PR_SET_PDEATHSIG = 1


def join(hardware: HardwarePlan) -> ProcessGroup:
    """Return this process's group, connected; `SINGLE_PROCESS` if there is none."""
    environment = read_rank_environment()
    if dist.is_initialized():  # Ray, or a caller of the Python interface, has connected it
        size = dist.get_world_size()
        world = (
            TorchProcessGroup(environment.local_rank, environment.local_size)
            if environment
            else TorchProcessGroup(dist.get_rank(), size)
        )
        _take_device(hardware, world.local_rank)
        return _with_heartbeat(world)
    if environment is None or environment.size == 1:
        return SINGLE_PROCESS
    if LAUNCHER in os.environ:
        _stop_with_launcher(int(os.environ[LAUNCHER]))
    cuda = _take_device(hardware, environment.local_rank)
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    rendezvous = _rendezvous(environment)
    dist.init_process_group(
        backend, rank=environment.rank, world_size=environment.size, timeout=PATIENCE, **rendezvous
    )
    return _with_heartbeat(
        TorchProcessGroup(environment.local_rank, environment.local_size, owns_connection=True)
    )


def _take_device(hardware: HardwarePlan, local_rank: int) -> bool:
    """Make this process's GPU its default device; return whether there is one."""
    cuda = hardware.accelerator != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(local_rank % torch.cuda.device_count())
    return cuda


def _with_heartbeat(world: TorchProcessGroup) -> TorchProcessGroup:
    """Write heartbeats if a supervisor watches this process."""
    if folder := os.environ.get(LAUNCH):
        world.heartbeat = heartbeat.start(Path(folder), world.rank)
    return world


def _stop_with_launcher(launcher: int) -> None:
    """Ask the system for SIGTERM when the launcher ends: an unsupervised group saves and stops."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != launcher:
        sys.exit(SIGNALLED + signal.SIGTERM)


def loopback() -> str:
    """Return the name of the interface that only this machine reaches: `lo`, on macOS `lo0`."""
    names = [name for _, name in socket.if_nameindex()]
    return next((name for name in ("lo", "lo0") if name in names), "lo")


def _rendezvous(environment: RankEnvironment) -> dict[str, Any]:
    """Return where the processes meet."""
    folder = os.environ.get(LAUNCH)
    if folder and environment.size == environment.local_size:
        # On one machine a file will do: nothing listens that others could reach.
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(name, loopback())
        return {"store": FileStore(str(Path(folder) / _STORE), environment.size)}
    if "MASTER_ADDR" not in os.environ:
        host, port = rendezvous_address()
        os.environ |= {"MASTER_ADDR": host, "MASTER_PORT": str(port)}
    return {"init_method": "env://"}
