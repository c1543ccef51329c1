"""Length of a phase, as far as spec and facts define it: datasets, samples, batches, steps."""

import math
from typing import NamedTuple

from declare.contract.duration import Duration
from declare.language.spec import Phase
from declare.rules.spec_parts import get, is_unreadable, phase_datasets
from declare.rules.spec_view import View


class PhaseLength(NamedTuple):
    """The length of a phase; `sizes` are training samples by dataset.

    If the data are unknown, `sizes` are empty, and durations are in `unit`, that of the phase.
    """

    sizes: dict[str, int]
    batch_size: int
    steps_per_epoch: int
    steps: int
    unit: str = "steps"

    @property
    def num_samples(self) -> int:
        """Return the number of training samples of all datasets of the phase."""
        return sum(self.sizes.values())

    def duration(self, duration: Duration) -> int:
        """Return a duration in optimizer steps."""
        return duration.steps(self.steps, self.steps_per_epoch)


def train_sizes(view: View, phase: Phase) -> dict[str, int] | None:
    """Return the number of training samples of each dataset of a phase; None if data could not be read."""
    names = phase_datasets(view, phase)
    if not names or any(name not in view.facts or not view.facts[name].splits for name in names):
        return None
    return {name: view.facts[name].splits.get("train", 0) for name in names}


def batch_size(phase: Phase) -> int | None:
    """Return the global batch size; None if it is `auto` or unreadable."""
    stated = get(phase, "batch_size")
    if isinstance(stated, dict):
        sizes = list(stated.values())
        return sum(sizes) if all(isinstance(size, int) for size in sizes) else None
    return stated if isinstance(stated, int) else None


def phase_length(view: View, phase: Phase) -> PhaseLength | None:
    """Return the length of a phase; None if something that it needs is unknown."""
    sizes, batch = train_sizes(view, phase), batch_size(phase)
    if not sizes or not batch or is_unreadable(phase, "epochs", "steps") or not sum(sizes.values()):
        return None
    if (phase.epochs is None) == (phase.steps is None):
        return None
    per_epoch = math.ceil(sum(sizes.values()) / batch)
    steps = phase.steps if phase.steps is not None else math.ceil(round((phase.epochs or 0) * per_epoch, 6))
    return PhaseLength(sizes, batch, per_epoch, max(1, steps))


def length_of_phase(view: View, phase: Phase, duration: Duration) -> PhaseLength | None:
    """Return the length of a phase, from the spec alone if that is enough for a duration, else None."""
    run = phase_length(view, phase)
    if (
        run is not None
        or is_unreadable(phase, "epochs", "steps")
        or (phase.epochs is None) == (phase.steps is None)
    ):
        return run
    length, unit = (phase.epochs, "epochs") if phase.steps is None else (phase.steps, "steps")
    assert length is not None
    same = duration.unit == "%" or (duration.unit == unit and float(duration.value).is_integer())
    return PhaseLength({}, 0, 1, int(length), unit) if same and float(length).is_integer() else None


def length_key(phase: Phase) -> str:
    """Return the key that states the phase's length."""
    return "steps" if get(phase, "epochs") is None else "epochs"


def describe_steps(run: PhaseLength) -> str:
    """Return how the number of steps is computed, in words."""
    if not run.sizes:
        return f"the phase has {run.steps} {run.unit}"
    sizes = " + ".join(str(size) for size in run.sizes.values())
    return (
        f"{sizes} training samples in batches of {run.batch_size} are {run.steps_per_epoch} "
        f"steps per epoch; the phase has {run.steps} steps"
    )
