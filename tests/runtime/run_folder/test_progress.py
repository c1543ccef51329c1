"""The progress of a run: what is best so far, and which checkpoint stands for a phase."""

import math

import pytest

from declare.ir.plan import BestPlan
from declare.runtime.run_folder.progress import TrainProgress

METRIC = "val/digit/f1"


def progress(values, mode):
    """Return the progress after evaluations at steps 1, 2 and so on, and at which of them the best changed."""
    rule, course = BestPlan(metric=METRIC, mode=mode), TrainProgress(phase="fit")
    improved = []
    for course.total, value in enumerate(values, 1):
        if course.improves(rule, {METRIC: value}):
            improved.append(course.total)
    return course, improved


@pytest.mark.parametrize(
    ("values", "mode", "expected"),
    [
        ([0.5, 0.7, 0.6, 0.9], "max", [1, 2, 4]),
        ([0.5, 0.7, 0.4, 0.45], "min", [1, 3]),
        ([0.5, 0.5, 0.5], "max", [1]),
        ([0.5, 0.5, 0.5], "min", [1]),
        ([math.nan, math.inf, 0.5, math.nan], "max", [3]),
        ([-math.inf, 2.0, -math.inf], "min", [2]),
    ],
)
def test_the_best_is_the_first_that_no_other_beats(values, mode, expected):
    """An equal value does not replace it, and what is no finite number is never the best."""
    course, improved = progress(values, mode)
    assert improved == expected
    assert course.best["fit"].total == expected[-1]
    assert course.best["fit"].value == values[expected[-1] - 1]


def test_the_best_checkpoint_stands_for_a_phase_else_its_last():
    """Both are kept for good; a phase that is neither has no checkpoint."""
    course, _ = progress([0.5, 0.9, 0.7], "max")
    course.ends = {"fit": 3, "other": 9}
    assert [course.phase_checkpoint(name) for name in ("fit", "other", "third")] == [2, 9, None]
    assert course.protected_steps == {2, 3, 9}
