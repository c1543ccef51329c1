"""A run that ends no better than its trivial baseline says so."""

import math

import pytest

from declare.ir.plan import MetricPlan
from declare.runtime.run_folder.trivial_baseline import (
    baseline_findings,
    metrics_below_baseline,
    split_baseline,
    with_prefix,
)
from tests.harness.fake_builder import make_plan, phase

BEST = {"metric": "val/digit/accuracy", "mode": "max"}


def made(**changes):
    """Return a plan of one phase, whose task is judged by its accuracy."""
    plan = make_plan(phase("fit", **changes))
    accuracy = MetricPlan(name="accuracy", block={"type": "accuracy"}, mode="max")
    task = plan.tasks["digit"].model_copy(update={"metrics": (accuracy,)})
    return plan.model_copy(update={"tasks": {"digit": task}})


@pytest.mark.parametrize(
    ("value", "number"), [(0.6, 0), (0.5, 1), (0.4, 1), (math.nan, 1), (math.inf, 0), (-math.inf, 1)]
)
def test_the_metric_that_picks_the_weights_is_compared(value, number):
    """As good as trivial is no better, and neither is a figure of predictions that are no numbers."""
    metrics = {"val/digit/accuracy": value} | with_prefix({"val/digit/accuracy": 0.5})
    assert len(metrics_below_baseline(made(best=BEST), metrics)) == number


def test_where_the_trivial_prediction_has_no_figure_nothing_is_compared():
    """A metric that the samples do not define is not judged."""
    assert metrics_below_baseline(made(best=BEST), {"val/digit/accuracy": math.nan}) == []


def test_its_direction_counts():
    """Of a loss less is better."""
    rule = {"metric": "val/digit/loss", "mode": "min"}
    metrics = {"val/digit/loss": 2.0} | with_prefix({"val/digit/loss": 2.3})
    assert metrics_below_baseline(made(best=rule), metrics) == []
    assert metrics_below_baseline(made(best={**rule, "mode": "max"}), metrics)


def test_without_best_the_first_metric_of_each_task_is_compared():
    """Where the last phase picks by no metric, every task that it trains is judged by its first one."""
    name = "val/digit/accuracy"
    (problem,) = baseline_findings(made(), {name: 0.1} | with_prefix({name: 0.1}))
    assert (problem.code, problem.at) == ("PHS627", "tasks.digit")


def test_names_part_again():
    """Final metrics part into the model's and the trivial baseline's, by the same names."""
    model, trivial = {"val/t/f1": 0.5, "score": 1.0}, {"val/t/f1": 0.2, "score": 0.1}
    assert split_baseline(model | with_prefix(trivial)) == (model, trivial)
