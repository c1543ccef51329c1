"""Strategies: which one a phase takes, and sums whose order follows from their number alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.run_folder.folder import Run
from declare.runtime.step.strategies.exact import Tree
from declare.runtime.step.strategies.select import is_static, make_strategy
from tests.harness import fake_builder
from tests.runtime.test_loop import run, with_parts


def joined(left: str, right: str) -> str:
    """Return a sum that shows how it was made."""
    return f"({left}+{right})"


def summed(names: list[str]) -> str:
    """Return the sum of a tree."""
    tree = Tree(joined)
    for name in names:
        tree.add(name)
    return str(tree.pop_total())


def test_a_tree_adds_what_is_of_one_size() -> None:
    """Eight things are added two by two, then four by four."""
    assert summed(list("abcdefgh")) == "(((a+b)+(c+d))+((e+f)+(g+h)))"
    assert summed(list("abc")) == "((a+b)+c)"


@given(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8]))
def test_processes_may_share_a_tree(processes: int, each: int) -> None:
    """The sum of the sums of processes is the sum of all, in the same order."""
    names = [f"n{index}" for index in range(processes * each)]
    parts = [summed(names[rank * each : (rank + 1) * each]) for rank in range(processes)]
    assert summed(parts) == summed(names)


class Two(ProcessGroup):
    """A world of two processes that say nothing to each other."""

    size = 2


def test_a_dataset_that_is_too_small_to_share_is_refused() -> None:
    """A batch with one sample of a dataset cannot be dealt out to two processes."""
    phase = fake_builder.phase(rows={"left": 4, "right": 1})
    objective = fake_builder.FakeBuilder(fake_builder.make_plan(phase)).objective(phase)
    with pytest.raises(ProblemError) as caught:
        make_strategy(fake_builder.make_plan(phase), phase, objective, Two())
    assert caught.value.problem.code == "HW706"
    assert "`right` has 1 sample in a batch" in caught.value.problem.title


@pytest.mark.parametrize(
    ("changes", "static"), [({}, True), ({"accumulate": 2}, False), ({"alternate": True}, False)]
)
def test_the_plan_says_whether_steps_are_alike(changes: dict[str, object], static: bool) -> None:
    """One backward pass over the same parameters in each step, or not."""
    phase = fake_builder.phase(**changes)
    assert is_static(fake_builder.make_plan(phase), phase) is static


def test_a_batch_that_fails_half_way_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exact sums too: whichever micro-batch fails, the step after it is the same."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def failing(at: int) -> Any:
        calls = iter(range(10_000))

        def change(builder: Any) -> None:
            objective = fake_builder.Objective(builder.graph)
            forward = objective.forward

            def fail(batch: Any, totals: Any = None) -> Any:
                if next(calls) == at:
                    raise ValueError("the fifth step")
                return forward(batch, totals)

            objective.forward = fail
            builder.objective = lambda phase: objective

        return with_parts(change)

    skip = {"action": "skip", "limit": 3}
    hardware = fake_builder.make_plan().hardware.model_copy(update={"determinism": "exact"})
    plan = fake_builder.make_plan(fake_builder.phase(accumulate=4, on_batch_error=skip), hardware=hardware)
    try:
        for piece in (0, 2):
            outcome, heard = run(tmp_path, plan, failing(5 * 4 + piece), f"run{piece}")
            assert outcome.status == 0
            assert len(heard.named("batch_skipped")) == 1
    finally:
        torch.use_deterministic_algorithms(mode=False)
    left, right = (read_tensors(Run(tmp_path / f"run{piece}").weights_path("last")) for piece in (0, 2))
    assert all(torch.equal(left[name], right[name]) for name in left)
