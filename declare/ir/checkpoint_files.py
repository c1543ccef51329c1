"""The files of a run folder's checkpoints, and how many checkpoints exist."""

from collections.abc import Sequence
from itertools import accumulate

from declare.ir.plan import PhasePlan

CHECKPOINTS = "checkpoints"
"""The folder of all checkpoints of a run, `step-N` each."""
MANIFEST = "MANIFEST.json"
WEIGHTS = "weights.safetensors"


def max_checkpoints(phases: Sequence[PhasePlan]) -> int:
    """Return the maximum number of checkpoints at a time: newest, best of phases, ends of earlier phases.

    A phase has no more than it writes: one at each interval, one at its end or where it is stopped.
    """
    newest = [min(phase.keep_checkpoints, phase.steps // phase.checkpoint_every + 1) for phase in phases]
    bests = accumulate(int(phase.best is not None) for phase in phases)
    counts = zip(newest, bests, strict=True)
    return max(kept + ended + best for ended, (kept, best) in enumerate(counts))
