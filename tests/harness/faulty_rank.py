"""One process of a pair whose last one meets a fault in step 3, as `python -m tests.harness.faulty_rank RANK FOLDER FAULT`.

FAULT is what goes wrong: `forward`, `backward`, a loss that is `nan`, `memory` that does not suffice, or `death`.
"""

import math
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import torch


def main() -> None:
    """Train the spec of the folder and exit with the status of the run; say its findings and what was skipped."""
    rank, folder, fault = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    os.chdir(folder)
    from torch import distributed as dist

    from declare.compiler.pipeline import check
    from declare.lowering.training.objective import Objective
    from declare.runtime.run import train

    torch.set_num_threads(1)
    store = dist.FileStore("store", 2)
    dist.init_process_group("gloo", rank=rank, world_size=2, store=store, timeout=timedelta(seconds=300))
    if rank == 1:
        Objective.forward = failing(Objective.forward, fault)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    outcome = train(checked.plan, "", folder / "run")
    for problem in outcome.problems:
        sys.stdout.write(f"{problem.code} {problem.notes}\n")
    if outcome.status == 0:
        dist.destroy_process_group()
    sys.exit(outcome.status)


def failing(forward, fault):
    """Return a forward pass that goes wrong when it is called for the third time."""
    calls = []

    def hook(gradient):
        raise RuntimeError("no way back")

    def called(self, batch, totals=None):
        calls.append(fault)
        if calls == ["forward"] * 3:
            raise IndexError("no way ahead")
        if calls == ["memory"] * 3:
            raise torch.OutOfMemoryError("out of memory. Tried to allocate 4.00 GiB.")
        if calls == ["death"] * 3:
            os.kill(os.getpid(), signal.SIGKILL)
        loss, parts = forward(self, batch, totals)
        if calls == ["backward"] * 3:
            loss.register_hook(hook)
        return (loss * math.nan, parts) if calls == ["nan"] * 3 else (loss, parts)

    return called


if __name__ == "__main__":
    main()
