"""A report says what a plan holds and what a run did, in every form."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from declare.compiler import pipeline
from declare.report import collect
from declare.report.gradients import agreement
from declare.report.incidents import rows
from declare.report.number_format import count, seconds, size
from declare.report.render import html, terminal
from declare.report.render.architecture_svg import draw
from declare.report.render.html import curve_groups
from declare.report.render.line_chart import downsample, line_chart, ticks
from declare.report.render.terminal import BLOCKS, curve_text
from declare.report.report import Curve, Report
from declare.report.restarts import describe_starts

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="module")
def plan():
    made = pipeline.check(SPECS / "pain.yaml").plan
    assert made is not None
    return made


class FakeRun:
    """A run whose record is given."""

    status = "finished"

    def __init__(self, plan, events, rows, final):
        self.plan, self._events, self._rows, self.final = plan, events, rows, final

    def events(self):
        return iter(self._events)

    def metrics(self):
        return self._rows


def run_of(plan):
    rows = [
        {"phase": "joint", "step": step, "epoch": 1.0, "metric": name, "value": value}
        for step, value in ((10, 1.5), (20, 0.5))
        for name in ("train/stimulus/loss", "val/stimulus/loss", "train/rate")
    ]
    events = [
        {"event": "phase_started", "phase": "joint", "step": 0},
        {
            "event": "choice",
            "phase": "joint",
            "step": 0,
            "name": "precision",
            "value": "bf16",
            "reason": "asked",
        },
        {"event": "batch_skipped", "phase": "joint", "step": 7, "reason": "<b>NaN</b>"},
        {"event": "expect_missed", "metric": "val/stimulus/loss", "value": 0.5, "bound": "< 0.1"},
        {
            "event": "throughput",
            "phase": "joint",
            "step": 20,
            "samples_per_second": 100.0,
            "steps_per_second": 2.0,
            "seconds": {"data": 0.1, "forward": 0.4},
        },
    ]
    return FakeRun(plan, events, rows, {"val/stimulus/loss": 0.5, "test/stimulus/f1": None})


def test_a_plans_report_counts_what_the_plan_counts(plan):
    """Parameters are summed over nodes, and class counts are the training split's."""
    report = collect.of_plan(plan)
    assert report.total_parameters == sum(node.parameters for node in plan.nodes)
    [biovid] = [data for data in report.datasets if data.name == "biovid"]
    assert sum(biovid.class_counts["stimulus"].values()) == biovid.splits["train"]
    assert all(node.backward_flops == 2 * node.forward_flops for node in report.nodes)


def test_a_runs_report_tells_its_course(plan):
    """Steps done, curves, speed and notices come from events and metrics."""
    report = collect.of_run(run_of(plan))
    assert (report.status, report.phases[0].steps_done) == ("finished", 20)
    assert dict(report.curves[0].points) == {10: 1.5, 20: 0.5}
    assert report.throughput[0].seconds == {"data": 0.1, "forward": 0.4}
    assert report.notices[0].text == "precision = bf16 (asked)"
    assert [(item.about, item.step, item.text) for item in report.incidents] == [
        ("batch", 7, "left out: <b>NaN</b>")
    ]


def test_an_evaluation_that_gave_no_numbers_is_told(plan):
    """The last value of a curve that ends undefined is none, and a notice names the loss and the steps."""
    rows = [
        {"phase": "joint", "step": str(step), "metric": "val/stimulus/loss", "value": value}
        for step, value in ((10, "1.5"), (15, "nan"), (20, "inf"))
    ]
    events = [
        {"event": "evaluated", "phase": "joint", "step": step, "metrics": {"val/stimulus/loss": value}}
        for step, value in ((10, 1.5), (15, None), (20, None))
    ]
    report = collect.of_run(FakeRun(plan, events, rows, {"val/stimulus/loss": None}))
    assert (report.curves[0].last, report.curves[0].undefined) == (None, (15, 20))
    assert "val/stimulus/loss is not finite in 2 evaluations, first at step 15" in report.notices[0].text


def test_json_is_the_whole_report(plan):
    """The JSON form reads back as the same report."""
    report = collect.of_run(run_of(plan))
    assert Report.model_validate_json(report.model_dump_json(indent=2)) == report


def test_the_page_is_self_contained_and_escaped(plan):
    """Nothing is loaded, no script runs, and text of the run is never markup."""
    page = html.render(collect.of_run(run_of(plan)))
    assert "<b>NaN</b>" not in page
    assert "&lt;b&gt;NaN&lt;/b&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


def test_the_drawing_wires_every_node(plan):
    """Every node and task has a box, and every wire an edge."""
    report = collect.of_plan(plan)
    drawing = draw(report)
    assert all(f"<title>{node.path}</title>" in drawing for node in report.nodes)
    # Two datasets to one field, the field to the encoder, the encoder to two heads, the heads to two tasks.
    assert drawing.count('class="edge"') == 7


def test_curves_of_a_figure_share_a_chart():
    """Training and validation loss of a task stand in one chart, datasets too."""
    names = ("train/a/loss", "val/a/loss", "val/a@x/loss", "val/b/f1", "train/rate")
    groups = curve_groups([Curve(name=name, points=()) for name in names])
    assert {title: len(curves) for title, curves in groups.items()} == {"a loss": 3, "b f1": 1, "rate": 1}


def test_gradients_of_tasks_have_a_section(plan):
    """Norms and cosines stand in charts of their own and in a matrix of means; without them there is no section."""
    assert "Gradients of tasks" not in html.render(collect.of_run(run_of(plan)))
    names = {"gradients/norm/a": 2.0, "gradients/norm/b": 3.0, "gradients/cosine/a:b": -0.5}
    rows = [
        {"phase": "joint", "step": step, "epoch": 1.0, "metric": name, "value": value * factor}
        for step, factor in ((10, 1.0), (20, 0.5))
        for name, value in names.items()
    ]
    report = collect.of_run(FakeRun(plan, [], rows, {}))
    assert agreement(report.curves) == (("a", "b"), ((1.0, -0.375), (-0.375, 1.0)))
    page = html.render(report)
    assert "Gradients of tasks" in page
    assert "-0.375" in page
    assert "norm a" not in page


def test_charts_of_nothing_are_empty_and_flat_lines_are_drawn():
    """A chart needs points; equal values still have a range."""
    assert not line_chart([])
    assert "polyline" in line_chart([Curve(name="flat", points=((0, 1.0), (5, 1.0)))])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.3, 8.1), (1e-6, 2e-6), (5, 5)])
def test_ticks_are_round_and_inside(low, high):
    """Ticks lie in the range, three to seven of them unless the range is a point."""
    found = ticks(low, high)
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    assert 1 <= len(found) <= 7


def test_thinning_keeps_extremes():
    """The highest and lowest points survive."""
    points = [(step, float(step % 97)) for step in range(5000)]
    kept = downsample(points)
    assert len(kept) <= 410
    assert {min(y for _, y in kept), max(y for _, y in kept)} == {0.0, 96.0}


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (count(999), "999"),
        (count(12_345), "12.3 k"),
        (count(None), "-"),
        (size(2_600_000), "2.6 MB"),
        (seconds(2e-5), "20 us"),
    ],
)
def test_units_are_readable(found, text):
    """Numbers are short and carry their unit."""
    assert found == text


def events_of_a_run_that_lost_a_process() -> list[dict[str, Any]]:
    begin = {"event": "run_started", "processes": 2, "device": "cpu"}
    return [
        begin | {"resumed": False},
        {"event": "phase_started", "phase": "joint", "step": 0, "total": 0},
        {"event": "phase_started", "phase": "fine", "step": 0, "total": 100},
        {"event": "process_lost", "phase": "fine", "step": 14, "total": 114, "message": "closed"},
        {"event": "process_died", "rank": 1, "at": 114, "cause": "killed by SIGKILL"},
        begin | {"resumed": True},
        {
            "event": "run_stopped",
            "phase": "fine",
            "step": 20,
            "total": 120,
            "reason": "its launcher has gone",
        },
        begin | {"resumed": True, "processes": 1},
        {"event": "run_stopped", "phase": "fine", "step": 30, "total": 130, "reason": "SIGTERM"},
    ]


def test_a_death_is_one_row_that_says_where(plan):
    """What the others of a group noticed is left out where the dead one is named, with its phase and step."""
    report = collect.of_run(FakeRun(plan, events_of_a_run_that_lost_a_process(), [], {}))
    assert list(rows(report.incidents)) == [
        ("fine step 14", "process", "process 1 died at step 114: killed by SIGKILL"),
        ("fine step 20", "run", "stopped: its launcher has gone"),
        ("fine step 30", "run", "stopped: on request, by SIGTERM"),
    ]


def test_a_death_that_nobody_names_is_told_by_the_others(plan):
    """Where no launcher of ours watches, the group's own word stays."""
    lost = {"event": "process_lost", "phase": "joint", "step": 3, "total": 3, "message": "closed"}
    report = collect.of_run(FakeRun(plan, [lost], [], {}))
    assert list(rows(report.incidents)) == [("joint step 3", "process", "another process has gone")]


def test_a_report_counts_processes_and_starts(plan):
    """With how many processes a run trained and how often it was started stands at the head, on the page too."""
    report = collect.of_run(FakeRun(plan, events_of_a_run_that_lost_a_process(), [], {}))
    text = (
        "trained by 2 processes on cpu, then 1 process on cpu; started 3 times, 2 of them from a checkpoint"
    )
    assert describe_starts(report.starts) == text
    assert text in html.render(report)
    assert text in " ".join(shown(report).split())


REFUSED = {"event": "run_failed", "code": "RES806", "message": "its plan has changed"}
BEGUN = {"event": "run_started", "processes": 1, "device": "cpu", "resumed": True}
TRAINED = {"event": "phase_resumed", "phase": "joint", "step": 1, "total": 1}


@pytest.mark.parametrize(
    ("after", "status"),
    [
        ([BEGUN, REFUSED], "finished"),
        ([BEGUN, REFUSED, BEGUN, REFUSED], "finished"),
        ([BEGUN, TRAINED, {"event": "run_failed", "code": "DAT340", "message": "a batch"}], "failed"),
        ([BEGUN, {"event": "run_failed", "code": "", "message": "a bug"}], "failed"),
    ],
)
def test_a_start_that_was_refused_changes_no_outcome(plan, after, status):
    """A finished run stays finished when a later start was refused; a failure of its own counts."""
    run = FakeRun(plan, [BEGUN, {"event": "run_finished", "status": 0}, *after], [], {})
    run.status = "failed"
    assert collect.of_run(run).status == status


def test_curves_share_their_axis():
    """Curves of different lengths have one width, and each step the same place; outside a curve is nothing."""
    long = tuple((step, float(step)) for step in range(1, 1221, 10))
    short = tuple((step, float(step)) for step in range(601, 1201, 10))
    drawn = [curve_text(points, 1220, 40) for points in (long, short, ((610, 1.0), (1220, 2.0)))]
    assert {len(line) for line in drawn} == {40}
    assert drawn[0][0] == BLOCKS[0]
    assert drawn[0][-1] == BLOCKS[7]
    assert drawn[1].index(BLOCKS[0]) == 601 * 40 // 1220
    assert drawn[1][:19].strip() == ""
    assert drawn[2].strip() == BLOCKS[0] * 19 + BLOCKS[7]


def test_wholly_empty_columns_are_left_out(plan):
    """Without bounds and known truths, final metrics have neither column; with one, it is there."""
    plain = collect.of_run(FakeRun(plan, [], [], {"val/x": 0.5}))
    bare = plain.model_copy(update={"expect": {}})
    assert "expected" not in shown(bare)
    assert "best possible" not in html.render(bare)
    bounded = plain.model_copy(update={"expect": {"val/x": "> 0.4"}})
    assert "expected" in shown(bounded)
    assert "&gt; 0.4" in html.render(bounded)


def test_figures_of_tasks_that_were_left_are_marked(plan):
    """A task that the last phase does not train stands with the phase that trained it last."""
    first, task = plan.phases[-1], next(iter(plan.tasks))
    later = first.model_copy(update={"name": "later", "tasks": dict.fromkeys(first.tasks, 0.0)})
    left = plan.model_copy(update={"phases": (*plan.phases, later)})
    assert left.trained_earlier[task] == first.name
    assert plan.trained_earlier == {}
    metrics = {f"val/{task}/loss": 0.5, f"test/{task}@x/loss": 0.25}
    report = collect.of_run(FakeRun(left, [], [], metrics))
    assert "trained last in" not in shown(collect.of_run(FakeRun(plan, [], [], metrics)))
    rows = [line for line in shown(report).splitlines() if line.strip().startswith(("val/", "test/"))]
    assert [first.name in row.split() for row in rows] == [True, True]
    assert f"<td>{first.name}</td>" in html.render(report).partition("Final metrics")[2]


def shown(report: Report) -> str:
    """Return what the terminal shows."""
    file = io.StringIO()
    terminal.render(report, Console(file=file, width=200))
    return file.getvalue()
