"""The step can be read: one function from zeroed gradients to the moving average, a few frames above the model."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from declare.runtime.step.step import Step
from tests.harness import fake_builder
from tests.runtime.test_loop import run, with_parts

LOOP = "declare/runtime/loop.py"


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, 4),
        ({"accumulate": 2, "ema": {"decay": 0.9}, "clip": {"norm": 1.0, "value": None}}, 5),
        ({"on_batch_error": {"action": "skip", "limit": 1}}, 5),
    ],
)
def test_few_frames_lie_between_the_loop_and_the_model(
    tmp_path: Path, changes: dict[str, Any], limit: int
) -> None:
    """Step, passes, forward, model: four; what a phase asks for beyond that adds one each."""
    stacks: list[list[str]] = []

    def change(parts: Any) -> None:
        objective = fake_builder.Objective(parts.graph)
        forward = objective.forward

        def watched(batch: Any, totals: Any = None) -> Any:
            stacks.append([f"{frame.filename}:{frame.function}" for frame in inspect.stack(0)])
            return forward(batch, totals)

        objective.forward = watched  # type: ignore[method-assign]
        parts.objective = lambda phase: objective

    run(tmp_path, fake_builder.make_plan(fake_builder.phase(steps=1, **changes)), with_parts(change))
    stack = stacks[-1]
    above = stack[: next(index for index, frame in enumerate(stack) if LOOP in frame)]
    ours = [frame for frame in above if "/torch/" not in frame]
    assert len(ours) <= limit, "\n".join(ours)


def test_a_step_is_one_function_of_about_forty_lines() -> None:
    """It fits on a page, docstring and all."""
    assert len(inspect.getsource(Step.__call__).splitlines()) <= 45
