"""A comparison has what each of several runs has, says which is better, and has a form for every reader."""

import io
from pathlib import Path, PurePath

import pytest
from rich.console import Console

from declare.compiler import pipeline
from declare.report import collect
from declare.report.comparison import Comparison, Row, compare, short_labels
from declare.report.render import comparison_html, comparison_text
from declare.report.render.comparison_text import change_text, value_text
from declare.report.report import Curve

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    plans = [
        pipeline.check(SPECS / "digits.yaml", sets, ()).plan
        for sets in ((), ("phases.fit.epochs=4", "datasets.digits.split.seed=3"))
    ]
    assert all(plans)
    metrics = (
        {"test/digit/accuracy": 0.9, "test/digit/loss": 0.5},
        {"test/digit/accuracy": 0.8, "x/<b>": None},
    )
    reports = [
        collect.of_plan(plan).model_copy(
            update={
                "status": "finished",
                "metrics": values,
                "trivial": {"test/digit/accuracy": 0.1},
                "curves": (Curve(name="val/digit/loss", points=((1, top), (5, 1.0))),),
            }
        )
        for plan, values, top in zip(plans, metrics, (2.0, 3.0), strict=True)
    ]
    return compare([PurePath("runs/a"), PurePath("runs/<b>")], plans, reports)


def test_figures_stand_beside_each_other(comparison: Comparison) -> None:
    rows = {row.name: row for row in comparison.metrics}
    assert rows["test/digit/accuracy"].values == (0.9, 0.8)
    assert rows["test/digit/accuracy"].best == {0}
    assert rows["test/digit/accuracy"].trivial == (0.1, 0.1)
    assert rows["test/digit/loss"].values == (0.5, None)
    steps = next(row for row in comparison.costs if row.name == "fit: steps")
    assert steps.values == (160, 80)
    assert change_text(steps) == "0.5x"
    assert {item.path for item in comparison.settings} >= {"phases.fit.epochs", "datasets.digits.split.seed"}
    assert comparison.other_samples == ("datasets.digits.split.seed",)


def test_the_best_is_by_the_metric_and_only_where_values_differ() -> None:
    assert Row(name="a", values=(1.0, 2.0, 2.0), mode="max").best == {1, 2}
    assert Row(name="a", values=(1.0, 2.0, None), mode="min").best == {0}
    assert Row(name="a", values=(float("nan"), 2.0), mode="min").best == frozenset()
    assert Row(name="a", values=(2.0, 2.0), mode="min").best == frozenset()
    assert Row(name="a", values=(1.0, 2.0)).best == frozenset()


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (("runs/x/1", "runs/x/2"), ("1", "2")),
        (("runs/x/1", "runs/y/1"), ("x/1", "y/1")),
        (("a", "a"), ("a (1)", "a (2)")),
        (("1", "x/1"), ("1", "x/1")),
    ],
)
def test_labels_are_as_short_as_they_can_be(paths: tuple[str, ...], labels: tuple[str, ...]) -> None:
    assert short_labels([PurePath(path) for path in paths]) == labels


def test_the_terminal_draws_curves_over_one_range(comparison: Comparison) -> None:
    stream = io.StringIO()
    comparison_text.render(comparison, Console(file=stream, width=120), curves=True)
    shown = stream.getvalue()
    lines = [line for line in shown.splitlines() if "\u2588" in line or "\u2581" in line]
    assert "\u2588" not in lines[0], "the lower curve has a range of its own"
    assert "\u2588" in lines[1]
    assert "0.9 *" in shown
    assert "the metrics are of different samples, because of `datasets.digits.split.seed`" in shown


def test_the_page_escapes_names(comparison: Comparison) -> None:
    page = comparison_html.render(comparison)
    assert "<b>" not in page.partition("<main>")[2]
    assert "runs/" not in page
    assert page.count("<polyline") == 2
    assert "0.9 (best)" in page


def test_values_are_short() -> None:
    assert value_text({"type": "adamw", "lr": 0.1, "groups": None}) == "adamw (lr 0.1)"
    assert value_text(None) == "-"
    assert value_text([1, True, "x"]) == "[1, true, x]"
    assert len(value_text("x" * 500)) == 60


def test_the_document_has_every_value(comparison: Comparison) -> None:
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison
