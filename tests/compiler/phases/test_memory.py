"""The memory of a phase is the sum of its parts, with the arithmetic to show."""

from __future__ import annotations

from declare.compiler.phases.memory import Memory


def test_sum():
    """The total is the sum, and empty parts are not shown."""
    memory = Memory(weights=4000, gradients=4000, optimizer=8000, average=0, activations=100, data=1)
    assert memory.total == 16101
    assert str(memory) == "4 kB weights + 4 kB gradients + 8 kB optimizer + 100 B activations + 1 B data"
