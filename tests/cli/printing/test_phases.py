"""What a plan prints of its phases."""

from __future__ import annotations

from types import SimpleNamespace

from declare.cli.printing.phases import average_text


def test_an_average_names_the_steps_that_make_up_half_of_it() -> None:
    """The number of last steps follows the shares; a single one has been named by its share."""
    long = SimpleNamespace(ema={"decay": 0.9, "warmup": False}, steps=100)
    short = SimpleNamespace(ema={"decay": 0.99, "warmup": True}, steps=6)
    assert average_text(long).endswith(
        "10% the weights of the last step, less than 0.01% those before the first, half of it those of the last 7 steps"
    )
    assert average_text(short).endswith("60% the weights of the last step, 0.02% those before the first")
    assert average_text(SimpleNamespace(ema=None)) == ""
