"""Which samples of a batch are to be looked at, once something has gone wrong with it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor
from torch.random import fork_rng

from declare.contract.problem import Problem
from declare.data.read.prefetch import StalledError

_SHOWN = 8


class Batches(Protocol):
    """Numbered batches of one dataset."""

    name: str

    def batch(self, step: int) -> dict[str, Tensor]:
        """Return a batch."""
        ...

    def samples(self, step: int) -> list[tuple[int, str]]:
        """Return (row, place) of its samples."""
        ...

    def hanging(self, error: StalledError, step: int) -> Problem | None:
        """Return the finding that decoding it hangs."""
        ...


def suspects(stream: Batches, step: int) -> Iterator[str]:
    """Yield a line for each field with values that are not finite, else one that names the samples of the batch."""
    samples = stream.samples(step)
    guilty = False
    with fork_rng(devices=[]):  # looking again must not change what is drawn later
        batch = stream.batch(step)
    for name, values in batch.items():
        if values.is_floating_point() and len(values) == len(samples):
            bad = (~values.isfinite()).reshape(len(values), -1).any(1).nonzero().flatten().tolist()
            if bad:
                guilty = True
                yield f"`{name}` is not finite in {_describe_samples(stream.name, [samples[index] for index in bad])}"
    if not guilty:
        yield f"inputs and targets are finite in {_describe_samples(stream.name, samples)}"


def hanging(error: StalledError, parts: Sequence[tuple[Batches, int]]) -> Problem:
    """Return the finding that decoding one of the parts of a batch hangs."""
    problems = (part.hanging(error, number) for part, number in parts)
    return next(problem for problem in problems if problem is not None)


def _describe_samples(dataset: str, samples: Sequence[tuple[int, str]]) -> str:
    """Return samples in words: their numbers, and their files if each has one."""
    descriptions = [
        str(row) if place.startswith("sample ") else f"{row} ({place})" for row, place in samples[:_SHOWN]
    ]
    more = f" and {len(samples) - _SHOWN} more" if len(samples) > _SHOWN else ""
    return f"sample{'s' * (len(samples) > 1)} {', '.join(descriptions)}{more} of `{dataset}`"
