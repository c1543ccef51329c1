"""One of two processes meets a fault while batches may be skipped: both skip, or the run ends with what it was."""

import signal
import time
from pathlib import Path

import pytest

from declare.runtime.run_folder.folder import Run
from tests.harness.forkserver import ForkedProcess

SPEC = """
declare: 1
name: faulty
datasets:
  s:
    source: {type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}
    split: {val: 0.25, by: subject}
model:
  encoder: {type: conv1d, channels: [4], input: features, norm: NORM, dropout: 0.0}
tasks:
  main: {type: classification, dataset: s, target: stimulus}
phases:
  fit: {steps: 8, batch_size: 8, on_batch_error: {action: skip, limit: 3}, optimizer: {type: sgd, lr: 1e-1}}
hardware: {accelerator: cpu, precision: fp32, strategy: STRATEGY}
"""
SKIPPING = "on_batch_error: {action: skip, limit: 3}, "
SKIPPED = {"nan", "forward", "backward"}


def begun(folder: Path, fault: str, norm: str, strategy: str) -> list[ForkedProcess]:
    """Return two processes that train."""
    text = SPEC.replace("NORM", norm).replace("STRATEGY", strategy)
    (folder / "spec.yaml").write_text(text if fault in SKIPPED else text.replace(SKIPPING, ""))
    cache = {"DECLARE_CACHE_DIR": str(folder / "cache")}
    return [
        ForkedProcess("tests.harness.faulty_rank", str(rank), str(folder), fault, env=cache)
        for rank in range(2)
    ]


def trained(folder: Path, fault: str, norm: str, strategy: str) -> tuple[list[int | None], list[str]]:
    """Return the exit statuses of both processes and what they said."""
    processes = begun(folder, fault, norm, strategy)
    said = ["".join(process.communicate(timeout=250)) for process in processes]
    return [process.returncode for process in processes], said


@pytest.mark.parametrize(("fault", "strategy"), [("nan", "fsdp"), ("forward", "ddp")])
def test_what_the_processes_can_agree_on_is_skipped_by_both(
    tmp_path: Path, fault: str, strategy: str
) -> None:
    """The run goes on, and the event tells of the samples of both processes."""
    statuses, said = trained(tmp_path, fault, "none", strategy)
    assert statuses == [0, 0], said
    [event] = Run(tmp_path / "run").events("batch_skipped")
    assert event["step"] == 2
    assert len(event["about"]) == 2
    [end] = Run(tmp_path / "run").events("phase_finished")
    assert (end["updates"], end["skipped"]) == (7, 1)


@pytest.mark.parametrize(("fault", "norm"), [("forward", "batch"), ("backward", "none")])
def test_a_fault_while_others_wait_ends_the_run(tmp_path: Path, fault: str, norm: str) -> None:
    """Both processes say what it was, and neither takes the other's end for a batch to skip."""
    statuses, said = trained(tmp_path, fault, norm, "ddp")
    assert statuses == [4, 4], said
    assert all("PHS621" in text and "no way" in text for text in said)
    assert not [*Run(tmp_path / "run").events("batch_skipped")]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_memory_that_does_not_suffice_in_one_process_ends_the_run_for_all(
    tmp_path: Path, strategy: str
) -> None:
    """Both processes end with the finding, and nobody waits for the other one."""
    statuses, said = trained(tmp_path, "memory", "none", strategy)
    assert statuses == [4, 4], said
    assert all("RES810" in text for text in said), said


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_nobody_waits_for_a_process_that_was_killed(tmp_path: Path, strategy: str) -> None:
    """Where nobody starts it anew the other one leaves soon, and says why."""
    left, killed = begun(tmp_path, "death", "none", strategy)
    assert killed.wait(250) == -signal.SIGKILL
    killed.communicate()
    began = time.monotonic()
    said = "".join(left.communicate(timeout=90))
    # Some seconds on a busy machine, where the group itself would wait for five minutes.
    assert time.monotonic() - began < 60
    assert left.returncode == 76, said
    assert "HW710" in said
