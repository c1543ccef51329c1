"""Threat model, line "checkpoints", for our own: one that somebody changed, with a manifest made to fit, is data."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
from pathlib import Path

import pytest
import torch

from declare.cli.dispatch import run as dcl
from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.atomic_write import CheckpointStore, Snapshot, write_share
from declare.runtime.checkpoint.saver import read_state
from declare.runtime.checkpoint.sharded_read import shard_metadata
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.manifest import MANIFEST, STATE, TENSORS, WEIGHTS, damage, seal
from tests.harness import fake_builder

SPEC = """declare: 1
name: x
datasets:
  d:
    source: {type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}
    split: {val: 0.25, test: 0.25, by: subject}
model:
  enc: {type: conv1d, channels: [4], input: features}
tasks:
  t: {type: classification, dataset: d, target: stimulus}
phases:
  fit: {steps: 4, batch_size: 8, optimizer: {type: adamw, lr: 0.001}, checkpoint: {every: 2 steps, keep: 3}}
hardware: {accelerator: cpu, precision: fp32}
"""
MORE = ("--set", "phases.fit.steps=6", "--allow-changes")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A short run with two checkpoints."""
    place = tmp_path_factory.mktemp("run")
    (place / "spec.yaml").write_text(SPEC)
    assert dcl(["train", str(place / "spec.yaml"), "--run-dir", str(place / "run"), "--quiet"]) == 0
    return place


@pytest.fixture
def copy(made, tmp_path):
    """A run folder that a test may change."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    return Path(shutil.copytree(made / "run", tmp_path / "run"))


def _framed(header, data=b"\0" * 8, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def _tensor(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


EMPTY = json.dumps(_tensor([0], 0, 0)).encode()
LIES = {
    "huge header": lambda: _framed({}, length=1 << 62),
    "overlap": lambda: _framed({"a": _tensor([2], 0, 8), "b": _tensor([2], 0, 8)}),
    "shape": lambda: _framed({"a": _tensor([1 << 40], 0, 8)}),
    "negative": lambda: _framed({"a": _tensor([-2], 8, 0)}),
    "a million tensors": lambda: _framed(
        b"{" + b",".join(b'"a%d":%b' % (i, EMPTY) for i in range(10**6)) + b"}", b""
    ),
    "a million lists": lambda: _framed(b"[" + b"{}," * 10_000_000 + b"{}]"),
    "a million texts": lambda: _framed(b"[" + b'"a",' * 8_000_000 + b"1]"),
    "nothing": lambda: b"",
}
"""Made when they are needed: some are large."""
STATES = {
    "no JSON": b"{",
    "deep": b"[" * 200_000,
    "list": b"[]",
    "number": b"1",
    "empty": b"{}",
    "unknown mark": b'{"course": {"$": "os.system"}}',
    "tuple of a number": b'{"course": {"$": "tuple", "items": 5}}',
    "digits": b'{"course": ' + b"9" * 10_000 + b"}",
    "long": b'"' + b"a" * (65 << 20) + b'"',
}


def tamper(run, changes, **facts):
    """Replace files of every checkpoint of a run and let its manifests fit them."""
    for saved in Run(run).checkpoints():
        manifest = saved.manifest | facts
        for name, data in changes.items():
            (saved.path / name).write_bytes(data)
            entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            manifest["files"] = manifest["files"] | {name: entry}
        (saved.path / MANIFEST).write_bytes(seal(manifest))


def refused(run, capsys, *, resumed_only=False):
    """Assert that whoever uses the run gets a finding; return the codes."""
    codes = []
    spec = str(run.parent / "spec.yaml")
    commands = [["train", spec, f"--resume={run}", *MORE]]
    if not resumed_only:
        commands = [["evaluate", str(run)], ["predict", str(run)], *commands]
    for words in commands:
        status = dcl([*words, "--format", "json"])
        out, err = capsys.readouterr()
        assert status in {2, 4}, (words, status, out, err)
        assert "Traceback" not in out + err
        codes += [found["code"] for found in json.loads(out)["diagnostics"]]
    assert dcl(["report", str(run)]) in {0, 2}
    assert "Traceback" not in "".join(capsys.readouterr())
    return codes


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_a_finding(copy, lie, capsys):
    """Weights whose header is not true of them are damaged ones, whoever made the manifest; memory stays small."""
    tamper(copy, {WEIGHTS: LIES[lie]()})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert set(refused(copy, capsys)) == {"RES807"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_is_none_is_a_finding(copy, state, capsys):
    """JSON that no run has written ends in a finding when a run would go on from it."""
    tamper(copy, {STATE: STATES[state]})
    assert set(refused(copy, capsys, resumed_only=True)) <= {"RES806", "RES807", "RES809"}


def test_weights_of_another_model_are_a_finding(copy, capsys):
    """An honest file of other tensors does not fit, and that is said."""
    other = _framed({"a": _tensor([2], 0, 8)})
    tamper(copy, {WEIGHTS: other, TENSORS: other})
    assert set(refused(copy, capsys)) <= {"RES806", "RES807", "RES809"}


@pytest.mark.parametrize(
    "starts", [(0, 1 << 40), (0, -3), (0, 2), (1, 4), (0, 4, 4), ("0", "x"), (0.0, None)], ids=str
)
def test_shares_that_do_not_make_a_whole_are_a_finding(tmp_path, starts):
    """Where a share says that its rows begin is not taken for granted."""
    files = {}
    store = CheckpointStore(tmp_path)
    temporary = store.begin(1)
    for number, start in enumerate(starts):
        rows = {"optimizer/a": torch.ones(3, 2)}
        said = shard_metadata({"optimizer/a": (start, 2)})
        files |= write_share(temporary, f"state-{number + 1}-of-{len(starts)}.safetensors", rows, said)
    skeleton = {"optimizer": {"$": "tensor", "name": "optimizer/a"}}
    saved = store.write(Snapshot(1, {}, {}, skeleton, fake_builder.ABOUT), files)
    assert damage(saved) is None
    for lazy in (False, True):
        with pytest.raises(ProblemError) as caught:
            read_state(saved, lazy=lazy)
        assert caught.value.problem.code == "RES807"


@pytest.mark.parametrize(
    "facts",
    [
        {"files": {}},
        {"files": {"../../spec.yaml": {"bytes": 1, "sha256": ""}}},
        {"files": []},
        {"step": "1"},
        {"phase_steps": "x"},
        {"phase": 5, "phase_step": None, "torch": {"a": []}, "threads": "many"},
        {"threads": 10**9},
        {"sequence": 10**400},
    ],
    ids=str,
)
def test_a_manifest_of_other_things_is_no_manifest(copy, facts, capsys):
    """What a manifest says is not taken for granted: nothing raises, whatever stands in it."""
    tamper(copy, {}, **facts)
    spec = str(copy.parent / "spec.yaml")
    for words in (["train", spec, f"--resume={copy}", *MORE], ["evaluate", str(copy)], ["report", str(copy)]):
        assert dcl([*words]) in {0, 2, 4}, words
        assert "Traceback" not in "".join(capsys.readouterr())
