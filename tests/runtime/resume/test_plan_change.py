"""Continuing a run with another plan: what is harmless, what the user may want, what cannot work."""

import json

import pytest
import torch

from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.saver import read_state
from declare.runtime.checkpoint.state_tree import missing_parts
from declare.runtime.resume.plan_diff import Change, Standing, plan_changes, refusal_problem
from declare.runtime.run_folder.folder import Run
from tests.harness import fake_builder
from tests.harness.fake_builder import train
from tests.runtime.resume.test_resume import KilledError, dying_builder


def hardware(plan, **changes):
    """Return the hardware of a plan with changes."""
    return plan.hardware.model_copy(update=changes)


def broken_off(place, plan, step=13, phase="fit"):
    """Leave a run that was killed at a step."""
    torch.set_num_threads(1)
    with pytest.raises(KilledError):
        train(plan, "x", place, make_builder=dying_builder(step, phase))


def go_on(plan, place, resume=True):
    """Continue a run."""
    return train(plan, "x", place, resume=resume, make_builder=fake_builder.make)


def said(place):
    """Return (path, verdict) of what a run said of its plan."""
    return [(event["path"], event["verdict"]) for event in Run(place).events("plan_changed")]


def test_harmless_changes_go_on_and_are_said_with_the_reason(tmp_path):
    """A run goes on where no weight depends on a change; the event says why, and the result is bit-equal."""
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    other = fake_builder.make_plan(
        fake_builder.phase(checkpoint_every=4), description="better", hardware=hardware(plan, workers=3)
    )
    broken_off(tmp_path / "run", plan)
    train(plan, "x", tmp_path / "clean", make_builder=fake_builder.make)
    assert go_on(other, tmp_path / "run").metrics == Run(tmp_path / "clean").final
    events = {event["path"]: event for event in Run(tmp_path / "run").events("plan_changed")}
    assert events.keys() == {"description", "hardware.workers", "phases.fit.checkpoint_every"}
    assert all(event["verdict"] == "harmless" for event in events.values())
    assert "same order with any number" in events["hardware.workers"]["why"]
    assert not (tmp_path / "run" / "plan-1.json").exists()
    assert Run(tmp_path / "run").plan == other


@pytest.mark.parametrize(
    ("old", "new", "words"), [("0.1", "0.2", "continue it with declare 0.1"), (None, None, "undo")]
)
def test_a_plan_of_another_version_names_the_version(old, new, words):
    """Where another version of the program made the run's plan, the remedy is that version, not an undone change."""
    versions = (old, new) if old else None
    found = refusal_problem([Change("phases.fit.ema.warmup", None, True)], versions)
    assert found.helps[0].startswith(words)
    assert any("declare 0.1 made the run's plan" in text for text in found.notes) is bool(old)
    lacking = missing_parts(["norms"], old)
    assert any("continue it with declare 0.1" in text for text in lacking.helps) is bool(old)
    assert "init" in lacking.helps[-1]


def test_a_change_that_makes_another_run_needs_the_users_word(tmp_path):
    """Without `resume="changed"` a new rate is refused; with it the run goes on, says so and keeps the old plan."""
    place = tmp_path / "run"
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    other = fake_builder.make_plan(
        fake_builder.phase(
            checkpoint_every=5, steps=30, optimizer={"type": "adamw", "lr": 0.02, "weight_decay": 0.3}
        )
    )
    broken_off(place, plan)
    with pytest.raises(ProblemError) as caught:
        go_on(other, place)
    assert caught.value.problem.code == "RES806"
    assert any("--allow-changes" in text for text in caught.value.problem.helps)
    assert Run(place).plan == plan
    assert go_on(other, place, resume="changed").status == 0
    assert {path for path, verdict in said(place) if verdict == "allowed"} == {
        "phases.fit.optimizer.lr",
        "phases.fit.optimizer.weight_decay",
        "phases.fit.steps",
    }
    assert json.loads((place / "plan-1.json").read_text()) == plan.model_dump(mode="json")
    assert Run(place).plan == other
    assert Run(place).checkpoints()[0].step == 30
    assert [event["step"] for event in Run(place).events("phase_resumed")] == [10]


def test_a_kill_after_the_new_plan_was_taken_loses_nothing(tmp_path):
    """A run that dies between taking a new plan and its next save still trains the steps that were added."""
    place = tmp_path / "run"
    train(fake_builder.make_plan(fake_builder.phase(steps=8)), "old", place, make_builder=fake_builder.make)
    longer = fake_builder.make_plan(fake_builder.phase(steps=12, optimizer={"type": "adamw", "lr": 0.5}))
    with pytest.raises(KilledError):
        train(longer, "new", place, resume="changed", make_builder=dying_builder(9, "fit"))
    assert Run(place).plan == longer
    assert (Run(place).spec_text, (place / "spec-1.yaml").read_text()) == ("new", "old")
    assert train(longer, "new", place, resume=True, make_builder=fake_builder.make).status == 0
    assert Run(place).checkpoints()[0].step == 12
    assert not (place / "plan-2.json").exists()


def test_settings_of_the_optimizer_come_from_the_new_plan(tmp_path):
    """After an allowed change the optimizer keeps its moments and takes the settings of the plan."""
    place = tmp_path / "run"
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    broken_off(place, plan)
    moments = read_state(Run(place).checkpoints()[0])["optimizer"]["state"]

    def decayed(plan, folder, device, tell, world):
        builder = fake_builder.FakeBuilder(plan)
        builder.optimizer = lambda which: torch.optim.AdamW(
            builder.graph.parameters(), lr=which.optimizer["lr"], weight_decay=0.7
        )
        return builder

    longer = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5, steps=26))
    outcome = train(longer, "x", place, resume="changed", make_builder=decayed)
    assert outcome.status == 0
    state = read_state(Run(place).checkpoints()[0])["optimizer"]
    assert {group["weight_decay"] for group in state["param_groups"]} == {0.7}
    assert float(state["state"][0]["step"]) == 26
    assert float(moments[0]["step"]) == 10


def test_a_finished_run_can_be_made_longer(tmp_path):
    """With `resume="changed"` a finished run goes on in a longer phase and in phases that were added."""
    place = tmp_path / "run"
    first = fake_builder.make_plan(fake_builder.phase("one", steps=8))
    train(first, "x", place, make_builder=fake_builder.make)
    longer = fake_builder.make_plan(fake_builder.phase("one", steps=12), fake_builder.phase("two", steps=6))
    assert go_on(longer, place, resume="changed").status == 0
    assert Run(place).checkpoints()[0].step == 18
    assert (place / "metrics-1.json").exists()
    assert [event["step"] for event in Run(place).events("phase_resumed")] == [8]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"phases": (fake_builder.phase("other"),)}, "phases.order"),
        ({"phases": (fake_builder.phase("zero"), fake_builder.phase())}, "phases.order"),
        (
            {"phases": (fake_builder.phase(optimizer={"type": "sgd", "lr": 0.01}),)},
            "phases.fit.optimizer.type",
        ),
        ({"phases": (fake_builder.phase(steps=9),)}, "phases.fit.steps"),
        ({"phases": (fake_builder.phase(ema={"decay": 0.9}),)}, "phases.fit.ema"),
        ({"phases": (fake_builder.phase(precision="fp16"),)}, "phases.fit.precision"),
        ({"seed": 4}, "seed"),
    ],
)
def test_what_cannot_work_is_refused_all_the_same(tmp_path, changes, path):
    """What the saved state was made for is refused with its reason, whatever the user allows; nothing is touched."""
    place = tmp_path / "run"
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    broken_off(place, plan)
    other = fake_builder.make_plan(
        *changes.get("phases", (fake_builder.phase(checkpoint_every=5),)), seed=changes.get("seed", 3)
    )
    with pytest.raises(ProblemError) as caught:
        go_on(other, place, resume="changed")
    assert caught.value.problem.code == "RES806"
    assert any(note.startswith(f"`{path}`") for note in caught.value.problem.notes)
    assert not any("--allow-changes" in text for text in caught.value.problem.helps)
    assert Run(place).plan == plan


def test_another_model_is_refused_by_the_name_of_the_weights(tmp_path, monkeypatch):
    """A model of another shape is refused before the new plan takes the place of the old one."""
    place = tmp_path / "run"
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    broken_off(place, plan)
    monkeypatch.setattr(fake_builder, "WIDTH", 5)
    with pytest.raises(ProblemError) as caught:
        go_on(
            fake_builder.make_plan(fake_builder.phase(checkpoint_every=5, steps=30)), place, resume="changed"
        )
    assert caught.value.problem.code == "RES806"
    assert "`encoder.0.weight` was [16, 4], is now [16, 5]" in caught.value.problem.notes
    assert Run(place).plan == plan
    assert [event["code"] for event in Run(place).events("run_refused")] == ["RES806"]
    assert [*Run(place).events()][-1]["event"] == "run_refused"


def test_a_phase_that_is_over_keeps_its_record(tmp_path):
    """What its weights were trained with cannot be rewritten afterwards; what changes no weight can."""
    place = tmp_path / "run"
    first = {"optimizer": {"type": "adamw", "lr": 0.01}}
    plan = fake_builder.make_plan(fake_builder.phase("one", **first), fake_builder.phase("two"))
    train(plan, "x", place, make_builder=fake_builder.make)
    for changes in ({"clip": {"norm": 1.0}}, {"optimizer": {"type": "adamw", "lr": 0.02}}):
        other = fake_builder.make_plan(
            fake_builder.phase("one", **first | changes), fake_builder.phase("two")
        )
        with pytest.raises(ProblemError, match="one"):
            go_on(other, place, resume="changed")
        other = fake_builder.make_plan(plan.phases[0], fake_builder.phase("two", **changes))
        with pytest.raises(ProblemError, match="two"):
            go_on(other, place, resume="changed")
        assert (
            go_on(
                fake_builder.make_plan(plan.phases[0], fake_builder.phase("two", keep_checkpoints=1)), place
            ).status
            == 0
        )
    longer = fake_builder.make_plan(plan.phases[0], fake_builder.phase("two", steps=30, **changes))
    assert go_on(longer, place, resume="changed").status == 0
    assert Run(place).plan == longer


def test_another_arithmetic_is_said_and_refused_where_bits_matter(tmp_path):
    """A compiled model goes on with a word of warning, but not where the spec asks for exact repetition."""
    plan = fake_builder.make_plan()
    fast = fake_builder.make_plan(hardware=hardware(plan, compile=True, accelerator="auto"))
    assert {change.verdict for change in plan_changes(plan, fast)} == {"rounding"}
    broken_off(tmp_path / "fast", plan)
    assert go_on(fast, tmp_path / "fast").status == 0
    assert [name["name"] for name in Run(tmp_path / "fast").events("machine_changed")] == ["compile"]
    exact = fake_builder.make_plan(hardware=hardware(plan, determinism="exact"))
    broken_off(tmp_path / "exact", exact)
    other = fake_builder.make_plan(hardware=hardware(plan, determinism="exact", compile=True))
    with pytest.raises(ProblemError, match=r"hardware\.compile"):
        go_on(other, tmp_path / "exact")


@pytest.mark.parametrize("name", ["torch", "python", "declare", "machine", "system", "device"])
def test_another_machine_or_version_is_said_by_name(tmp_path, name, monkeypatch):
    """A run that goes on under another version or on another machine says which, with both values."""
    from declare.runtime import run as module

    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
    broken_off(tmp_path / "run", plan)
    whole = module.machine_changes
    monkeypatch.setattr(module, "machine_changes", lambda tree, about: whole(tree, about | {name: "another"}))
    assert go_on(plan, tmp_path / "run").status == 0
    (event,) = Run(tmp_path / "run").events("machine_changed")
    assert (event["name"], event["new"]) == (name, "another")
    assert event["old"] not in {"", "another"}


def test_threads_are_those_that_the_run_began_with(tmp_path, monkeypatch):
    """A run that began with two threads goes on with two, whatever the environment says now: the bits are equal."""
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        torch.set_num_threads(2)
        plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=5))
        with pytest.raises(KilledError):
            train(plan, "x", tmp_path / "run", make_builder=dying_builder(13, "fit"))
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        go_on(plan, tmp_path / "run")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert Run(tmp_path / "run").checkpoints()[0].manifest["threads"] == 2


def test_what_happened_before_may_differ_from_what_comes(tmp_path):
    """Phases that have not begun may be other ones; a finished one may not lose its place."""
    plan = fake_builder.make_plan(fake_builder.phase("one"), fake_builder.phase("two"))
    other = fake_builder.make_plan(
        fake_builder.phase("one"), fake_builder.phase("three", optimizer={"type": "sgd", "lr": 1.0})
    )
    verdicts = {change.path: change.verdict for change in plan_changes(plan, other, Standing(0, "one", 5))}
    assert set(verdicts.values()) == {"allowed"}
    verdicts = {change.path: change.verdict for change in plan_changes(plan, other, Standing(1, "two", 5))}
    assert verdicts["phases.order"] == "impossible"


@pytest.mark.parametrize(("determinism", "verdict"), [("fast", "rounding"), ("exact", "harmless")])
def test_another_number_of_processes_rounds_otherwise_unless_sums_are_exact(determinism, verdict):
    """`determinism: exact` adds up in one order, whoever made the summands."""
    plan = fake_builder.make_plan()
    before, now = (
        plan.model_copy(
            update={
                "hardware": plan.hardware.model_copy(update={"determinism": determinism, "devices": number})
            }
        )
        for number in (2, 4)
    )
    assert [(change.path, change.verdict) for change in plan_changes(before, now)] == [
        ("hardware.devices", verdict)
    ]
