"""Training in half precision: what its scaler leaves out counts as not done."""

import pytest
import torch

from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.run_folder.folder import Run
from tests.harness import fake_builder
from tests.runtime.test_loop import run, with_parts

FROZEN = ("encoder.0.weight", "encoder.0.bias", "encoder.1.weight", "encoder.1.bias")
FROZEN += ("heads.digit.weight", "heads.digit.bias")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def broken(until):
    """Return a factory of builders whose first backward passes give a gradient that is not a number."""
    passes = iter(range(10_000))

    def change(builder):
        weight = builder.graph.heads["digit"].weight
        weight.register_hook(lambda grad: grad * float("nan") if next(passes) < until else grad)

    return with_parts(change)


def test_updates_that_were_left_out_are_not_counted(tmp_path):
    """Three of the steps changed nothing."""
    plan = fake_builder.make_plan(fake_builder.phase(precision="fp16"))
    outcome, heard = run(tmp_path, plan, broken(3))
    assert outcome.status == 0
    (finished,) = heard.named("phase_finished")
    assert finished.fields["updates"] == plan.phases[0].steps - 3


@pytest.mark.parametrize(("precision", "said"), [("fp16", ["fit"]), ("bf16", []), ("fp32", [])])
def test_fp16_on_a_cpu_is_said(tmp_path, precision, said):
    """A spec that leaves the device open may end on a machine without a GPU."""
    _, heard = run(tmp_path, fake_builder.make_plan(fake_builder.phase(precision=precision)))
    assert [event.fields["name"] for event in heard.named("precision_slow")] == said


def test_a_phase_in_which_no_update_went_through_has_failed(tmp_path):
    """It must not end as if it had trained."""
    outcome, _ = run(tmp_path, fake_builder.make_plan(fake_builder.phase(precision="fp16")), broken(10_000))
    assert outcome.status == 4
    assert [problem.code for problem in outcome.problems] == ["PHS623"]


def test_a_run_stops_where_no_scale_makes_gradients_finite(tmp_path):
    """Long before its end."""
    plan = fake_builder.make_plan(fake_builder.phase(precision="fp16", steps=400))
    outcome, _ = run(tmp_path, plan, broken(10_000))
    assert [problem.code for problem in outcome.problems] == ["PHS620"]
    assert "any scale" in outcome.problems[0].title
    assert Run(tmp_path / "run").checkpoints()[0].step < 60


def test_all_may_be_frozen_for_a_while(tmp_path):
    """Steps without gradients leave the scaler alone; what thaws is trained."""
    freeze = ({"match": "*", "until_step": 9, "parameters": FROZEN, "modules": ()},)
    plan = fake_builder.make_plan(fake_builder.phase(precision="fp16", freeze=freeze))
    outcome, _ = run(tmp_path, plan)
    assert outcome.status == 0
    before = dict(fake_builder.FakeBuilder(plan).graph.named_parameters())
    after = read_tensors(Run(tmp_path / "run").weights_path("last"))
    assert not torch.equal(before["heads.digit.weight"], after["heads.digit.weight"])
