"""What processes that train one model tell each other."""

import time
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch import distributed as dist

from declare.nn.distributed.process_group import (
    SINGLE_PROCESS,
    ProcessGroup,
    TorchProcessGroup,
    fill_missing_gradients,
)


class Pair(ProcessGroup):
    """Two processes of which the other one has these gradients."""

    size = 2

    def __init__(self, others: list[int]) -> None:
        self._others = torch.tensor(others)

    def sum(self, value: Tensor) -> Tensor:
        """Add what the other one says."""
        return value + self._others


def test_gradients_that_only_another_process_has_are_zeros() -> None:
    """What nobody has stays absent, what is there stays as it is: processes send tensors of the same shapes."""
    parameters = [torch.ones(2), torch.ones(3, 1), torch.ones(4), torch.ones(5)]
    own = torch.full((4,), 7.0)
    found = fill_missing_gradients([None, None, own, None], parameters, Pair([0, 1, 0, 1]))
    assert found[0] is None
    assert found[2] is own
    assert [tuple(item.shape) for item in found[1:] if item is not None] == [(3, 1), (4,), (5,)]
    assert found[1] is not None
    assert not found[1].any()


def test_one_process_keeps_its_gradients() -> None:
    """Nobody else could have one."""
    assert fill_missing_gradients([None], [torch.ones(2)], SINGLE_PROCESS) == [None]


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Application timeout caused pair closure", True),
        ("[gloo/transport/tcp/pair.cc:545] Connection reset by peer", True),
        ("NCCL error: remote process exited or there was a network error, NCCL version 2.27", True),
        ("ProcessGroupGloo does not support this type", False),
        ("ncclInvalidUsage: Duplicate GPU detected : rank 0 and rank 1 both on CUDA device 1b000", False),
        ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_errors_that_only_say_that_another_process_has_gone(text: str, lost: bool) -> None:
    """They are nobody's finding: what the other one said is."""
    assert (
        TorchProcessGroup.is_peer_failure(TorchProcessGroup.__new__(TorchProcessGroup), RuntimeError(text))
        is lost
    )


def test_a_group_lets_go_of_its_last_tensors_at_once(tmp_path: Path) -> None:
    """Threads that still hold one when Python ends would abort the process."""
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", rank=0, world_size=1, store=store)
    world = TorchProcessGroup(0, 1, owns_connection=True)
    world.clean_exit = True
    began = time.monotonic()
    world.close()
    assert time.monotonic() - began < 2
    assert not dist.is_initialized()
