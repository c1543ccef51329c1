"""Easy samples first, harder ones later."""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field as Param

from declare.contract.duration import Duration
from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Array, Generator, Layout


class Curriculum(Sampler):
    """Samples on one side of a limit that moves from `start` to `end` during the phase.

    With `start` above `end`, samples whose score is at least the limit are used: `start: 0.8, end: 0` begins
    with high scores and adds lower ones. With `start` below `end`, samples whose score is at most the limit
    are used: `start: 10, end: 100` begins with short ones. The limit changes linearly, once per epoch, and
    stays at `end` after `over`; samples beyond `end` and samples without a score are never used. An epoch has
    as many samples as the training split: if few samples are within the limit, they repeat.

    Example:
        ```yaml
        sampler: {type: curriculum, score: contrast, start: 0.8, end: 0.0, over: 50%}
        ```
    """

    layouts: ClassVar[tuple[Layout, ...]] = ("number",)

    score: str = Param(description="the field with a number for each sample")
    start: float = Param(description="the limit at the start of the phase, in the units of the score")
    end: float = Param(description="the limit after `over`")
    over: Duration = Param(Duration(50, "%"), description="duration over which the limit moves")

    def columns(self) -> tuple[str, ...]:
        """Return the score field."""
        return (self.score,)

    def resolve(self, total_steps: int, steps_per_epoch: int) -> Self:
        """Return the sampler with `over` as a fraction of the phase."""
        steps = self.over.steps(total_steps, steps_per_epoch)
        share = min(100.0, 100 * steps / max(1, total_steps))
        return self.model_copy(update={"over": Duration(share, "%")})

    def limit(self, progress: float) -> float:
        """Return the limit at a fraction `progress` of the phase."""
        share = self.over.value / 100
        done = 1.0 if progress >= share else progress / share
        return self.start + (self.end - self.start) * done

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return positions; raises `ProblemError` DAT343 (unsuitable field) or DAT345 (no sample in the limit)."""
        import numpy as np

        from declare.components.samplers._drawing import one_each, rounds
        from declare.contract.problem import Problem, ProblemError

        scores = one_each(columns[self.score], "score", self.score, whole=False)
        limit = self.limit(progress)
        falling = self.start >= self.end
        shown = np.flatnonzero(scores >= limit if falling else scores <= limit)
        if len(shown):
            return rounds(shown, num_samples, generator)
        side = "at least" if falling else "at most"
        known = scores[np.isfinite(scores)]
        span = (
            f"scores are between {known.min():g} and {known.max():g}"
            if len(known)
            else "no sample has a score"
        )
        raise ProblemError(
            Problem(
                "DAT345",
                f"no training sample has a `{self.score}` of {side} {limit:g}",
                at="sampler.start",
                label="selects no sample",
                notes=(span,),
                helps=("choose `start` and `end` within the range of the scores",),
            )
        )
