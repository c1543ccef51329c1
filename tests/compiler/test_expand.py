"""The expanded spec states every default, and means the same."""

from __future__ import annotations

import pytest

from declare.compiler.expand import expand
from tests.compiler.specs import ONE, TWO, run

RICH = ONE.replace(
    "lr: 1e-3}}", 'lr: 1e-3}, clip: {norm: 1.0}, freeze: [{match: "encoder.*", until: 1 epochs}]}'
)


@pytest.mark.parametrize("text", [ONE, TWO, RICH])
def test_same_plan(tmp_path, text):
    """What is printed reads back to the same plan, and expands to itself."""
    first = run(tmp_path, text)
    written = expand(first)
    again = run(tmp_path, written)
    assert first.plan is not None
    assert again.plan is not None
    assert again.plan.model_copy(update={"spec_sha256": first.plan.spec_sha256}) == first.plan
    assert expand(again) == written


def test_defaults_are_written(tmp_path):
    """Inferred parts stand there: the head, the loss, the sampler, the cadence."""
    written = expand(run(tmp_path, ONE))
    for part in ("type: linear", "type: cross_entropy", "sampler: random", "every: 3 steps", "seed: 0"):
        assert part in written


def test_errors(tmp_path):
    """A spec with errors cannot be expanded."""
    with pytest.raises(ValueError, match="errors"):
        expand(run(tmp_path, ONE, ("lr: 1e-3", "lr: x")))
