"""Headers of weights say what the files hold, without torch; what cannot be read is refused by both readers alike."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from declare.nn.pickle_headers import is_allowed, read_pickle_header
from declare.nn.tensor_facts import TensorFacts, dtype_of
from declare.nn.weight_files import read_tensors
from declare.nn.weight_headers import UnreadableError, read_facts

STATE = {
    "float": torch.zeros(2, 3),
    "half": torch.zeros(4, dtype=torch.float16),
    "bf16": torch.zeros(4, 1, dtype=torch.bfloat16),
    "double": torch.zeros((), dtype=torch.float64),
    "long": torch.zeros(0, 5, dtype=torch.int64),
    "byte": torch.zeros(3, dtype=torch.uint8),
    "bool": torch.zeros(3, dtype=torch.bool),
}


def indexed(folder, ending="safetensors", **changes):
    """Write the state in two files with an index; `changes` replace entries of the index."""
    names = list(STATE)
    places = {}
    for number, part in enumerate((names[:3], names[3:])):
        name = f"part-{number}.{ending}"
        tensors = {key: STATE[key] for key in part}
        save_file(tensors, folder / name) if ending == "safetensors" else torch.save(tensors, folder / name)
        places |= dict.fromkeys(part, name)
    path = folder / f"model.{ending}.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": places | changes}))
    return path


def written(folder, how):
    """Write the state in one of the ways that are read."""
    if how.startswith("index"):
        return indexed(folder, how.partition(" ")[2])
    path = folder / ("w.safetensors" if how == "safetensors" else "w.pt")
    if how == "safetensors":
        save_file(STATE, path)
    else:
        torch.save(dict(STATE), path, _use_new_zipfile_serialization=how == "torch")
    return path


def facts_of(tensors):
    return {name: TensorFacts(tuple(item.shape), dtype_of(str(item.dtype))) for name, item in tensors.items()}


@pytest.mark.parametrize("how", ["safetensors", "torch", "old torch", "index safetensors", "index bin"])
def test_headers_say_what_the_tensors_are(tmp_path, how):
    """Names, shapes and types are those of the tensors themselves, whatever the file."""
    path = written(tmp_path, how)
    assert read_facts(path) == facts_of(read_tensors(path)) == facts_of(STATE)


@pytest.mark.parametrize("new", [True, False])
def test_what_trainers_write_beside_weights_is_passed_over(tmp_path, new):
    """Parameters, views, sparse tensors, optimizer states, numbers and texts, in any nesting."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    content = {
        "state_dict": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "view": torch.arange(12.0).view(3, 4).t()[1:],
        "sparse": torch.eye(3).to_sparse(),
        "rest": [1.5, None, True, "a", (1, 2, 3, 4), 1 << 70, torch.float32, torch.Size([1]), b"abc"],
    }
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    found = read_facts(tmp_path / "w.pt")
    assert found["state_dict"] == facts_of(net.state_dict())
    assert {name: found[name].shape for name in ("parameter", "view", "sparse")} == {
        "parameter": (2,),
        "view": (3, 3),
        "sparse": (3, 3),
    }


def test_pickles_may_name_what_torch_lets_them_name():
    """The allowed functions and classes are those of `weights_only`; no other may stand in a file."""
    from torch import _weights_only_unpickler as unpickler

    assert [name for name in unpickler._get_allowed_globals() if not is_allowed(name)] == []
    others = ("os.system", "builtins.eval", "builtins.getattr", "torch.load", "torch.hub.load", "torch.nn.Linear",
              "torch.nn.modules.linear.Linear", "torch._utils._import_dotted_name", "numpy.load", "torch.jit.load")  # fmt: skip
    assert [name for name in others if is_allowed(name)] == []


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {how: written(folder, how).read_bytes() for how in ("safetensors", "torch", "old torch")}, folder


@pytest.mark.parametrize("how", ["safetensors", "torch", "old torch"])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_files_that_are_cut_off_are_refused(contents, how, data):
    """At whatever byte a file ends before its end, its header cannot be true."""
    whole, folder = contents
    length = data.draw(st.integers(0, len(whole[how]) - 1))
    path = folder / ("cut.safetensors" if how == "safetensors" else "cut.pt")
    path.write_bytes(whole[how][:length])
    with pytest.raises(UnreadableError):
        read_facts(path)


@pytest.mark.parametrize("how", ["torch", "old torch"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damaged_files_end_in_a_finding(contents, how, data):
    """Whatever stands in a byte of a torch file, its header is read or refused; nothing else is raised."""
    whole, folder = contents
    broken = bytearray(whole[how])
    broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "broken.pt"
    path.write_bytes(broken)
    with suppress(UnreadableError):
        read_pickle_header(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"float": "gone.safetensors"}, "is not there"),
        ({"float": "../part-0.safetensors"}, "not a file next to it"),
        ({"float": "model.safetensors.index.json"}, "not a file next to it"),
        ({"float": "part-1.safetensors"}, "has no `float`"),
        ({"more": "part-1.safetensors"}, "has no `more`"),
    ],
)
def test_an_index_that_is_not_true_is_refused(tmp_path, changes, words):
    """Files that lack or lie elsewhere, and tensors that stand in another file; by both readers."""
    path = indexed(tmp_path, **changes)
    for read in (read_facts, read_tensors):
        with pytest.raises(UnreadableError, match=words):
            read(path)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"weight_map": {}}', '{"weight_map": 3}'])
def test_what_is_no_index_is_refused(tmp_path, content):
    """An index lists at least one tensor."""
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(content)
    with pytest.raises(UnreadableError, match="not an index"):
        read_facts(path)


def test_archives_that_are_no_weights_say_what_they_are(tmp_path):
    """Whole models and programs of TorchScript are named, other archives too."""
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/constants.pkl", b"\x80\x02).")
        archive.writestr("script/data.pkl", b"\x80\x02).")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("a.txt", b"a")
    for name, words in (("model", "run code"), ("script", "TorchScript"), ("other", "not one of torch")):
        with pytest.raises(UnreadableError, match=words):
            read_facts(tmp_path / f"{name}.pt")


@pytest.mark.parametrize(
    ("own", "other", "fills"),
    [
        ("F16", "F32", True),
        ("F64", "BF16", True),
        ("I32", "I64", True),
        ("BOOL", "I64", True),
        ("I8", "F32", False),
        ("F8_E4M3", "F32", False),
        ("float8_e4m3fn", "F16", False),
        ("quantised", "F32", False),
        ("C64", "F32", False),
        ("F32", "I64", False),
    ],
)
def test_numbers_of_one_kind_stand_for_one_another(own, other, fills):
    """Floats of 16 bits and more among themselves, whole numbers among themselves, quantised ones for none."""
    assert TensorFacts((1,), own).can_fill(TensorFacts((1,), other)) is fills


def test_headers_are_read_without_torch():
    """What `validate` needs of files of weights imports no torch."""
    code = "import declare.compiler.parameters.init_files, declare.compiler.parameters.pretrained_files, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
