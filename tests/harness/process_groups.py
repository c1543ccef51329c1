"""One process of a pair that trains specs one after another, as `python -m tests.harness.process_groups RANK SIZE FOLDER`.

Torch is imported and the group connected once; every spec in the folder is trained into `NAME-SIZE`.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Train every spec of the folder in this process's world."""
    rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    os.chdir(folder)
    import torch
    from torch import distributed as dist

    from declare.compiler.pipeline import check
    from declare.runtime.run import train

    torch.set_num_threads(1)
    if size > 1:
        dist.init_process_group(
            "gloo", rank=rank, world_size=size, store=dist.FileStore(f"store-{size}", size)
        )
    for path in sorted(folder.glob("*.yaml")):
        checked = check(path)
        assert checked.plan is not None, (path.name, [found.title for found in checked.diagnostics])
        outcome = train(checked.plan, path.read_text(encoding="utf-8"), folder / f"{path.stem}-{size}")
        assert outcome.status == 0, (path.name, outcome.problems)
    if size > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
