"""One process of a group that holds a model in shares, as `python -m tests.harness.sharded_writers RANK SIZE FOLDER RUN...`.

Each RUN is the name of a run folder with what happens to it: `a` trains it, `a:stop=9` asks it to stop after 9 steps,
`a:die=2` kills the last process in the middle of its second save, `a:full=2` fills its disk from then on, `a:full=2,leading` that of the first process, `a:resume` continues it.
"""

import errno
import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Do what is said of each run."""
    rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    os.chdir(folder)
    import torch
    from torch import distributed as dist

    torch.set_num_threads(1)
    if size > 1:
        store = dist.FileStore(f"store-{os.environ['SHARERS_ROUND']}", size)
        dist.init_process_group("gloo", rank=rank, world_size=size, store=store)
    for words in sys.argv[4:]:
        name, _, options = words.partition(":")
        found = dict(part.partition("=")[::2] for part in options.split(",") if part)
        status = make(folder, name, found, last=rank == (0 if "leading" in found else size - 1))
        sys.stdout.write(f"{name} {options} {' '.join(map(str, status))}\n")
        sys.stdout.flush()


def make(folder, name, options, *, last):
    """Train or resume a run; return its status and the codes of its findings."""
    from declare.compiler.pipeline import check
    from declare.runtime.checkpoint import atomic_write as store_module
    from declare.runtime.listeners.listener import Listener, Request
    from declare.runtime.run import train

    class Stop(Listener):
        """Asks for a stop after a number of steps of the whole run."""

        def on_event(self, event):
            """React to an event."""
            due = event.name == "boundary" and event.total >= int(options["stop"])
            return Request.STOP_RUN if due else None

        def next_step(self, step):
            """Return the next step."""
            return step + 1

    saves = []
    write = store_module.write_tensors

    def torn(file, tensors, about=None):
        """Write half a file, then die."""
        saves.append(file)
        if len(saves) >= int(options.get("full", sys.maxsize)):
            raise OSError(errno.ENOSPC, "no space left on device")
        if len(saves) == int(options.get("die", sys.maxsize)):
            file.write(b"x" * 100)
            os.kill(os.getpid(), signal.SIGKILL)
        write(file, tensors, about)

    if options.keys() & {"die", "full"} and last:
        store_module.write_tensors = torn
    text = (folder / "spec.yaml").read_text()
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    listeners = [Stop()] if "stop" in options else []
    outcome = train(checked.plan, text, folder / name, resume="resume" in options, listeners=listeners)
    store_module.write_tensors = write
    return outcome.status, *(problem.code for problem in outcome.problems)


if __name__ == "__main__":
    main()
