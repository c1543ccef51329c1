"""A training of 400 steps of 0.05 seconds into a folder, as `python -m tests.harness.slow_training FOLDER`."""

import sys
import time
from pathlib import Path

from tests.harness import fake_builder


def main() -> int:
    """Train; say so in step 2."""

    def slow(step, batch):
        time.sleep(0.05)
        if step == 2:
            sys.stdout.write("training\n")
            sys.stdout.flush()
        return batch

    def builder(plan, folder, device, tell, world):
        return fake_builder.FakeBuilder(plan, slow)

    plan = fake_builder.make_plan(fake_builder.phase(steps=400))
    return fake_builder.train(plan, "x", Path(sys.argv[1]), make_builder=builder).status


if __name__ == "__main__":
    sys.exit(main())
