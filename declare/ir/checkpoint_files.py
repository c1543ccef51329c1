"""The files of a run folder's checkpoints, and how many checkpoints exist."""

from collections.abc import Sequence
from itertools import accumulate

from declare.ir.plan import PhasePlan

CHECKPOINTS = "checkpoints"
"""The folder of all checkpoints of a run, `step-N` each."""
MANIFEST = "MANIFEST.json"
WEIGHTS = "weights.safetensors"


def max_checkpoints(phases: Sequence[PhasePlan]) -> int:
    """Return the maximum number of checkpoints at a time: newest, best of phases, ends of earlier phases."""
    bests = accumulate(int(phase.best is not None) for phase in phases)
    counts = zip(phases, bests, strict=True)
    return max(phase.keep_checkpoints + ended + best for ended, (phase, best) in enumerate(counts))
