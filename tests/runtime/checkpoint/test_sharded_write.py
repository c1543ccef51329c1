"""Models in shares: what each process writes is whole together, and any number of processes goes on from it."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.distributed import checkpoint as dcp

from declare.nn.distributed.dtensor import rank_rows
from declare.runtime.checkpoint.atomic_write import write_share
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.checkpoint.sharded_read import lazy_tensors, shard_metadata
from declare.runtime.checkpoint.sharded_write import shard_state
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.manifest import damage
from tests.harness.forkserver import ForkedProcess

SPEC = """
declare: 1
name: shares
seed: 3
datasets:
  reviews:
    source: {type: simulated, name: reviews, samples: 60}
    split: {val: 0.3}
model:
  encoder: {type: transformer, input: text, dim: 16, depth: 2, heads: 2}
tasks:
  mood: {type: classification, dataset: reviews, target: mood}
phases:
  first:
    steps: 9
    batch_size: 8
    optimizer: {type: adamw, lr: 3e-3}
    ema: {decay: 0.9}
    clip: {norm: 0.5}
    checkpoint: {every: 4 steps, keep: 10}
  second:
    steps: 12
    batch_size: 8
    accumulate: 2
    optimizer: {type: adamw, lr: 3e-3}
    freeze: [{match: 'encoder.blocks.0.*', until: 6 steps}]
    probes: [{task: mood, type: linear}]
    checkpoint: {every: 4 steps, keep: 10}
hardware: {accelerator: cpu, precision: fp32, strategy: fsdp}
"""
ROUNDS = itertools.count()


def group(folder: Path, size: int, *runs: str) -> list[str]:
    """Let a group of processes do what `runs` say; return what each printed."""
    env = {"DECLARE_CACHE_DIR": str(folder / "cache"), "SHARERS_ROUND": str(next(ROUNDS))}
    processes = [
        ForkedProcess("tests.harness.sharded_writers", str(rank), str(size), str(folder), *runs, env=env)
        for rank in range(size)
    ]
    return ["".join(process.communicate(timeout=300)) for process in processes]


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a run's newest checkpoint."""
    newest = Run(folder).checkpoints()[0]
    assert damage(newest) is None
    files = [newest.path / name for name in newest.manifest["files"] if name.endswith(".safetensors")]
    return {name: item.read() for name, item in lazy_tensors(files).items()}


def assert_equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    """Assert that two states hold the same bits."""
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that nobody disturbed, one that was killed in a save, one that was stopped."""
    folder = tmp_path_factory.mktemp("shares")
    (folder / "spec.yaml").write_text(SPEC)
    said = group(folder, 2, "whole", "moved:stop=6", "full:full=2", "led:full=4,leading", "cut:die=3")
    assert "whole  0" in said[0], said[0][-3000:]
    assert "moved stop=6 75" in said[0], said[0][-3000:]
    for words in said:
        assert "full full=2 4 RES804" in words, words[-3000:]
        assert "led full=4,leading 4 RES804" in words, words[-3000:]
    assert "cut die=3 76" in said[0], said[0][-3000:]
    return folder


@pytest.mark.slow
def test_each_process_writes_its_half(trained: Path) -> None:
    """The files of two processes are of about the same size, and hold the moments and the average."""
    newest = Run(trained / "moved").checkpoints()[0]
    sizes = [newest.manifest["files"][f"state-{rank}-of-2.safetensors"]["bytes"] for rank in (1, 2)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)
    found = lazy_tensors([newest.path / f"state-{rank}-of-2.safetensors" for rank in (1, 2)])
    parts = {name.partition("/")[0] for name in found}
    assert parts == {"average", "model", "optimizer"}
    assert all(len(item.shards) == 2 for item in found.values() if item.shape[0] > 1)


@pytest.mark.slow
def test_weights_are_whole_and_plain(trained: Path) -> None:
    """What predictions read needs no group of processes."""
    weights = read_tensors(Run(trained / "whole").weights_path("last"))
    assert any(name.startswith("encoder.blocks.0.") for name in weights)
    assert not [name for name in weights if "/" in name]


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_save_costs_nothing(trained: Path) -> None:
    """The checkpoint before is used, and the run ends with the bits of the undisturbed one."""
    assert list((trained / "cut" / "checkpoints").glob(".tmp-*"))
    before = [saved.step for saved in Run(trained / "cut").checkpoints()]
    said = group(trained, 2, "cut:resume")
    assert "cut resume 0" in said[0], said[0][-3000:]
    assert before == [8, 4]
    assert_equal(state(trained / "whole"), state(trained / "cut"))
    assert Run(trained / "whole").final == Run(trained / "cut").final


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full", "led"])
def test_a_full_disk_of_one_process_leaves_the_checkpoint_before(trained: Path, name: str) -> None:
    """The run ends for all of them with the same finding, and with nothing half written."""
    assert [saved.step for saved in Run(trained / name).checkpoints()] == [4]
    assert [path.name for path in (trained / name / "checkpoints").iterdir()] == ["step-4"]


@pytest.mark.slow
def test_another_number_of_processes_goes_on(trained: Path) -> None:
    """Two, then one that holds all, then four: the end is that of two, up to rounding."""
    shutil.copytree(trained / "moved", trained / "onward")
    assert "onward resume,stop=15 75" in group(trained, 1, "onward:resume,stop=15")[0]
    said = group(trained, 4, "onward:resume")
    assert "onward resume 0" in said[0], said[0][-3000:]
    one, other = state(trained / "whole"), state(trained / "onward")
    names = [name for name in one if "randomness" not in name]
    assert names == [name for name in other if "randomness" not in name]
    names = [name for name in names if one[name].is_floating_point()]
    left, right = (torch.cat([found[name].double().flatten() for name in names]) for found in (one, other))
    distance = float((left - right).norm() / left.norm())
    assert distance < 1e-4


@pytest.mark.slow
def test_shares_that_travel_in_half_precision(tmp_path: Path) -> None:
    """They are saved in single precision; a killed run ends with the same bits, and one process may go on."""
    text = SPEC.replace("fp32", "bf16").replace("every: 4", "every: 3")
    (tmp_path / "spec.yaml").write_text(text)
    said = group(tmp_path, 2, "whole", "alone:stop=6", "cut:die=2")
    assert "cut die=2 76" in said[0], said[0][-3000:]
    said = group(tmp_path, 2, "cut:resume")
    assert "cut resume 0" in said[0], said[0][-3000:]
    assert_equal(state(tmp_path / "whole"), state(tmp_path / "cut"))
    assert Run(tmp_path / "whole").final == Run(tmp_path / "cut").final
    kinds = {item.dtype for name, item in state(tmp_path / "whole").items() if "randomness" not in name}
    assert kinds == {torch.float32}
    said = group(tmp_path, 1, "alone:resume")
    assert "alone resume 0" in said[0], said[0][-3000:]
    one, other = (read_tensors(Run(tmp_path / name).weights_path("last")) for name in ("whole", "alone"))
    left, right = (torch.cat([found[name].flatten() for name in one]) for found in (one, other))
    assert float((left - right).norm() / left.norm()) < 0.01


def test_moments_find_their_parameters_in_other_groups() -> None:
    """Which parameters processes hold whole parts the groups; a state is taken over by the numbers in the model."""
    names = {"weight": 0, "bias": 1, "scale": 2}

    def made(*groups: str) -> tuple[nn.Module, torch.optim.Optimizer]:
        graph = nn.Module()
        for name in names:
            graph.register_parameter(name, nn.Parameter(torch.zeros(2)))
        parts = [group.split() for group in groups]
        rows: list[dict[str, Any]] = [
            {"params": [getattr(graph, name) for name in part], "numbers": [names[name] for name in part]}
            for part in parts
        ]
        optimizer = torch.optim.SGD(rows, lr=0.0, momentum=0.9)
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
        return graph, optimizer

    def moments(optimizer: torch.optim.Optimizer) -> list[list[float]]:
        found = [item for group in optimizer.param_groups for item in group["params"]]
        return [optimizer.state[item]["momentum_buffer"].tolist() for item in found]

    _, before = made("weight scale", "bias")
    for number, item in enumerate(item for group in before.param_groups for item in group["params"]):
        item.grad = torch.full_like(item, number + 1.0)
    before.step()
    graph, after = made("weight bias scale")
    after.load_state_dict(shard_state({"optimizer": before.state_dict()}, graph, after)["optimizer"])
    assert moments(before) == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0]]
    assert moments(after) == [[1.0, 1.0], [3.0, 3.0], [2.0, 2.0], [4.0]]


SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=3)


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@given(SHAPES, st.integers(1, 5), st.integers(1, 5))
def test_shares_of_any_number_make_shares_of_any_other(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], writers: int, readers: int
) -> None:
    """Rows written by some processes are read back by others, by ourselves and by torch's own reader."""
    folder = tmp_path_factory.mktemp("pieces")
    whole = torch.rand(shape)
    for rank in range(writers):
        start, stop = rank_rows(shape[0], rank, writers)
        mine = {"a/b": whole[start:stop]} if start < stop else {}
        name = f"state-{rank + 1}-of-{writers}.safetensors"
        write_share(folder, name, mine, shard_metadata({"a/b": (start, len(shape))} if mine else {}))
    found = lazy_tensors(sorted(folder.glob("*.safetensors")))["a/b"]
    assert found.shape == tuple(shape)
    assert torch.equal(found.read(), whole)
    parts = [found.rows(*rank_rows(shape[0], rank, readers)) for rank in range(readers)]
    assert torch.equal(torch.cat(parts), whole)
    theirs = {"a/b": torch.zeros(shape)}
    dcp.load(theirs, storage_reader=dcp.HuggingFaceStorageReader(str(folder)), no_dist=True)
    assert torch.equal(theirs["a/b"], whole)
