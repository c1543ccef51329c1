"""Phases that do not fit into the machine's memory are refused before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from declare.compiler.phases import machine_fit
from declare.compiler.phases.machine_fit import machine_limits
from declare.compiler.pipeline import check

SPEC = """\
declare: 1
datasets:
  images: {source: {type: simulated, name: textures, samples: 60, classes: 3, size: 16}}
model:
  encoder: {type: cnn, channels: [8], input: image}
  wide: {type: mlp, input: encoder.output, hidden: [%d, %d]}
tasks:
  texture: {type: classification, dataset: images, target: label}
phases:
  fit: {steps: 2, batch_size: 24, optimizer: {type: adamw, lr: 1e-3}%s}
hardware: {accelerator: cpu%s}
"""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what gives the machine so many bytes of memory, and nothing else that limits."""
    monkeypatch.setattr(machine_fit, "address_limit", lambda: None)

    def set_memory(size: int) -> None:
        monkeypatch.setattr(machine_fit, "machine_memory", lambda: size)

    set_memory(100_000_000)
    return set_memory


def codes(folder: Path, width: int, phase: str = "", hardware: str = "") -> dict[str, str]:
    """Return the place of each finding on memory by its code."""
    (folder / "spec.yaml").write_text(SPEC % (width, width, phase, hardware))
    found = check(folder / "spec.yaml").diagnostics
    return {item.code: item.path for item in found if item.code in {"HW718", "HW719"}}


@pytest.mark.usefixtures("machine")
def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """Weights with all that training adds to them stand at the phase; what fits is no finding."""
    assert codes(tmp_path, 1000) == {}
    assert codes(tmp_path, 4000) == {"HW718": "phases.fit"}


def test_samples_that_do_not_fit_are_refused(tmp_path: Path, machine: Callable[[int], None]) -> None:
    """They stand at `batch_size`: an error below what is certain, a warning below the estimate."""
    assert codes(tmp_path, 8) == {}
    plan = check(tmp_path / "spec.yaml").plan
    assert plan is not None
    needed = plan.phases[0].memory_bytes
    assert needed is not None
    machine(int(0.3 * needed))
    assert codes(tmp_path, 8) == {"HW718": "phases.fit.batch_size"}
    machine(int(0.8 * needed))
    assert codes(tmp_path, 8) == {"HW719": "phases.fit.batch_size"}
    assert codes(tmp_path, 8, ", accumulate: 2") == {}
    machine(int(0.3 * needed))
    frozen = codes(tmp_path, 8, ', freeze: [{match: "encoder.*"}]')
    assert set(frozen) == {"HW719"}, "what stands still keeps nothing for the backward pass"


def test_what_fits_is_computed(tmp_path: Path, machine: Callable[[int], None]) -> None:
    """The micro-batches and the batch that a finding names do fit."""
    assert codes(tmp_path, 8) == {}
    plan = check(tmp_path / "spec.yaml").plan
    assert plan is not None
    assert plan.phases[0].memory_bytes is not None
    machine(int(0.8 * plan.phases[0].memory_bytes))
    found = check(tmp_path / "spec.yaml").diagnostics
    accumulate, batch_size, _ = next(item.helps for item in found if item.code == "HW719")
    assert accumulate == "`accumulate: 2` fits: 12 samples at a time"
    assert codes(tmp_path, 8, ", accumulate: 2") == {}
    size = int(batch_size.removeprefix("`batch_size: ").removesuffix("` fits"))
    assert 12 < size < 24
    (tmp_path / "spec.yaml").write_text(
        (SPEC % (8, 8, "", "")).replace("batch_size: 24", f"batch_size: {size}")
    )
    assert not [item for item in check(tmp_path / "spec.yaml").diagnostics if item.code in {"HW718", "HW719"}]


@pytest.mark.usefixtures("machine")
def test_processes_share_the_machine(tmp_path: Path) -> None:
    """Each holds the weights: four of them take four times as much."""
    assert codes(tmp_path, 1500) == {}
    assert codes(tmp_path, 1500, hardware=", devices: 4") == {"HW718": "phases.fit"}


@pytest.mark.usefixtures("machine")
def test_another_machine_is_another_limit(tmp_path: Path) -> None:
    """Who states more memory than this machine has trains elsewhere; who states less does not."""
    assert codes(tmp_path, 4000, hardware=", memory_limit: 64GB") == {}
    assert codes(tmp_path, 4000, hardware=", memory_limit: 50MB") == {"HW718": "phases.fit"}


def test_limits_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ulimit -v` holds for each process, the machine's memory for all of them."""
    from declare.ir.plan import HardwarePlan

    monkeypatch.setattr(machine_fit, "machine_memory", lambda: 1000)
    monkeypatch.setattr(machine_fit, "group_limit", lambda: 1000)
    monkeypatch.setattr(machine_fit, "address_limit", lambda: 500)
    hardware = HardwarePlan(
        accelerator="cpu",
        devices=3,
        nodes=1,
        strategy="auto",
        compile=False,
        workers=0,
        memory_limit_bytes=None,
        determinism="fast",
    )
    found = [(limit.size, limit.processes) for limit in machine_limits(hardware)]
    assert found == [(1000, 3), (500, 1)]


def test_samples_kept_in_memory_must_fit(tmp_path: Path, machine: Callable[[int], None]) -> None:
    """`cache: memory` of more than the machine has is refused, whatever computes; a file of them is not."""
    machine(40_000)  # 60 images of 3 x 16 x 16 bytes
    text = SPEC % (8, 8, "", "")
    for cache, refused in (("memory", True), ("disk", False), ("auto", False)):
        (tmp_path / "spec.yaml").write_text(text.replace("size: 16}}", f"size: 16}}, cache: {cache}}}"))
        found = [item for item in check(tmp_path / "spec.yaml").diagnostics if item.code == "HW718"]
        assert ("datasets.images.cache" in {item.path for item in found}) is refused


def test_fields_that_nobody_reads_take_nothing(tmp_path: Path, machine: Callable[[int], None]) -> None:
    """A phase's batches hold what its modules and tasks read: other fields of the data make no phase too large."""
    import numpy as np

    np.savez(tmp_path / "rows.npz", x=np.ones((20, 3)), y=np.arange(20) % 2, film=np.ones((20, 60_000)))
    (tmp_path / "spec.yaml").write_text("""\
declare: 1
datasets:
  rows: {source: {type: npz, path: rows.npz}, fields: {x: {type: vector}, y: {type: category}, film: {type: vector}}}
model: {encoder: {type: mlp, input: x, hidden: [4]}}
tasks: {kind: {type: classification, dataset: rows, target: y}}
phases: {fit: {steps: 2, batch_size: 16, optimizer: {type: adamw, lr: 1e-3}}}
hardware: {accelerator: cpu}
""")
    machine(3_000_000)
    assert not [item for item in check(tmp_path / "spec.yaml").diagnostics if item.code in {"HW718", "HW719"}]
