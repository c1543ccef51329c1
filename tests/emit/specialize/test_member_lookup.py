"""What is looked up of recorded modules."""

from __future__ import annotations

from declare.emit.specialize.member_lookup import config_key
from declare.emit.specialize.recording import Expression, Module


def test_modules_with_other_parameters_are_not_alike() -> None:
    """Though all that they were made with is the same: a parameter for each data set has its own size."""
    made = []
    for size in (8, 8, 32):
        module = Module()
        module.__dict__["_parameters"]["a"] = Expression(f"torch.randn({size})")
        made.append(config_key(module))
    assert made[0] == made[1]
    assert made[0] != made[2]
