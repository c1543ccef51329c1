"""The loop does what the plan says, step by step."""

import json
import math

import pytest
import torch

from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import InitPlan
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run_folder.folder import Run
from declare.runtime.step.loss_buffer import log_interval
from declare.runtime.step.strategies.strategy import Strategy
from tests.harness import fake_builder
from tests.harness.fake_builder import train

LOSS = {"metric": "val/digit/loss", "mode": "min"}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


class Heard(Listener):
    """Keeps every event."""

    def __init__(self):
        self.events = []

    def on_event(self, event):
        self.events.append(event)

    def named(self, name):
        return [event for event in self.events if event.name == name]


def run(tmp_path, plan, make=fake_builder.make, name="run"):
    """Train a plan; return (outcome, events)."""
    heard = Heard()
    return train(plan, "declare: 1\n", tmp_path / name, listeners=[heard], make_builder=make), heard


def with_parts(change):
    """Return a factory of builders that `change` has changed."""

    def make(plan, place, device, tell, world):
        builder = fake_builder.FakeBuilder(plan)
        return change(builder) or builder

    return make


def spoiling(act):
    """Return a factory of builders in which `act(step, batch)` may change every batch."""
    return lambda plan, place, device, tell, world: fake_builder.FakeBuilder(plan, act)


def poison(step_to_spoil):
    """Return a change of batches that makes the inputs of some steps not a number."""

    def act(step, batch):
        if step in step_to_spoil:
            batch["left"]["x"] = batch["left"]["x"] * math.nan
        return batch

    return act


def weights(tmp_path, which="last", name="run"):
    return read_tensors(Run(tmp_path / name).weights_path(which))


def test_the_same_plan_gives_the_same_bits(tmp_path):
    """Two runs of one plan end with equal weights."""
    run(tmp_path, fake_builder.hard_plan(), name="a")
    torch.rand(17)
    run(tmp_path, fake_builder.hard_plan(), name="b")
    left, right = weights(tmp_path, name="a"), weights(tmp_path, name="b")
    assert all(torch.equal(left[key], right[key]) for key in left)


class Enough(Heard):
    """Has the phase stopped at step 3, where nothing else is due."""

    def next_step(self, step):
        return 3 if step < 3 else None

    def on_event(self, event):
        super().on_event(event)
        return Request.STOP_PHASE if event.name == "boundary" and event.step == 3 else None


def test_a_listener_may_stop_a_phase_at_any_boundary(tmp_path):
    """A phase that a listener asks to stop ends there, its state saved."""
    heard = Enough()
    plan = fake_builder.make_plan(fake_builder.phase(evaluate_every=100))
    outcome = train(plan, "declare: 1\n", tmp_path / "run", listeners=[heard], make_builder=fake_builder.make)
    assert outcome.status == 0
    assert [event.step for event in heard.named("phase_finished")] == [3]
    assert heard.named("checkpoint_saved")[-1].step == 3


def test_the_last_weights_are_final_where_no_best_is_named(tmp_path):
    """Without `best`, the final metrics are those of the last step."""
    outcome, heard = run(tmp_path, fake_builder.make_plan())
    assert outcome.metrics == heard.named("evaluated")[-1]["metrics"]
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == outcome.metrics


def test_the_best_weights_are_final_where_best_is_named(tmp_path):
    """With `best`, the final metrics are those of the best evaluation, although training went on."""

    def worse_later(builder):
        evaluate = builder.evaluate
        builder.evaluate = lambda split, tasks: {
            name: -value for name, value in evaluate(split, tasks).items()
        }

    plan = fake_builder.make_plan(fake_builder.phase(best={**LOSS, "mode": "min"}, evaluate_every=4))
    outcome, heard = run(tmp_path, plan, with_parts(worse_later))
    values = [event["metrics"]["val/digit/loss"] for event in heard.named("evaluated")]
    assert min(values) != values[-1]
    assert outcome.metrics["val/digit/loss"] == min(values)
    assert Run(tmp_path / "run").weights_path("best") != Run(tmp_path / "run").weights_path("last")


def test_the_next_phase_starts_from_the_best_weights(tmp_path):
    """A phase begins with the weights that the `best` of the phase before names."""
    started = []

    def spy(builder):
        initialize = builder.initialize

        def remember(which, resolve):
            started.append({key: value.clone() for key, value in builder.graph.state_dict().items()})
            return initialize(which, resolve)

        builder.initialize = remember
        evaluate = builder.evaluate
        builder.evaluate = lambda split, tasks: {key: -value for key, value in evaluate(split, tasks).items()}

    plan = fake_builder.make_plan(
        fake_builder.phase("one", best=LOSS, evaluate_every=4), fake_builder.phase("two")
    )
    run(tmp_path, plan, with_parts(spy))
    best = weights(tmp_path, "one")
    assert all(torch.equal(best[key], started[1][key]) for key in best)


def test_init_gives_the_weights_of_an_earlier_phase(tmp_path):
    """`init: phase:NAME` resolves to that phase's weights in this very run."""
    paths = []

    def spy(builder):
        builder.initialize = lambda which, resolve: (
            [paths.append(resolve(entry)) for entry in which.init] and []
        )

    entry = InitPlan(source="phase", reference="one", modules=("*",), strict=True, rename={})
    plan = fake_builder.make_plan(
        fake_builder.phase("one"), fake_builder.phase("two"), fake_builder.phase("three", init=(entry,))
    )
    run(tmp_path, plan, with_parts(spy))
    assert [path.parent.name for path in paths] == ["step-24"]


def test_early_stopping_ends_the_phase(tmp_path):
    """A metric that does not improve for `patience_steps` ends the phase, and the next one runs."""

    def flat(builder):
        builder.evaluate = lambda split, tasks: {"val/digit/loss": 1.0} if split == "val" else {}

    stop = {**LOSS, "patience_steps": 8, "min_delta": 0.0}
    plan = fake_builder.make_plan(
        fake_builder.phase("one", early_stop=stop, evaluate_every=4), fake_builder.phase("two")
    )
    _, heard = run(tmp_path, plan, with_parts(flat))
    (stopped,) = heard.named("early_stopped")
    assert (stopped.phase, stopped.step) == ("one", 12)
    assert [event.total for event in heard.named("phase_finished")] == [12, 36]


def test_accumulation_changes_only_the_memory(tmp_path):
    """Without dropout and batch norm, a batch in three uneven pieces gives the gradient of the whole."""

    def calm(builder):
        builder.graph.encoder[1] = torch.nn.Identity()
        builder.graph.encoder[3] = torch.nn.Identity()

    for pieces in (1, 3):
        run(
            tmp_path,
            fake_builder.make_plan(fake_builder.phase(accumulate=pieces)),
            with_parts(calm),
            name=f"by-{pieces}",
        )
    whole, cut = weights(tmp_path, name="by-1"), weights(tmp_path, name="by-3")
    for key in whole:
        torch.testing.assert_close(whole[key], cut[key], rtol=1e-4, atol=1e-6)


def test_clipping_bounds_the_first_update(tmp_path):
    """With SGD, an update is no longer than rate times the clipping norm."""
    moves = []

    def spy(builder):
        builder.optimizer = lambda which: torch.optim.SGD(builder.graph.parameters(), lr=1.0)
        builder.graph.encoder[1] = torch.nn.Identity()
        moves.append({key: value.clone() for key, value in builder.graph.named_parameters()})

    plan = fake_builder.make_plan(fake_builder.phase(steps=1, clip={"norm": 0.01, "value": None}))
    run(tmp_path, plan, with_parts(spy))
    after = weights(tmp_path)
    moved = math.sqrt(
        sum((after[key] - value.detach()).pow(2).sum().item() for key, value in moves[0].items())
    )
    assert moved == pytest.approx(0.01, rel=1e-3)


def test_frozen_parameters_stand_still_until_they_thaw(tmp_path, monkeypatch):
    """Frozen weights and the statistics of a frozen norm do not move before `until`, and do after it; DDP is told."""
    seen, rewrapped = {}, []
    monkeypatch.setattr(Strategy, "rewrap", lambda _: rewrapped.append(len(seen)))

    def watch(step, batch):
        graph = made[0].graph
        seen[step] = (graph.encoder[0].weight.detach().clone(), graph.encoder[1].running_mean.clone())
        return batch

    made = []

    def make(plan, place, device, tell, world):
        made.append(fake_builder.FakeBuilder(plan, watch))
        return made[0]

    rule = {
        "match": "encoder.*",
        "until_step": 10,
        "parameters": ("encoder.0.weight",),
        "modules": ("encoder",),
    }
    _, heard = run(tmp_path, fake_builder.make_plan(fake_builder.phase(freeze=(rule,))), make)
    for index in (0, 1):
        assert torch.equal(seen[0][index], seen[10][index])
        assert not torch.equal(seen[10][index], seen[11][index])
    assert [event.step for event in heard.named("frozen")] == rewrapped == [10]


def test_a_loss_that_is_not_finite_fails_the_run_and_names_the_step(tmp_path):
    """A non-finite loss ends the run with PHS620 at its step, and no checkpoint holds it."""
    outcome, heard = run(
        tmp_path, fake_builder.make_plan(fake_builder.phase(steps=200)), spoiling(poison({101}))
    )
    assert outcome.status == 4
    assert outcome.problems[0].code == "PHS620"
    assert "step 102" in outcome.problems[0].title
    assert "`digit`" in outcome.problems[0].title
    assert Run(tmp_path / "run").status == "failed"
    assert all(bool(value.isfinite().all()) for value in weights(tmp_path).values())
    assert heard.named("run_failed")[0]["code"] == "PHS620"


def test_a_bad_batch_can_be_skipped_before_it_does_harm(tmp_path):
    """Skipped batches leave weights and running statistics as they were, and are listed."""
    plan = fake_builder.make_plan(fake_builder.phase(on_batch_error={"action": "skip", "limit": 3}))
    outcome, heard = run(tmp_path, plan, spoiling(poison({3, 7})))
    assert outcome.status == 0
    assert [event.step for event in heard.named("batch_skipped")] == [3, 7]
    assert heard.named("phase_finished")[0]["updates"] == 22
    assert all(bool(value.isfinite().all()) for value in weights(tmp_path).values())


def test_a_batch_that_raises_can_be_skipped(tmp_path):
    """A label out of range raises in the loss; the batch is left out like a non-finite one."""

    def act(step, batch):
        if step == 5:
            batch["left"]["label"][0] = 17
        return batch

    plan = fake_builder.make_plan(fake_builder.phase(on_batch_error={"action": "skip", "limit": 3}))
    outcome, heard = run(tmp_path, plan, spoiling(act), name="skip")
    assert outcome.status == 0
    assert len(heard.named("batch_skipped")) == 1
    outcome, _ = run(tmp_path, fake_builder.make_plan(), spoiling(act), name="error")
    assert (outcome.status, outcome.problems[0].code) == (4, "PHS621")


def test_a_lack_of_memory_is_no_bad_batch(tmp_path):
    """The next batch would need as much: skipping it does not help."""

    def starved(builder):
        def fail(module, arguments, output):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

        builder.graph.register_forward_hook(fail)

    plan = fake_builder.make_plan(fake_builder.phase(on_batch_error={"action": "skip", "limit": 3}))
    outcome, heard = run(tmp_path, plan, with_parts(starved))
    assert [problem.code for problem in outcome.problems] == ["RES810"]
    assert not heard.named("batch_skipped")


def test_too_many_skipped_batches_fail_the_run(tmp_path):
    """One skipped batch more than the limit ends the run."""
    plan = fake_builder.make_plan(fake_builder.phase(on_batch_error={"action": "skip", "limit": 2}))
    outcome, _ = run(tmp_path, plan, spoiling(poison({3, 4, 5})))
    assert (outcome.status, outcome.problems[0].code) == (4, "PHS622")


def test_a_run_that_trains_nothing_is_an_error(tmp_path):
    """A phase whose batches were all skipped, or whose parameters are all frozen, fails."""
    plan = fake_builder.make_plan(fake_builder.phase(steps=3, on_batch_error={"action": "skip", "limit": 3}))
    outcome, _ = run(tmp_path, plan, spoiling(poison({0, 1, 2})), name="skipped")
    assert (outcome.status, outcome.problems[0].code) == (4, "PHS623")
    names = tuple(name for name, _ in fake_builder.Graph().named_parameters())
    rule = {"match": "*", "until_step": None, "parameters": names, "modules": ()}
    outcome, _ = run(tmp_path, fake_builder.make_plan(fake_builder.phase(freeze=(rule,))), name="frozen")
    assert (outcome.status, outcome.problems[0].code) == (4, "PHS623")


def test_what_was_never_measured_does_not_stop_a_phase(tmp_path):
    """Patience begins with the first finite value of the metric; until then every step is made."""

    def act(builder):
        builder.evaluate = lambda split, tasks: {LOSS["metric"]: math.inf}

    stop = {**LOSS, "patience_steps": 4, "min_delta": 0.0}
    plan = fake_builder.make_plan(fake_builder.phase(early_stop=stop, evaluate_every=4))
    outcome, heard = run(tmp_path, plan, with_parts(act))
    assert outcome.status == 0
    assert not heard.named("early_stopped")
    (finished,) = heard.named("phase_finished")
    assert finished.step == plan.phases[0].steps


def test_a_phase_that_did_not_do_its_work_has_not_when_the_run_is_resumed_either(tmp_path):
    """The end of such a phase is saved; going on from there fails as before and does not count as done."""
    plan = fake_builder.make_plan(fake_builder.phase(steps=3, on_batch_error={"action": "skip", "limit": 3}))
    make = spoiling(poison({0, 1, 2}))
    for resume in (False, True):
        outcome = train(plan, "", tmp_path / "run", resume=resume, make_builder=make)
        assert (outcome.status, outcome.problems[0].code) == (4, "PHS623")


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_best_metric_that_is_never_a_number_is_an_error(tmp_path, value):
    """Then there are no best weights, as often as the run is resumed; what is infinite is not best."""

    def act(builder):
        builder.evaluate = lambda split, tasks: {} if value is None else {LOSS["metric"]: value}

    plan = fake_builder.make_plan(fake_builder.phase(best=LOSS))
    for resume in (False, True):
        outcome = train(plan, "", tmp_path / "run", resume=resume, make_builder=with_parts(act))
        assert (outcome.status, outcome.problems[0].code) == (4, "PHS626")


def test_out_of_memory_has_its_own_code(tmp_path):
    """An allocation that fails is RES810 and advises to accumulate."""

    def act(step, batch):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    outcome, _ = run(tmp_path, fake_builder.make_plan(), spoiling(act))
    assert outcome.problems[0].code == "RES810"
    assert "accumulate: 2" in outcome.problems[0].helps[0]


def test_a_missed_expectation_is_status_1(tmp_path):
    """A final metric outside its bound gives exit status 1 and PHS630 with both values."""
    outcome, _ = run(tmp_path, fake_builder.make_plan(expect={"val/digit/loss": "<= 0.001"}))
    assert (outcome.status, outcome.problems[0].code) == (1, "PHS630")
    assert "<= 0.001" in outcome.problems[0].title
    assert Run(tmp_path / "run").status == "missed"


def test_bf16_runs_on_any_cpu(tmp_path):
    """A phase in bf16 trains, and its weights stay fp32."""
    outcome, _ = run(tmp_path, fake_builder.make_plan(fake_builder.phase(precision="bf16")))
    assert outcome.status == 0
    assert weights(tmp_path)["encoder.0.weight"].dtype == torch.float32


def test_averaged_weights_are_what_is_evaluated_and_saved(tmp_path):
    """With `ema`, evaluations and the weights file hold the average; the state holds the raw weights too."""
    from declare.runtime.checkpoint.saver import read_state

    outcome, heard = run(tmp_path, fake_builder.make_plan(fake_builder.phase(ema={"decay": 0.9})))
    state = read_state(Run(tmp_path / "run").checkpoints()[0])
    kept = weights(tmp_path)
    assert torch.equal(kept["encoder.0.weight"], state["average"]["encoder.0.weight"])
    assert not torch.equal(kept["encoder.0.weight"], state["model"]["encoder.0.weight"])
    assert outcome.metrics == heard.named("evaluated")[-1]["metrics"]


def test_checkpoints_that_are_no_longer_needed_go(tmp_path):
    """The newest `keep`, the best of each phase and each phase's end stay; the others go."""
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=2, keep_checkpoints=2))
    run(tmp_path, plan)
    assert [saved.step for saved in Run(tmp_path / "run").checkpoints()] == [24, 22]


def test_figures_stand_in_the_table(tmp_path):
    """`metrics.csv` holds losses, rate and evaluations with phase, step and epoch."""
    run(tmp_path, fake_builder.make_plan())
    rows = Run(tmp_path / "run").metrics()
    names = {row["metric"] for row in rows}
    assert {"train/loss", "train/digit/loss", "train/rate", "val/digit/loss"} <= names
    last = [row for row in rows if row["metric"] == "val/digit/loss"][-1]
    assert (last["phase"], last["step"], last["epoch"]) == ("fit", 24, 3.0)


def test_plateau_lowers_the_rate(tmp_path):
    """A metric that does not improve halves the learning rate after the patience."""

    def flat(builder):
        builder.evaluate = lambda split, tasks: {"val/digit/loss": 1.0} if split == "val" else {}
        builder.lr_schedule = lambda which: LRSchedule(
            which.model_copy(update={"schedule": fake_builder.PLATEAU})
        )

    _, heard = run(tmp_path, fake_builder.make_plan(), with_parts(flat))
    rates = [event["rate"] for event in heard.named("step")]
    assert rates[0] == 0.01
    assert rates[-1] == pytest.approx(0.005)


def test_the_rate_is_the_phases_and_groups_have_their_own(tmp_path, monkeypatch):
    """`train/rate` is the base rate by the schedule, whatever the first group's is; other groups stand by name."""
    group = {"lr": 0.002, "weight_decay": None, "parameters": ()}
    groups = ({"match": "heads.*", **group}, {"match": "core.*", **group, "lr": 0.01})

    def halved(builder):
        monkeypatch.setattr(LRSchedule, "planned_factor", lambda schedule, step: 0.5)
        builder.lr_schedule = LRSchedule

    plan = fake_builder.make_plan(fake_builder.phase(groups=groups))
    run(tmp_path, plan, with_parts(halved))
    rows = [row for row in Run(tmp_path / "run").metrics() if row["metric"].startswith("train/rate")]
    assert {(row["metric"], row["value"]) for row in rows} == {
        ("train/rate", 0.005),
        ("train/rate/heads.*", 0.001),
    }


@pytest.mark.parametrize(("steps", "interval"), [(1, 1), (49, 1), (500, 10), (100_000, 50)])
def test_losses_are_read_every_few_steps(steps, interval):
    """Losses are read at least fifty times a phase and at least every fifty steps."""
    assert log_interval(steps) == interval


def test_the_split_of_a_step_is_measured_once_a_phase(tmp_path):
    """Early in a phase ten steps are timed part by part; their parts sum up to the step."""
    _, heard = run(tmp_path, fake_builder.make_plan())
    (event,) = heard.named("throughput")
    assert set(event["seconds"]) == {"data", "forward", "backward", "optimizer", "rest"}
    assert sum(event["seconds"].values()) == pytest.approx(1 / event["steps_per_second"], rel=1e-6)
    assert event["samples_per_second"] == pytest.approx(10 * event["steps_per_second"], rel=1e-6)


def test_a_model_that_does_not_fit_is_said(tmp_path):
    """Memory that does not suffice for the model ends the run with RES810, not as a bug of ours."""

    def make(plan, place, device, tell, world):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12 bytes")

    outcome = train(fake_builder.make_plan(), "x", tmp_path / "run", make_builder=make)
    assert (outcome.status, [problem.code for problem in outcome.problems]) == (4, ["RES810"])
    assert Run(tmp_path / "run").status == "failed"
