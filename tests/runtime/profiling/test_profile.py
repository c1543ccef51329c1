"""Profiles and measurements say where a step's time goes."""

import json

import pytest
import torch

from declare.runtime.profiling.profile import profile, repair
from declare.runtime.profiling.throughput import measure
from tests.harness import fake_builder


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def test_a_profile_splits_the_step_and_writes_a_trace(tmp_path):
    """Every phase gets a split that sums up to its step, its operators, and a trace of the profiled steps."""
    plan = fake_builder.make_plan(fake_builder.phase("one"), fake_builder.phase("two"))
    first, second = profile(plan, fake_builder.FakeBuilder(plan), tmp_path, steps=4)
    assert (first.phase, second.phase, first.steps) == ("one", "two", 4)
    assert set(first.seconds) == {"data", "forward", "backward", "optimizer", "rest"}
    assert min(value for name, value in first.seconds.items() if name != "rest") > 0
    assert sum(first.seconds.values()) == pytest.approx(first.step_seconds, rel=0.2)
    assert any(operator.name == "aten::addmm" for operator in first.operators)
    assert first.trace.parent == tmp_path / "one"
    assert first.trace.name.endswith(".pt.trace.json")
    names = {event.get("name") for event in json.loads(first.trace.read_text())["traceEvents"]}
    assert {f"ProfilerStep#{number}" for number in range(3, 7)} <= names


def test_the_trace_fills_the_columns_of_the_tensorboard_plugin(tmp_path):
    """The plugin's own reader finds four steps with time in its data loader column."""
    pytest.importorskip("torch_tb_profiler")
    from torch_tb_profiler.io.cache import Cache
    from torch_tb_profiler.profiler.loader import RunLoader

    plan = fake_builder.make_plan()
    (found,) = profile(plan, fake_builder.FakeBuilder(plan), tmp_path, steps=4)
    run = RunLoader("fit", str(found.trace.parent), Cache()).load()
    (view,) = run.profiles.values()
    steps = view.overview["steps"]
    columns = [column["name"] for column in steps["columns"] if column["type"] == "number"]
    assert len(steps["rows"]) == 4
    assert all(row[1:][0] >= 0 for row in steps["rows"])
    assert "DataLoader" in columns
    average = {item["name"]: item["value"] for item in view.overview["performance"][0]["children"]}
    assert average["DataLoader"] > 0


def test_repair_leaves_the_steps_alone():
    """Only our own marks change their category."""
    trace = {
        "traceEvents": [
            {"name": "ProfilerStep#1", "cat": "user_annotation"},
            {"name": "forward", "cat": "user_annotation"},
            {"name": "aten::add", "cat": "cpu_op"},
        ]
    }
    repair(trace)
    assert [event["cat"] for event in trace["traceEvents"]] == ["user_annotation", "cpu_op", "cpu_op"]


def test_a_measurement_says_how_fast_each_phase_is():
    """Samples and steps per second agree, and the parts sum up to the step."""
    plan = fake_builder.make_plan()
    (speed,) = measure(plan, fake_builder.FakeBuilder(plan), steps=5)
    assert speed.samples_per_second == pytest.approx(10 * speed.steps_per_second)
    assert sum(speed.seconds.values()) == pytest.approx(1 / speed.steps_per_second, rel=1e-6)
    assert speed.choices["threads"].startswith("1 ")
