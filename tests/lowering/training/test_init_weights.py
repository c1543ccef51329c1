"""Weights from files: what is loaded, what is refused, and that nothing in a file is run."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from declare.contract.problem import ProblemError
from declare.ir.plan import InitPlan
from declare.lowering.model.graph import make_graph
from declare.lowering.training.init_weights import load_init, read_weights
from tests.lowering.plans import classify


def init(graph, path, **changes):
    """Load `path` into a graph with one `init` entry."""
    entry = {
        "source": "file",
        "reference": str(path),
        "modules": ("*",),
        "strict": True,
        "rename": {},
    } | changes
    sketch = classify()
    phase = sketch.phase(init=(InitPlan(**entry),))
    (report,) = load_init(sketch.plan(phase), phase, graph, lambda item: Path(item.reference))
    return report


def saved(folder, state, name="w.safetensors"):
    """Write a state to a file and return its path."""
    path = folder / name
    state = {key: value.clone() for key, value in state.items()}
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    return path


def other():
    """Return a graph with other weights."""
    graph = make_graph(classify().plan(seed=99))
    assert not torch.equal(graph.encoder[0].weight, make_graph(classify().plan()).encoder[0].weight)
    return graph


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_a_whole_state_is_loaded(tmp_path, name):
    """Every weight comes from the file, in either format."""
    graph, source = make_graph(classify().plan()), other().state_dict()
    report = init(graph, saved(tmp_path, source, name))
    assert report.loaded == tuple(source)
    assert (report.missing, report.unexpected, report.reshaped) == ((), (), ())
    assert all(torch.equal(graph.state_dict()[key], value) for key, value in source.items())


def test_modules_choose_what_is_loaded(tmp_path):
    """With `modules: [encoder]` the head stays fresh, and the file need not hold it."""
    graph = make_graph(classify().plan())
    head = graph.heads.kind.weight.detach().clone()
    source = {key: value for key, value in other().state_dict().items() if key.startswith("encoder")}
    report = init(graph, saved(tmp_path, source), modules=("encoder",))
    assert report.loaded == ("encoder.0.weight", "encoder.0.bias")
    assert torch.equal(graph.heads.kind.weight, head)


def test_names_are_changed_by_prefix(tmp_path):
    """`rename` maps an old prefix of whole name parts to a new one."""
    source = {key.replace("encoder", "backbone.body"): value for key, value in other().state_dict().items()}
    graph = make_graph(classify().plan())
    assert len(init(graph, saved(tmp_path, source), rename={"backbone.body": "encoder"}).loaded) == 4
    assert torch.equal(graph.encoder[0].weight, source["backbone.body.0.weight"])


def test_another_shape_is_refused(tmp_path):
    """A reshaped weight is SHP501 with both shapes, and nothing is loaded; without `strict` it stays fresh."""
    graph = make_graph(classify().plan())
    before = {key: value.clone() for key, value in graph.state_dict().items()}
    source = other().state_dict() | {"encoder.0.weight": torch.zeros(16, 7)}
    path = saved(tmp_path, source)
    with pytest.raises(ProblemError, match=r"\[16, 4\] here but \[16, 7\]") as caught:
        init(graph, path)
    assert [problem.code for problem in caught.value.problems] == ["SHP501"]
    assert caught.value.problem.at == "phases.fit.init.0.from"
    assert all(torch.equal(graph.state_dict()[key], value) for key, value in before.items())
    report = init(graph, path, strict=False)
    assert report.reshaped == ("encoder.0.weight",)
    assert torch.equal(graph.encoder[0].weight, before["encoder.0.weight"])
    assert torch.equal(graph.encoder[0].bias, source["encoder.0.bias"])


def test_absent_weights_are_refused_with_the_likely_rename(tmp_path):
    """A missing weight is SHP503 and says under which name the file has it."""
    source = {key.replace("encoder", "backbone"): value for key, value in other().state_dict().items()}
    with pytest.raises(ProblemError) as caught:
        init(make_graph(classify().plan()), saved(tmp_path, source))
    assert [problem.code for problem in caught.value.problems] == ["SHP503"]
    assert "rename: {backbone: encoder}" in caught.value.problem.helps[0]


def test_weights_that_the_model_has_not_are_reported(tmp_path):
    """Extra weights of the file are no error."""
    source = other().state_dict() | {"fc.weight": torch.zeros(2)}
    assert init(make_graph(classify().plan()), saved(tmp_path, source)).unexpected == ("fc.weight",)


def test_an_entry_that_loads_nothing_is_refused(tmp_path):
    """Not even without `strict` may an `init` do nothing."""
    with pytest.raises(ProblemError) as caught:
        init(make_graph(classify().plan()), saved(tmp_path, {"fc.weight": torch.zeros(2)}), strict=False)
    assert caught.value.problem.code == "SHP504"


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_file_is_never_run(tmp_path):
    """A pickle with more than tensors is RES814, and nothing of it is executed."""
    marker = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    with path.open("wb") as file:
        pickle.dump({"encoder.0.weight": Touch(marker)}, file, protocol=2)
    with pytest.raises(ProblemError) as caught:
        read_weights(path)
    assert caught.value.problem.code == "RES814"
    assert not marker.exists()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize("content", [None, b"", b"garbage" * 9])
def test_files_that_cannot_be_read_are_said(tmp_path, name, content):
    """Missing, empty and broken files are RES814."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        read_weights(path)
    assert caught.value.problem.code == "RES814"


def test_states_of_other_trainers_are_found(tmp_path):
    """A state under `state_dict`, with the names of a wrapper before them, is read as it is meant."""
    state = {f"module.{key}": value for key, value in other().state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "w.pth")
    assert len(init(make_graph(classify().plan()), tmp_path / "w.pth").loaded) == 4
