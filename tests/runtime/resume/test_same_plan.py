"""All processes of a group must have been given the same plan."""

from __future__ import annotations

from typing import Any

import pytest

from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.runtime.resume.same_plan import require_one_plan
from tests.harness import fake_builder


class Three(ProcessGroup):
    """The leading process of three; the last one has another plan."""

    size = 3

    def __init__(self, plan: Plan, other: Plan) -> None:
        self._answers = [
            [plan.sha256, plan.sha256, other.sha256],
            [plan.model_dump_json(), "", other.model_dump_json()],
        ]

    def all_gather_object(self, value: Any) -> list[Any]:
        """Return what each gave."""
        answer = self._answers.pop(0)
        assert answer[0] == value
        return answer


def test_another_plan_is_named_with_what_differs() -> None:
    """Nothing is trained; the finding names the process and both values."""
    plan, other = fake_builder.make_plan(), fake_builder.make_plan(fake_builder.phase(batch_size=12))
    with pytest.raises(ProblemError) as caught:
        require_one_plan(plan, Three(plan, other))
    problem = caught.value.problem
    assert problem.code == "HW716"
    assert "process 2" in problem.title
    assert problem.notes == ("`phases.fit.batch_size` is 10 in process 0, 12 in process 2",)


def test_one_plan_for_all_is_fine() -> None:
    """Of one process, and of several."""
    plan = fake_builder.make_plan()
    require_one_plan(plan, SINGLE_PROCESS)
    require_one_plan(plan, Three(plan, plan))
