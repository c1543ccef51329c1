"""Learning rates that an optimizer uses and that are reported."""

import pytest
import torch

from declare.ir.plan import OptimizerGroup
from declare.runtime.step.lr import OptimizerLR
from tests.harness.fake_builder import phase


def test_rates_of_groups_follow_the_schedule_as_the_base_rate_does():
    """What is reported are the rates last used: that of the phase, and by pattern those of groups with another one."""
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(3)]
    optimizer = torch.optim.SGD([{"params": [weights[0]], "lr": 0.5}, {"params": weights[1:], "lr": 0.1}])
    groups = [
        OptimizerGroup(match=match, lr=rate, weight_decay=None, parameters=())
        for match, rate in (("encoder.*", 0.5), ("heads.*", 0.1))
    ]
    changes = {"optimizer": {"type": "sgd", "lr": 0.1}, "groups": tuple(groups)}
    lr = OptimizerLR(optimizer, lambda number: 1 / (number + 1), phase(**changes))
    assert (lr.current, lr.by_group) == (0.1, {"encoder.*": 0.5})
    for number in (0, 1, 4):
        lr.apply(number)
        used = [group["lr"] for group in optimizer.param_groups]
        assert used == pytest.approx([0.5 / (number + 1), 0.1 / (number + 1)])
        assert [lr.by_group["encoder.*"], lr.current] == pytest.approx(used)
