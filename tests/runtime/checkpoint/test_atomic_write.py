"""Checkpoints are whole or absent, whatever happens while one is written."""

import errno
import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.nn.state_tree import encode
from declare.runtime.checkpoint.atomic_write import CheckpointStore, load_tree
from declare.runtime.checkpoint.prune import prune
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.checkpoint.state_tree import decode
from declare.runtime.run_folder import durable_io
from declare.runtime.run_folder.manifest import MANIFEST, STATE, TENSORS, WEIGHTS, damage, read_manifest
from tests.harness import fake_builder

FILES = (WEIGHTS, TENSORS, STATE, MANIFEST)
POINTS = ("write", "fsync", "rename", "mkdir", "open")


def save(store, step):
    """Commit a checkpoint in which every number tells its step."""
    weights = {"w": torch.full((300,), float(step))}
    tree = {"course": {"step": step}, "optimizer": {0: torch.full((100,), float(step)), "betas": (0.9, 0.99)}}
    return store.commit(step, weights, tree, fake_builder.ABOUT)


def assert_whole(saved):
    """Assert that all of a checkpoint is of one step."""
    tree = load_tree(saved)
    assert tree["course"]["step"] == saved.step
    assert tree["optimizer"]["betas"] == (0.9, 0.99)
    for tensor in (read_tensors(saved.weights)["w"], tree["optimizer"][0]):
        assert bool((tensor == saved.step).all())


def patch_calls(monkeypatch, act, kinds=POINTS):
    """Call `act(number)` before every system call that a save makes; it may raise or end the process."""
    count = iter(range(1, 10_000))

    def wrap(function):
        def wrapped(*args, **kwargs):
            act(next(count))
            return function(*args, **kwargs)

        return wrapped

    for kind in kinds:
        monkeypatch.setattr(os, kind, wrap(getattr(os, kind)))


def calls_of_a_save(tmp_path, kinds=POINTS):
    """Return how many such system calls a save makes."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        store = CheckpointStore(tmp_path)
        patch_calls(patch, seen.append, kinds)
        save(store, 99)
    return len(seen)


def in_child(work):
    """Run `work` in a forked process and return its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("existing", [False, True], ids=["new step", "same step again"])
def test_dying_at_any_system_call_leaves_a_whole_checkpoint(tmp_path, existing):
    """A process that dies at any system call of a save leaves the old checkpoint or the new one, never half."""
    number = calls_of_a_save(tmp_path / "count" if (tmp_path / "count").mkdir() is None else tmp_path)
    assert number > 15
    for point in range(1, number + 3):
        place = tmp_path / f"run-{point}"
        place.mkdir()
        save(CheckpointStore(place), 5)

        def work(place=place, point=point):
            with pytest.MonkeyPatch.context() as patch:
                patch_calls(patch, lambda now: os._exit(9) if now == point else None)
                save(CheckpointStore(place), 5 if existing else 6)

        in_child(work)
        store = CheckpointStore(place)
        store.clean()
        saved, rejected = store.newest()
        assert saved is not None, point
        assert not rejected
        assert_whole(saved)
        assert not list(store.root.glob(".*"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_the_old_checkpoint_and_no_litter(tmp_path, code, monkeypatch):
    """A disk that refuses at any call fails the save with its code and leaves the old checkpoint alone."""
    (tmp_path / "count").mkdir()
    kinds = ("write", "fsync")
    number = calls_of_a_save(tmp_path / "count", kinds)
    store = CheckpointStore(tmp_path)
    save(store, 1)

    def refuse(point):
        def act(now):
            if now >= point:
                raise OSError(code, os.strerror(code))

        return act

    # The last call makes the name durable: by then the rename has been made, so the new one may stand.
    for point in range(1, number):
        with monkeypatch.context() as patch:
            patch_calls(patch, refuse(point), kinds)
            with pytest.raises(ProblemError) as caught:
                save(store, 2)
        assert caught.value.problem.code == ("RES804" if code == errno.ENOSPC else "RES812")
        assert [path.name for path in store.root.iterdir()] == ["step-1"]
        assert_whole(store.newest()[0])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["flip", "cut", "zero", "gone"])
def test_damage_to_any_file_is_found(tmp_path, name, kind):
    """A flipped bit, a cut, a zeroed stretch or a missing file is found, and the checkpoint before it is taken."""
    store = CheckpointStore(tmp_path)
    save(store, 1)
    saved = save(store, 2)
    path = saved.path / name
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    if kind == "flip":
        data[middle] ^= 1
    elif kind == "zero":
        data[middle : middle + 20] = b"\0" * 20
    path.write_bytes(data[:middle] if kind == "cut" else data)
    if kind == "gone":
        path.unlink()
    good, rejected = store.newest()
    assert good.step == 1
    assert [folder.name for folder, _ in rejected] == ["step-2"]


def large(store, step):
    """Commit a checkpoint of several pages in each file of tensors."""
    draw = torch.Generator().manual_seed(step)
    weights = {"w": torch.rand(5000, generator=draw)}
    tree = {"course": {"step": step}, "optimizer": {0: torch.rand(9000, generator=draw)}}
    return store.commit(step, weights, tree, fake_builder.ABOUT)


def test_a_cut_at_any_page_of_any_file_is_found(tmp_path):
    """A file that ends at any multiple of 4 KB before its end, the last sign included, is found out."""
    store = CheckpointStore(tmp_path)
    saved = large(store, 1)
    tried = 0
    for name in FILES:
        path = saved.path / name
        data = path.read_bytes()
        for size in [*range(0, len(data), 4096), len(data.rstrip()) - 1]:
            path.write_bytes(data[:size])
            assert store.newest()[0] is None, (name, size)
            tried += 1
        path.write_bytes(data)
    assert store.newest()[0] is not None
    assert tried > 15


@pytest.mark.parametrize("kind", ["flip", "zero", "swap", "longer"])
def test_forty_damages_of_a_kind_are_all_found(tmp_path, kind):
    """Bits that flip, pages that are lost or change places, and added bytes are found wherever they are."""
    import random

    store, draw = CheckpointStore(tmp_path), random.Random(0)
    saved = large(store, 1)
    whole = {name: (saved.path / name).read_bytes() for name in FILES}
    for _ in range(40):
        name = draw.choice((WEIGHTS, TENSORS) if kind in {"zero", "swap"} else FILES)
        data = bytearray(whole[name])
        if kind == "flip":
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        elif kind == "longer":
            data += b" " * draw.randint(1, 5000)
        else:
            first, second = (4096 * page for page in draw.sample(range(len(data) // 4096), 2))
            page = data[second : second + 4096]
            data[second : second + 4096] = data[first : first + 4096] if kind == "swap" else bytes(4096)
            if kind == "swap":
                data[first : first + 4096] = page
        (saved.path / name).write_bytes(data)
        found, rejected = store.newest()
        # A manifest says the same with more white space behind it.
        if not (kind == "longer" and name == MANIFEST):
            assert found is None, name
            assert [folder.name for folder, _ in rejected] == ["step-1"]
        (saved.path / name).write_bytes(whole[name])


def test_pruning_never_takes_the_protected_or_the_newest(tmp_path):
    """Pruning keeps the newest ones and the protected ones, by sequence and never by clock."""
    store = CheckpointStore(tmp_path)
    for step in range(1, 7):
        saved = save(store, step)
        os.utime(saved.path, (10 - step, 10 - step))
    assert sorted(prune(store, 2, {1, 3})) == [2, 4]
    assert [saved.step for saved in store.all_checkpoints()] == [6, 5, 3, 1]


def test_pruning_counts_only_whole_checkpoints(tmp_path):
    """A damaged checkpoint does not count: the newest good one stays, however few are to be kept."""
    store = CheckpointStore(tmp_path)
    for step in (1, 2, 3):
        saved = save(store, step)
    (saved.path / WEIGHTS).write_bytes(b"")
    assert prune(store, 1, set()) == [1]
    assert damage(read_manifest(store.root / "step-2")) is None


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.builds(torch.tensor, st.lists(st.floats(width=32, allow_nan=False), min_size=1)),
)
keys = st.one_of(st.text(), st.integers())
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=8,
)


def same(left, right):
    """Return whether two trees are equal, types included."""
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(st.text(min_size=1), trees, max_size=3))
def test_a_state_tree_survives_json_and_safetensors(tmp_path, tree):
    """Any tree of plain values and tensors comes back from its files as it was."""
    import json

    tensors, skeleton = encode(tree)
    assert same(decode(json.loads(json.dumps(skeleton)), tensors), tree)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.uint8, torch.float16]
)
def test_our_writer_is_read_by_the_safetensors_library(tmp_path, dtype):
    """Tensors of every type, scalars and empty ones included, are read back by the safetensors library."""
    from declare.runtime.checkpoint.safetensors_io import write_tensors

    tensors = {
        "a": torch.arange(12).reshape(3, 4).T.to(dtype),
        "b": torch.ones((), dtype=dtype),
        "c": torch.zeros(0, 2),
    }
    path = Path(tmp_path / "x.safetensors")
    with durable_io.create_new(path) as descriptor:
        write_tensors(durable_io.HashedFile(descriptor), tensors)
    read = read_tensors(path)
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(read[name], tensor)
        assert read[name].dtype == tensor.dtype
