"""What commands print: plans, metrics, profiles."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from declare.cli.printing import metrics, plan
from tests.lowering import plans


def shown(render: object, *values: object) -> str:
    """Return what a printer writes to a console 120 wide."""
    console = Console(file=io.StringIO(), width=120, markup=False, highlight=False)
    render(*values, console)  # type: ignore[operator]
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("make", [plans.classify, plans.two_datasets])
def test_plan_tells_everything(make: object) -> None:
    """A printed plan names datasets, splits, nodes, tasks, losses, metrics and phases with their figures."""
    made = make().plan()  # type: ignore[operator]
    text = shown(plan.render, made)
    for name, data in made.datasets.items():
        assert name in text
        assert all(f"{split} {number:,}" in text for split, number in data.splits.items())
    for node in made.nodes:
        assert node.path in text
    for name, task in made.tasks.items():
        assert f"{name}: {task.block['type']}" in text
        assert all(loss.name in text for loss in task.losses)
        assert all(metric.name in text for metric in task.metrics)
    for phase in made.phases:
        assert f"{phase.name}: {phase.steps:,} steps" in text


def test_user_text_is_no_markup() -> None:
    """Brackets in a description are printed as they are."""
    made = plans.classify().plan().model_copy(update={"description": "a [bold]strange[/bold] [/b] text"})
    assert "a [bold]strange[/bold] [/b] text" in shown(plan.render, made)


def test_metrics_stand_by_split() -> None:
    """Each metric has a row, each split a column; bounds and composites stand beside them."""
    values = {"val/a/f1": 0.5, "test/a/f1": 0.25, "val/a/loss": 1.0, "score": 0.125}
    text = shown(metrics.render, values, {"test/a/f1": ">= 0.2"})
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert lines["metric"].split()[1:3] == ["val", "test"]
    assert lines["a/f1"].split()[1:3] == ["0.5", "0.25"]
    assert "test/a/f1 >= 0.2" in lines["a/f1"]
    assert "0.125" in lines["score"]
