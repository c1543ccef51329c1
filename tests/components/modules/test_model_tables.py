"""The tables of library models against the real models, and what they answer."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from importlib import import_module

import pytest

from declare.components.modules import _model_tables
from declare.contract.component import Component
from declare.contract.kinds.module import Costs
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.dev.generators import library_tables
from declare.parsing import lookup
from declare.system import library_table
from declare.system.library_table import LibraryTable
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


TABLES = [*_model_tables.TABLES.values(), *library_tables.tables()]
LIBRARY = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path.stem)


def _known(library: str) -> list[str]:
    return [
        name
        for name, record in _model_tables.TABLES[library].shipped_records.items()
        if "parameters" in record
    ]


def _measured(*libraries: str) -> pytest.MarkDecorator:
    """Figures were measured with one version of each library."""
    others = [name for name in libraries if not _model_tables.TABLES[name].is_current()]
    return pytest.mark.skipif(bool(others), reason=f"another version of {', '.join(others)} was measured")


SAMPLE = [
    pytest.param(library, name, marks=_measured(library))
    for library, names in (
        ("timm", [*USUAL, *CHOICE.sample(_known("timm"), 12)]),
        ("torchvision", CHOICE.sample(_known("torchvision"), 5)),
    )
    for name in names
]


@pytest.mark.parametrize(("library", "name"), SAMPLE)
def test_figures_are_those_of_the_real_model(library, name):
    """For its default size, and for another with another number of channels, the table gives the real figures."""
    component = lookup.find("modules", library)(name=name)
    record = _model_tables.record(library, name)
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


def _pretend(monkeypatch, table, records):
    """Let another version of the table's libraries be installed, which has `records`."""
    monkeypatch.setattr(library_table.user_cache, "read_text", lambda _: None)
    monkeypatch.setattr(library_table.user_cache, "write_text", lambda *_: None)
    other = LibraryTable(table.path, table.introspection, table.libraries)
    monkeypatch.setattr(library_table, "installed_version", lambda _: "99.0")
    monkeypatch.setattr(other, "_ask", lambda: json.dumps(records))
    return other


@LIBRARY
def test_a_table_says_what_the_library_itself_says(table, monkeypatch):
    """Asked, the installed libraries have every name that the table has, with the same record but for figures."""
    asked = import_module(table.introspection).records()
    assert asked == json.loads(json.dumps(asked))
    if table.is_current():
        shipped = table.shipped_records
        assert set(asked) == set(shipped)
        assert all({key: shipped[name][key] for key in record} == record for name, record in asked.items()), (
            "python -m declare.dev generate --all"
        )
    other = _pretend(monkeypatch, table, asked)
    assert other.records() == asked


@LIBRARY
def test_another_version_is_asked(table, monkeypatch):
    """Of another version neither names nor records come from the table, and what it lacks is lacking."""
    record = next(iter(table.shipped_records.values())) | {"mark": 1}
    other = _pretend(monkeypatch, table, {"of_tomorrow": record})
    assert dict(other.records()) == {"of_tomorrow": record}
    assert other.record("of_tomorrow") == record
    assert other.record(next(iter(table.shipped_records))) is None


@pytest.mark.parametrize(("library", "name"), [("timm", "resnet10t"), ("torchvision", "resnet18")])
def test_names_are_checked_and_figures_probed_in_another_version(library, name, monkeypatch):
    """Another version's unknown names are findings, and shapes and costs of known ones are left to a probe."""
    names = {name: {"size": 224, "weights_size": 224}, "of_tomorrow": {"size": 224}}
    other = _pretend(monkeypatch, _model_tables.TABLES[library], names)
    monkeypatch.setitem(_model_tables.TABLES, library, other)
    make, inputs = lookup.find("modules", library), {"input": (Shape("image", (3, 64, 64)),)}
    for known in names:
        component = make(name=known)
        assert component.infer(inputs) is component.costs(inputs) is None
    for unknown in ("resnet9999", "vit_of_old"):
        assert make(name=unknown).infer(inputs).code == "REF241"


@pytest.mark.parametrize("kind", ["optimizers", "transforms"])
def test_components_follow_another_version(kind, monkeypatch):
    """Names and parameters of components are those of the version that is installed."""
    module = import_module(f"declare.components.{kind}._library")
    name, record = next(iter(module.TABLE.shipped_records.items()))
    monkeypatch.setattr(module, "TABLE", _pretend(monkeypatch, module.TABLE, {"of_tomorrow": record}))
    assert module.names() == ["of_tomorrow"]
    assert issubclass(module.find.__wrapped__("of_tomorrow"), Component)
    assert module.find.__wrapped__(name) is None


def test_a_rule_that_was_never_compared_is_no_rule_for_shares(monkeypatch):
    """An optimizer that the shipped table lacks is not used on parameters in shares."""
    from declare.components.optimizers import _library as module

    records = {
        "of_tomorrow": module.TABLE.shipped_records["lion"],
        "lion": module.TABLE.shipped_records["lion"],
    }
    monkeypatch.setattr(module, "TABLE", _pretend(monkeypatch, module.TABLE, records))
    assert module.find.__wrapped__("of_tomorrow").whole
    assert not module.find.__wrapped__("lion").whole


def test_most_models_need_no_probe():
    """Six models in ten of timm and nine in ten of torchvision have figures in the table."""
    assert len(_known("timm")) >= 0.6 * len(_model_tables.TABLES["timm"].shipped_records)
    assert len(_known("torchvision")) >= 0.9 * len(_model_tables.TABLES["torchvision"].shipped_records)


@_measured("timm")
def test_a_known_model_is_answered_without_torch():
    """Shapes and costs of a timm model come from the table alone: neither torch nor timm is imported."""
    code = (
        "import sys; from declare.parsing import lookup; from declare.contract.shapes import Shape;"
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
    name = next(
        name for name in _model_tables.names("timm") if "tags" not in _model_tables.record("timm", name)
    )
    found = lookup.find("modules", "timm")(name=name, pretrained=True).infer(
        {"input": (Shape("image", (3, 64, 64)),)}
    )
    assert isinstance(found, Problem)
    assert (found.code, found.at) == ("RES840", "pretrained")
