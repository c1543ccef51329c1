"""What a run folder's checkpoints consist of, and how many stand there."""

from collections.abc import Sequence
from itertools import accumulate

from declare.ir.plan import PhasePlan

CHECKPOINTS = "checkpoints"
"""The folder of all checkpoints of a run, `step-N` each."""
MANIFEST = "MANIFEST.json"
WEIGHTS = "weights.safetensors"


def max_checkpoints(phases: Sequence[PhasePlan]) -> int:
    """Return how many checkpoints stand at once at most: the newest, the best of phases, the ends of those before."""
    bests = accumulate(int(phase.best is not None) for phase in phases)
    counts = zip(phases, bests, strict=True)
    return max(phase.keep_checkpoints + ended + best for ended, (phase, best) in enumerate(counts))
