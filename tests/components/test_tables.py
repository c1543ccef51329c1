"""The tables of library models against the real models, and what they answer."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from declare.components.modules import _tables
from declare.contract import lookup
from declare.contract.module import Costs
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from tests.components.conformance import Case

USUAL = [
    "resnet18",
    "resnet50",
    "mobilenetv3_small_100",
    "efficientnet_b0",
    "convnext_atto",
    "vgg11",
    "regnetx_002",
]
CHOICE = random.Random(0)


def _known(library: str) -> list[str]:
    return [name for name in _tables.names(library) if "parameters" in _tables.record(library, name)]


SAMPLE = [("timm", name) for name in [*USUAL, *CHOICE.sample(_known("timm"), 12)]] + [
    ("torchvision", name) for name in CHOICE.sample(_known("torchvision"), 5)
]


@pytest.mark.parametrize(("library", "name"), SAMPLE)
def test_figures_are_those_of_the_real_model(library, name):
    """For its default size, and for another with another number of channels, the table gives the real figures."""
    component = lookup.find("modules", library)(name=name)
    record = _tables.record(library, name)
    sizes = [(record["size"], record["size"])] + ([] if record.get("fixed") else [(93, 130)])
    for channels, (height, width) in zip((2, 5), sizes, strict=False):
        case = Case(component, {"input": (Shape("image", (channels, height, width)),)}, None)
        found = component.infer(case.inputs)
        if found is None:
            assert (height, width) != sizes[0], "the default size is always known"
            continue
        real = case.measure()
        assert {key: shape.dims for key, shape in found.items()} == {
            key: dims for key, (dims, _) in real.outputs.items()
        }
        costs = component.costs(case.inputs)
        assert costs is None or costs == Costs(
            real.parameters, real.flops, costs.activation_bytes and real.activation_bytes
        )


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_the_table_knows_every_model_of_the_installed_library(library):
    """No model of the installed library is unknown, so none is refused as a typing error."""
    if library == "timm":
        import timm

        models = timm.list_models()
    else:
        from torchvision import models as zoo

        models = zoo.list_models(module=zoo)
    assert set(models) == set(_tables.names(library))


def test_a_newer_library_may_have_more_models(monkeypatch):
    """Where another version is installed, a name that the table lacks is left to a probe."""
    component = lookup.find("modules", "timm")(name="resnet_of_tomorrow")
    inputs = {"input": (Shape("image", (3, 64, 64)),)}
    assert component.infer(inputs).code == "REF241"
    monkeypatch.setattr(_tables, "version", lambda _: "99.0")
    assert component.infer(inputs) is None


def test_most_models_need_no_probe():
    """Six models in ten of timm and nine in ten of torchvision have figures in the table."""
    assert len(_known("timm")) >= 0.6 * len(_tables.names("timm"))
    assert len(_known("torchvision")) >= 0.9 * len(_tables.names("torchvision"))


def test_a_known_model_is_answered_without_torch():
    """Shapes and costs of a timm model come from the table alone: neither torch nor timm is imported."""
    code = (
        "import sys; from declare.contract import lookup; from declare.contract.shapes import Shape;"
        "c = lookup.find('modules', 'timm')(name='resnet10t'); i = {'input': (Shape('image', (3, 96, 96)),)};"
        "assert c.infer(i)['map'].dims == (512, 3, 3); assert c.costs(i).flops == 402886656;"
        "assert not {'torch', 'timm', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_that_cannot_be_had_are_a_problem(tmp_path):
    """Without network, weights of the library end in RES840, whose help says what else there is."""
    component = lookup.find("modules", "torchvision")(name="squeezenet1_1", pretrained=True)
    with pytest.raises(ProblemError) as caught:
        component.build({"input": (Shape("image", (3, 64, 64)),)})
    assert caught.value.problem.code == "RES840"
    assert any("pretrained: false" in text for text in caught.value.problem.helps)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_from_a_file_are_loaded(suffix, tmp_path):
    """Weights that another model of the same kind saved are those of the new one; its classifier is left out."""
    import torch
    from safetensors.torch import save_file

    inputs = {"input": (Shape("image", (3, 32, 32)),)}
    make = lookup.find("modules", "timm")
    torch.manual_seed(1)
    state = make(name="resnet10t").build(inputs).model.state_dict()
    with_head = state | {"fc.weight": torch.zeros(10, 512)}
    path = tmp_path / f"weights{suffix}"
    save_file(with_head, path) if suffix == ".safetensors" else torch.save({"state_dict": with_head}, path)
    torch.manual_seed(2)
    loaded = make(name="resnet10t", pretrained=path).build(inputs).model.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_weights_of_another_model_are_a_problem(tmp_path):
    """A file that lacks weights of the model is refused with the first name that it lacks."""
    from safetensors.torch import save_file
    from torch import zeros

    save_file({"conv1.weight": zeros(1)}, tmp_path / "other.safetensors")
    component = lookup.find("modules", "timm")(name="resnet10t", pretrained=tmp_path / "other.safetensors")
    with pytest.raises(ProblemError) as caught:
        component.build({"input": (Shape("image", (3, 32, 32)),)})
    assert caught.value.problem.code == "RES840"


def test_a_model_without_weights_is_a_problem_before_the_run():
    """`pretrained: true` for a timm model of which no weights exist is found from the table."""
    name = next(name for name in _known("timm") if "tags" not in _tables.record("timm", name))
    found = lookup.find("modules", "timm")(name=name, pretrained=True).infer(
        {"input": (Shape("image", (3, 64, 64)),)}
    )
    assert isinstance(found, Problem)
    assert (found.code, found.at) == ("RES840", "pretrained")
