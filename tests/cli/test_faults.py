"""Runs in which something goes wrong half way, as a user sees them."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from declare.__main__ import main
from declare.data.store.dataset import Pool
from declare.lowering.evaluation.evaluator import Evaluator
from declare.runtime.step.step import Step

SPEC = """
declare: 1
name: pics
datasets:
  pics:
    source: {type: image_folder, path: pics}
    cache: none
    split: {val: 0.2, stratify: label}
model:
  encoder: {type: cnn, channels: [2], input: image}
tasks:
  kind: {type: classification, target: label}
phases:
  fit: {steps: 30, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}, checkpoint: {every: 5 steps}}
tracking: []
"""
SKIP = "datasets.pics.on_corrupt={action: skip, limit: 3}"
During = Callable[[int, Callable[[Step], object]], None]


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> During:
    """Return what lets something happen before a step of the next run."""
    made = Step.__call__

    def happen(at: int, what: Callable[[Step], object]) -> None:
        def call(step: Step, number: int, batch: object, *rest: object) -> object:
            if number == at:
                what(step)
            return made(step, number, batch, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(Step, "__call__", call)

    return happen


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with forty images and a spec."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    for number in range(40):
        folder = tmp_path / "pics" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        shade = np.full((6, 6), number + 100 * (number % 2), np.uint8)
        Image.fromarray(shade).save(folder / f"{number:02}.png")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def events(name: str, run: str = "run") -> list[dict[str, object]]:
    lines = map(json.loads, Path(run, "events.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == name]


def incidents(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["report", "run", "--format", "json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["incidents"]
    return found


def train(*words: str) -> int:
    return main(["train", "spec.yaml", "--quiet", "--run-dir", "run", *words])


def test_a_sample_that_is_cut_off_half_way(
    here: Path, during: During, capsys: pytest.CaptureFixture[str]
) -> None:
    """By default the run fails by its name; with `skip` it ends, says so, and data that differ are refused by name."""

    def cut(_: Step) -> None:
        for number in (0, 2, 4):
            os.truncate(here / "pics" / "a" / f"{number:02}.png", 30)

    during(3, cut)
    assert train("--set", SKIP) == 0
    named = {str(event["where"]) for event in events("sample_skipped")}
    assert named
    assert named <= {"a/00.png", "a/02.png", "a/04.png"}
    found = incidents(capsys)
    assert {item["about"] for item in found} == {"sample"}
    assert all(any(name in str(item["text"]) for item in found) for name in named)
    assert main(["train", "spec.yaml", "--set", SKIP, "--resume", "run"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "RES806" in said
    assert "has 30 now" in said
    assert "the data of `pics` are others now" in said


def test_a_table_that_is_another_when_the_run_goes_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refusal names the file and what became of it, not each figure that follows from it."""

    def write(factor: float) -> None:
        rows = (f"{factor * number},{'ab'[number % 2]}" for number in range(40))
        (here / "table.csv").write_text("\n".join(["x,kind", *rows]))

    write(1.0)
    words = (
        *(
            "--set",
            "datasets.pics={source: {type: csv, path: table.csv}, fields: {x: number, kind: category}}",
        ),
        *("--set", "model.encoder={type: mlp, hidden: [4], input: x}", "--set", "tasks.kind.target=kind"),
    )
    assert train(*words) == 0
    write(2.5)
    assert main(["train", "spec.yaml", *words, "--resume", "run"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the data of `pics` are others now" in said
    assert "table.csv`: it" in said
    assert "facts" not in said


def test_a_file_that_vanishes_half_way(
    here: Path, during: During, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run fails with the path and what became of it, in the finding and in the report.

    What notices first, the reading of a sample (DAT311) or the look at all files (DAT374), is a matter of moments.
    """
    during(3, lambda _: shutil.rmtree(here / "pics" / "a"))
    assert train() == 4
    assert "is gone" in " ".join(capsys.readouterr().err.split())
    [failed] = incidents(capsys)
    assert failed["about"] == "run"
    assert failed["code"] in {"DAT311", "DAT374"}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("at", [4, 6])
def test_a_gradient_that_is_not_finite_is_never_saved(during: During, at: int) -> None:
    """With a finite loss it is found at the next checkpoint or the next loss; those before are there."""

    def spoil(step: Step) -> None:
        step._parameters[0].register_hook(lambda gradient: gradient * float("nan"))

    during(at, spoil)
    assert train() == 4
    [failed] = events("run_failed")
    assert failed["code"] == "PHS620"
    saved = [path.name for path in Path("run", "checkpoints").glob("step-*")]
    assert saved == ([] if at == 4 else ["step-5"])


@pytest.mark.usefixtures("here")
def test_a_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour back and a year ahead in turn: the run ends, and no duration is negative."""
    turns = count()
    monkeypatch.setattr("time.time", lambda: 1e9 + (-3600.0, 31e6)[next(turns) % 2])
    assert train() == 0
    steps = events("step")
    assert [event["step"] for event in steps] == sorted(event["step"] for event in steps)  # type: ignore[type-var]
    assert all(float(event["step_seconds"]) > 0 for event in steps)  # type: ignore[arg-type]
    assert main(["train", "spec.yaml", "--quiet", "--resume", "run"]) == 0


@pytest.mark.parametrize(("value", "status"), [("inf", 1), ("", 0), ("nan", 0)])
def test_a_target_that_is_not_finite(
    here: Path, capsys: pytest.CaptureFixture[str], value: str, status: int
) -> None:
    """An infinite one is found before the start, wherever it stands; a missing one is left out by the loss."""
    rows = [f"{number}.5,{number}" for number in range(40)]
    (here / "table.csv").write_text("\n".join(["x,size", *rows, f"3.5,{value}"]))
    words = (
        *("--set", "datasets.pics={source: {type: csv, path: table.csv}, fields: {x: number, size: number}}"),
        *("--set", "model.encoder={type: mlp, hidden: [4], input: x}"),
        *("--set", "tasks.kind={type: regression, target: size}"),
    )
    assert train(*words) == status
    assert ("target `size` of `pics` has an infinite value" in capsys.readouterr().err) == bool(status)


@pytest.mark.usefixtures("here")
def test_a_finished_run_whose_weights_have_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """It is not done any more; with its weights it is."""
    assert train() == 0
    assert main(["train", "spec.yaml", "--quiet", "--resume", "run"]) == 0
    [last] = Path("run", "checkpoints").glob("step-30")
    with (last / "weights.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    for gone in (False, True):
        if gone:
            shutil.rmtree("run/checkpoints")
        capsys.readouterr()
        assert main(["train", "spec.yaml", "--quiet", "--resume", "run"]) == 2
        assert ("RES808" if gone else "RES807") in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_report_that_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The run has done what its spec says and ends so; a warning says what is missing."""
    assert train() == 0
    Path("run", "report.html").unlink()
    Path("run", "report.html").mkdir()
    capsys.readouterr()
    assert main(["train", "spec.yaml", "--quiet", "--resume", "run"]) == 0
    code = "RES821"
    assert f"warning[{code}]" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_run_folder_that_vanishes(during: During, capsys: pytest.CaptureFixture[str]) -> None:
    """The run fails at its next checkpoint, and makes no new folder in the place of the old one."""
    during(7, lambda _: shutil.rmtree("run"))
    assert train() == 4
    assert "RES812" in capsys.readouterr().err
    assert not Path("run").exists()


_ALLOCATOR = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes.")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("place", "error"),
    [
        ((Pool, "_open_source"), MemoryError()),
        ((Pool, "_open_source"), OSError(12, "Cannot allocate memory")),
        ((Evaluator, "__init__"), _ALLOCATOR),
        ((Step, "__call__"), RuntimeError("can't start new thread")),
        ((Image, "open"), MemoryError()),
    ],
)
def test_memory_that_is_not_enough(
    monkeypatch: pytest.MonkeyPatch, place: tuple[object, str], error: Exception
) -> None:
    """Wherever it strikes, the run fails for lack of memory, and no sample is blamed for it."""

    def fail(*_: object, **__: object) -> None:
        raise error

    train("--set", SKIP, "--set", "phases.fit.steps=1", "--run-dir", "before")  # a check is cached by now
    monkeypatch.setattr(*place, fail)
    assert train("--set", SKIP) == 4
    [failed] = events("run_failed")
    assert failed["code"] == "RES810"
    assert str(failed["message"]).startswith("out of memory")
    assert not events("sample_skipped")


def test_memory_that_is_not_enough_to_begin(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library that cannot be loaded is a finding, and the command could not begin."""

    def fail(*_: object, **__: object) -> None:
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")

    monkeypatch.setattr("declare.api.train_checked", fail)
    assert train() == 2
    assert "RES810" in capsys.readouterr().err
    assert not (here / "run").exists()


NET = """
from torch import nn

class Net(nn.Module):
    calls = 0

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        %s

    def forward(self, x):
        if x.device.type != "meta":
            self.calls += 1
            %s
        return self.conv(x).mean((2, 3))
"""


@pytest.mark.parametrize(
    ("init", "forward", "status", "code", "line"),
    [
        ("", "if self.training and self.calls > 3: {}['x']", 4, "PHS621", "net.py:15 in forward"),
        ("", "if not self.training: {}['x']", 4, "REF243", "net.py:15 in forward"),
        ("if self.conv.weight.device.type == 'cpu': {}['x']", "", 4, "REF243", "net.py:10 in __init__"),
        ("{}['x']", "", 1, "REF243", "net.py:10 in __init__"),
    ],
)
def test_code_of_the_user_that_fails(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    init: str,
    forward: str,
    status: int,
    code: str,
    line: str,
) -> None:
    """The finding names the error and the line of their file: it is no bug of ours."""
    (here / "net.py").write_text(NET % (init or "pass", forward or "pass"))
    trust = f"net.py@sha256:{hashlib.sha256((here / 'net.py').read_bytes()).hexdigest()}"
    encoder = "model.encoder={type: python, file: net.py, name: Net, input: image}"
    assert train("--set", encoder, "--trust", trust) == status
    said = " ".join(capsys.readouterr().err.split())
    assert code in said
    assert "KeyError: 'x'" in said
    assert line in said


def test_a_shortage_that_no_message_names_is_no_bug(monkeypatch, capsys):
    """The message of a library may be cut off, too; what looks at the error gets the reserve."""
    from declare.cli import command_index
    from declare.system import out_of_memory, user_code

    def function(name):
        raise RuntimeError("[enforce fail a")

    def user_code_problem(error):
        if out_of_memory._held:
            raise MemoryError
        return

    monkeypatch.setattr(command_index, "function", function)
    monkeypatch.setattr(out_of_memory, "address_limit", lambda: 1000 << 20)
    monkeypatch.setattr(out_of_memory, "peak", lambda _: 900 << 20)
    monkeypatch.setattr(user_code, "user_code_problem", user_code_problem)
    monkeypatch.setattr(out_of_memory, "_held", [mmap.mmap(-1, 1)])
    assert main(["validate", "spec.yaml"]) == 2
    assert "RES810" in capsys.readouterr().err
