"""The probe: shapes and costs of what has no closed form, remembered without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from declare.compiler.meta import shape_cache as probing
from declare.compiler.meta.shape_cache import ProbeAnswer, folder, layers, probe
from declare.compiler.parameters import parameter_names
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.parsing import lookup
from declare.system import trust

IMAGE = Shape("image", (3, 32, 32))
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4, reads=False):
        super().__init__()
        self.conv = nn.Conv1d(3, width, 5)
        if reads:
            self.scale = torch.ones(1).item()

    def forward(self, x):
        y = self.conv(x)
        return {"output": y.mean(-1), "wave": y}

class Odd(nn.Module):
    def forward(self, x):
        return x.sum()

class Words:
    pass
"""


@pytest.fixture
def net(tmp_path, monkeypatch):
    """Write a module file; nothing is trusted before the test says so."""
    monkeypatch.setattr(trust, "_granted", set())
    path = tmp_path / "net.py"
    path.write_text(NET, encoding="utf-8")
    return path


def _module(path, name="Net", **more):
    return lookup.find("modules", "python")(file=path, name=name, **more)


def _grant(path):
    trust.grant([trust.entry(path, path.read_bytes())])


def test_a_probe_gives_shapes_costs_and_layers():
    """A model outside of the table has its outputs, parameters, FLOPs and layers measured."""
    component = lookup.find("modules", "timm")(name="vit_tiny_patch16_224", args={"img_size": 32, "depth": 1})
    found = probe("modules", component, {"input": (IMAGE,)})
    assert isinstance(found, ProbeAnswer)
    assert found.outputs == {"output": Shape("vector", (192,)), "sequence": Shape("sequence", (5, 192))}
    assert found.costs.parameters == sum(layer.parameters for layer in found.layers if layer.name == "model")
    assert found.costs.flops == next(layer.flops for layer in found.layers if layer.name == "model")
    assert {layer.name: layer.type for layer in found.layers}["model.patch_embed.proj"] == "Conv2d"


def test_the_second_time_no_torch_is_needed():
    """A library is asked in another process, and once: the answer is kept in the user's cache folder."""
    code = (
        "import sys; from declare.compiler.meta.shape_cache import probe; from declare.parsing import lookup; from declare.system import worker_process;"
        "from declare.contract.shapes import Shape; c = lookup.find('modules', 'timm')(name='resnet10t', args={'drop_rate': 0.5});"
        "r = probe('modules', c, {'input': (Shape('image', (3, 32, 32)),)}); "
        "print(r.costs, 'torch' in sys.modules, worker_process.WORKER.num_calls > 0)"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.strip()
        for _ in range(2)
    )
    assert first.endswith("False True")
    assert second == first.replace("True", "False")


def test_a_model_that_refuses_its_input_is_a_problem():
    """The library's own words stand in the note, the code says what did not fit, the path is the input's."""
    component = lookup.find("modules", "timm")(name="vit_tiny_patch16_224", args={"depth": 1}, input="photo")
    found = probe("modules", component, {"input": (IMAGE,)})
    assert isinstance(found, Problem)
    assert (found.code, found.at) == ("SHP502", "input")
    assert "224" in found.notes[0]
    assert probe("modules", component, {"input": (IMAGE,)}) == found, "the problem is remembered as it is"


def test_arguments_that_a_library_does_not_know_are_a_problem():
    """An unknown argument of the real model is SHP514."""
    component = lookup.find("modules", "timm")(name="resnet10t", args={"colour": "blue"})
    found = probe("modules", component, {"input": (IMAGE,)})
    assert isinstance(found, Problem)
    assert found.code == "SHP514"
    assert "colour" in found.notes[0]


def test_layers_of_a_closed_form_module_come_from_the_meta_device():
    """A report can have the layers of any module or head, whose costs sum to the closed form."""
    component = lookup.find("modules", "mlp")(hidden=[8, 4])
    inputs = {"input": (Shape("vector", (6,)),)}
    found = layers(component, inputs)
    assert [(layer.name, layer.type, layer.shape) for layer in found] == [
        ("0", "Linear", (8,)),
        ("1", "ReLU", (8,)),
        ("2", "Linear", (4,)),
        ("3", "ReLU", (4,)),
    ]
    assert sum(layer.parameters for layer in found) == component.costs(inputs).parameters
    head = layers(lookup.find("heads", "mlp")(hidden=[8]), inputs, Shape("vector", (3,)))
    assert [layer.name for layer in head] == ["0", "1", "2"]


def test_a_python_module_runs_only_where_its_content_is_trusted(net):
    """An untrusted file is a problem that shows the very words that trust it; a changed one is one again."""
    found = _module(net).infer({"input": (Shape("series", (3, 20)),)})
    assert isinstance(found, Problem)
    assert found.code == "REF242"
    with pytest.raises(ProblemError):
        _module(net).build({})
    trust.grant([found.helps[0].split("`")[1].removeprefix("--trust ")])
    assert _module(net).infer({"input": (Shape("series", (3, 20)),)}) is None
    net.write_text(NET + "\n# changed", encoding="utf-8")
    changed = _module(net).infer({"input": (Shape("series", (3, 20)),)})
    assert "changed" in changed.title


def test_a_python_module_is_probed_with_the_layouts_that_it_states(net):
    """Outputs of a user's module follow from their axes, or from the layouts that the spec states."""
    _grant(net)
    inputs = {"input": (Shape("series", (3, 20)),)}
    found = probe("modules", _module(net, outputs={"wave": "series"}), inputs)
    assert found.outputs == {"output": Shape("vector", (4,)), "wave": Shape("series", (4, 16))}
    assert found.costs.parameters == 3 * 4 * 5 + 4
    assert found.costs.flops == 2 * 3 * 4 * 5 * 16


def test_sizes_that_vary_are_found_by_a_second_run(net):
    """An axis of the output that follows a varying axis of the input varies; FLOPs are then unknown."""
    _grant(net)
    found = probe(
        "modules", _module(net, outputs={"wave": "series"}), {"input": (Shape("series", (3, None)),)}
    )
    assert found.outputs == {"output": Shape("vector", (4,)), "wave": Shape("series", (4, None))}
    assert (found.costs.parameters, found.costs.flops) == (64, None)


def test_a_module_that_reads_values_is_built_for_real(net):
    """What cannot be built on the meta device is built in memory and measured all the same."""
    _grant(net)
    found = probe("modules", _module(net, args={"reads": True}), {"input": (Shape("series", (3, 20)),)})
    assert isinstance(found, ProbeAnswer)
    assert found.costs.parameters == 64


@pytest.mark.parametrize(
    ("name", "shape", "code"),
    [
        ("Net", Shape("series", (3, 4)), "SHP506"),
        ("Net", Shape("series", (2, 20)), "SHP508"),
        ("Odd", Shape("series", (3, 20)), "SHP514"),
        ("Words", Shape("series", (3, 20)), "REF243"),
        ("Nothing", Shape("series", (3, 20)), "REF243"),
    ],
)
def test_a_python_module_that_fails_is_a_problem(net, name, shape, code):
    """Windows too short, channels that do not fit, results without a batch axis and missing classes have codes."""
    _grant(net)
    found = probe("modules", _module(net, name), {"input": (shape,)})
    assert isinstance(found, Problem)
    assert found.code == code


def test_an_answer_depends_on_the_file(net):
    """A changed file is a new question."""
    _grant(net)
    inputs = {"input": (Shape("series", (3, 20)),)}
    before = probe("modules", _module(net), inputs)
    net.write_text(NET.replace("width=4", "width=6"), encoding="utf-8")
    _grant(net)
    after = probe("modules", _module(net), inputs)
    assert (before.outputs["output"].dims, after.outputs["output"].dims) == ((4,), (6,))


def test_a_folder_that_cannot_be_written_costs_no_answer(monkeypatch, tmp_path):
    """Where the cache cannot be kept, the probe answers all the same."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "file"))
    component = lookup.find("modules", "mlp")(hidden=[4])
    assert isinstance(probe("modules", component, {"input": (Shape("vector", (6,)),)}), ProbeAnswer)
    assert not folder().exists()


@pytest.mark.parametrize("library", probing.LIBRARIES)
def test_what_was_asked_counts_for_its_versions(library, monkeypatch):
    """Another version of any library that modules are built with is asked anew, for shapes and for names."""
    component, shape = lookup.find("modules", "mlp")(hidden=[2]), Shape("vector", (3,))

    def keys():
        return (
            probing.question_key("modules", component, []),
            parameter_names._key("modules", component, (), shape, {}),
        )

    before = keys()
    monkeypatch.setattr(probing, "installed_version", lambda name: "99" if name == library else "1")
    some = keys()
    monkeypatch.setattr(probing, "installed_version", lambda name: "1")
    assert len({before, some, keys()}) == 3
    assert all(one != other for one, other in zip(some, keys(), strict=True))


def test_names_follow_the_files_that_a_module_stands_on(monkeypatch):
    """Names of parameters are asked anew where a module's own files have changed."""
    make = lookup.find("modules", "mlp")
    component, shape = make(hidden=[2]), Shape("vector", (3,))
    before = parameter_names._key("modules", component, (), shape, {})
    monkeypatch.setattr(make, "stamp", lambda self: "changed")
    assert parameter_names._key("modules", component, (), shape, {}) != before
