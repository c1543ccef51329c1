"""Out of memory: what is said to fit, with its arithmetic."""

import pytest
import torch

from declare.runtime.errors import out_of_memory_problem
from declare.runtime.machine.memory_budget import MemoryBudget, requested_bytes
from tests.lowering.plans import classify


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity", 2 << 30),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes.", 4096),
        ("out of memory", 0),
    ],
)
def test_the_request_that_failed_is_read(text, size):
    """Both of torch's allocators say what they were asked for."""
    assert requested_bytes(RuntimeError(text)) == size


def test_the_advice_follows_from_room_and_size_of_a_sample(monkeypatch):
    """With room for a quarter of the batch, the pieces divide the batch and the numbers are shown."""
    sketch = classify()
    phase = sketch.phase(batch_size=32, rows={"lab": 32})
    plan = sketch.plan(phase)
    first, *others = plan.nodes
    nodes = [first.model_copy(update={"activation_bytes": 1_000_000})]
    nodes += [node.model_copy(update={"activation_bytes": 0}) for node in others]
    plan = plan.model_copy(update={"nodes": tuple(nodes)})
    limits = {"the device has": (20_000_000, "device")}
    monkeypatch.setattr("declare.runtime.machine.memory_budget._limits", lambda *_: limits.items())
    monkeypatch.setattr("declare.runtime.machine.memory_budget._used_memory", lambda _: {"device": 0})
    monkeypatch.setattr("declare.runtime.machine.memory_budget._peak", lambda *_: 10_000_000)
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4.00 MiB.")
    account = MemoryBudget(plan, phase, torch.device("cpu"))
    problem = out_of_memory_problem(phase, 4, error, account)
    fits = account.fits(error)
    assert (problem.code, problem.title) == ("RES810", "out of memory at step 5: 32 samples at once")
    assert 6 <= fits <= 8
    assert "`accumulate: 8`" in problem.helps[0] or "`accumulate: 4`" in problem.helps[0]
    assert f"`batch_size: {fits}`" in problem.helps[1]
    assert "bf16" in problem.helps[2]
    assert any("room for the phase: 20 MB (the device has 20 MB" in note for note in problem.notes)
    assert any("32 samples x 2 MB" in note for note in problem.notes)
    assert any("measured: 14.2 MB" in note for note in problem.notes)
