"""What `auto` comes to: stated or measured once, recorded, and kept."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from declare.runtime.checkpoint.state_tree import Randomness
from declare.runtime.machine.precision import fixed_precision
from declare.runtime.setup import auto as module
from declare.runtime.setup.auto import AutoSettings, gather_precision
from declare.runtime.setup.benchmark import Trial, pick_precision, pick_threads, thread_candidates
from declare.runtime.step.rng import key
from tests.harness import fake_builder

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    yield
    torch.set_num_threads(before)


class FakeTrial:
    """Answers with given times."""

    def __init__(self, *seconds):
        self.answers = list(seconds)

    def seconds(self, settings):
        return self.answers.pop(0)


def resolve(choices, phase, trial):
    told = []
    precision = choices.resolve_precision(phase, lambda: trial, lambda *choice: told.append(choice))
    return precision, told


def test_a_measured_choice_is_kept_when_the_run_is_resumed(tmp_path, monkeypatch):
    """What was measured once is written down and never measured again."""
    monkeypatch.setattr(module, "_available_cores", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    plan = fake_builder.make_plan()
    _, told = resolve(AutoSettings(plan, tmp_path, CPU), plan.phases[0], FakeTrial([0.010, 0.001]))
    assert told[0][:2] == ("threads", 1)
    assert "measured" in told[0][2]
    _, told = resolve(AutoSettings(plan, tmp_path, CPU), plan.phases[0], FakeTrial([0.001, 0.010]))
    assert told == []


def test_auto_precision_is_measured_where_bf16_may_gain(monkeypatch):
    """With a large model on a CPU with bf16, both precisions are timed and the faster one is taken."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("declare.runtime.machine.precision.has_fast_bf16", lambda: True)
    plan = fake_builder.make_plan(fake_builder.phase(precision="auto"))
    choices = AutoSettings(plan, None, CPU)
    assert resolve(choices, plan.phases[0], FakeTrial())[0].name == "fp32"
    choices = AutoSettings(plan, None, CPU)
    choices._flops_per_sample = 10**9
    precision, told = resolve(choices, plan.phases[0], FakeTrial([0.2, 0.1]))
    assert precision.name == "bf16"
    assert precision.autocast is not None
    assert told[-1] == ("precision.fit", "bf16", "measured: fp32 200.0 ms, bf16 100.0 ms")


def test_auto_is_fp32_on_a_cpu_without_bf16(monkeypatch):
    """A CPU without AMX or AVX512-bf16 computes in fp32, and the reason says so."""
    monkeypatch.setattr("declare.runtime.machine.precision.has_fast_bf16", lambda: False)
    assert fixed_precision("auto", CPU) == ("fp32", "the CPU has neither AMX nor AVX512-bf16")
    assert fixed_precision("bf16", CPU)[0] == "bf16"


def test_exact_determinism_measures_nothing(monkeypatch):
    """`determinism: exact` states its choices."""
    monkeypatch.setattr("declare.runtime.machine.precision.has_fast_bf16", lambda: True)
    hardware = fake_builder.make_plan().hardware.model_copy(update={"determinism": "exact"})
    plan = fake_builder.make_plan(fake_builder.phase(precision="auto"), hardware=hardware)
    choices = AutoSettings(plan, None, CPU)
    choices._flops_per_sample = 10**12
    precision, _ = resolve(choices, plan.phases[0], None)
    assert precision.name == "fp32"


@pytest.mark.parametrize(
    ("asked", "made", "expected"),
    [
        (("bf16", "bf16"), {}, "bf16"),
        (("bf16", "fp16"), {}, None),
        (("bf16", "fp32"), {}, None),
        (("fp32", "fp32"), {}, None),
        (("auto", "bf16"), {}, None),
        (("auto", "bf16"), {"precision.one": "bf16"}, "bf16"),
        (("auto", "auto"), {"precision.one": "bf16", "precision.two": "fp32"}, None),
        (("fp16", "fp16"), {"precision.one": "bf16"}, "fp16"),
    ],
)
def test_a_model_is_gathered_in_what_all_phases_train_in(asked, made, expected, monkeypatch):
    """It must be known before the model is built: from the spec, or from what the run has chosen before."""
    monkeypatch.setattr("declare.runtime.machine.precision.has_fast_bf16", lambda: True)
    names = ("one", "two")
    phases = (fake_builder.phase(name=name, precision=word) for name, word in zip(names, asked, strict=True))
    assert gather_precision(fake_builder.make_plan(*phases), made, CPU) == expected


def test_a_model_gathered_in_bf16_computes_in_it(monkeypatch):
    """A saved run's other choice does not stand against how the weights travel."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    plan = fake_builder.make_plan(fake_builder.phase(precision="bf16"))
    choices = AutoSettings(plan, None, CPU)
    choices._gather_precision = "bf16"
    choices.load_state_dict({"threads": 1, "precision.fit": "fp32"})
    precision, told = resolve(choices, plan.phases[0], None)
    assert precision.name == "bf16"
    assert told == [("precision.fit", "bf16", "as stated in the spec")]


def draws():
    """Draw from every global generator."""
    return torch.rand(()).item(), random.random(), np.random.rand()  # noqa: NPY002


def test_a_trial_leaves_no_trace():
    """Measuring changes neither weights nor running statistics nor gradients, nor what is drawn afterwards."""
    builder = fake_builder.FakeBuilder(fake_builder.make_plan())
    which = builder.plan.phases[0]
    before = {name: value.clone() for name, value in builder.graph.state_dict().items()}
    batch = next(builder.loader(which).batches(0, 1))
    inner = builder.objective(which)

    def objective(batch):
        draws()
        return inner(batch)

    generators = Randomness.snapshot()
    expected = draws()
    Randomness.restore(generators)
    seconds = Trial(builder.graph, objective, batch, CPU).seconds([lambda: "fp32", lambda: "bf16"])
    assert draws() == expected
    assert min(seconds) > 0
    assert all(torch.equal(before[name], value) for name, value in builder.graph.state_dict().items())
    assert all(item.grad is None for item in builder.graph.parameters())


def test_fewer_threads_only_where_they_are_clearly_faster():
    """All cores stay unless fewer are a fifth faster; bf16 is taken only where it gains 15%."""
    assert thread_candidates(6) == [6, 3, 1]
    assert pick_threads([2, 1], [1.1, 1.0]) == 2
    assert pick_threads([2, 1], [1.5, 1.0]) == 1
    assert pick_precision(1.1, 1.0) == "fp32"
    assert pick_precision(1.3, 1.0) == "bf16"


@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=5), st.integers(0, 4), st.integers(1, 2**20))
def test_keys_depend_on_every_part_and_its_place(parts, index, change):
    """Changing one part, or the order of two, changes the key."""
    other = list(parts)
    other[index % len(parts)] += change
    assert key(*parts) != key(*other)
    assert 0 <= key(*parts) < 2**64
    assert parts == parts[::-1] or key(*parts) != key(*parts[::-1])
