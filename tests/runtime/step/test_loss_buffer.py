"""Losses between two readings: what is read does not tell where a run was broken off."""

import pytest
import torch

from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.step.loss_buffer import LossBuffer


class Three(ProcessGroup):
    """A process of three, of which the others always lose a little more."""

    def mean(self, values):
        return (values + (values + 0.1) + (values + 0.3)) / 3


def read(breaks):
    """Return what is read of ten steps where the run is saved and continued before those in `breaks`."""
    window = LossBuffer(["a"], Three())
    for number in range(10):
        if number in breaks:
            state = window.state_dict()
            window = LossBuffer(["a"], Three())
            window.load_state_dict(state)
        loss = torch.tensor(1.0) / (3 + number)
        window.add(number, loss, loss.reshape(1) * 0.7)
    return window.read()["losses"]


def test_what_is_read_is_the_same_to_the_bit_wherever_it_was_broken_off():
    """Sums over processes are kept as exactly as they are read."""
    assert read({3}) == read(()) == read({2, 3, 9})


def test_what_is_read_is_the_mean_over_steps_and_processes():
    """Each loss and each term of it, of all steps since the last reading."""
    expected = sum(1 / (3 + number) for number in range(10)) / 10
    assert read(()) == pytest.approx({"loss": expected + 0.4 / 3, "a": 0.7 * expected + 0.4 / 3})
