"""Modules: sizes that vary, what does not fit, and variants beside those of the laws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.compiler.meta import shape_cache
from declare.compiler.meta.flop_count import measure
from declare.contract.kinds.module import Costs
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing import lookup, parser
from tests.components.conformance import SAMPLES, Case
from tests.components.laws.nodes import LAWS

IMAGE, SERIES = (SAMPLES["image"],), (SAMPLES["series"],)
EXTRA = [
    (
        "mlp",
        {"hidden": [8, 4], "norm": "layer", "dropout": 0.5},
        {"input": (SAMPLES["vector"], SAMPLES["number"])},
    ),
    ("mlp", {"hidden": [8], "norm": "batch", "activation": "tanh"}, {"input": (SAMPLES["sequence"],)}),
    ("cnn", {"channels": [4, 6, 8], "downsample": "stride", "kernel": 5, "norm": "none"}, {"input": IMAGE}),
    ("cnn", {"channels": [4, 6], "pool": "flatten", "dropout": 0.2, "downsample": "mean"}, {"input": IMAGE}),
    ("cnn", {"channels": [4, 6], "pool": "max", "norm": "group", "downsample": "none"}, {"input": IMAGE}),
    ("conv1d", {"channels": [4, 6], "pool": "flatten", "downsample": "stride"}, {"input": SERIES}),
    (
        "conv1d",
        {"channels": [4, 6], "norm": "none", "dropout": 0.2, "kernel": 3},
        {"input": (SAMPLES["sequence"],)},
    ),
    (
        "rnn",
        {"cell": "gru", "depth": 2, "bidirectional": True, "pool": "mean", "dropout": 0.1},
        {"input": SERIES},
    ),
    ("rnn", {"cell": "lstm", "depth": 2, "bidirectional": True, "dim": 5}, {"input": (SAMPLES["sequence"],)}),
    (
        "tabular",
        {"width": 8, "embedding": 3, "dropout": 0.1},
        {"input": tuple(SAMPLES[x] for x in ("number", "category", "labels"))},
    ),
    ("upsample", {"channels": [4, 4]}, {"input": IMAGE, "like": (SAMPLES["mask"],)}),
    ("upsample", {"channels": [4], "size": 50}, {"input": IMAGE}),
    (
        "transformer",
        {"dim": 8, "depth": 2, "heads": 2, "causal": True},
        {"input": (SAMPLES["tokens"],)},
    ),
    (
        "transformer",
        {"dim": 8, "depth": 1, "heads": 2, "positions": "learned", "patch": 8},
        {"input": IMAGE},
    ),
    (
        "transformer_decoder",
        {"dim": 8, "depth": 1, "heads": 2, "positions": "learned"},
        {
            "tokens": (SAMPLES["tokens"],),
            "memory": (SAMPLES["sequence"],),
            "memory_mask": (Shape("valid", (20,), "bool"),),
        },
    ),
    ("concat", {}, {"input": (SAMPLES["vector"], SAMPLES["number"])}),
    ("timm", {"name": "resnet10t"}, {"input": (Shape("image", (1, 40, 56)),)}),
    ("timm", {"name": "vit_tiny_patch16_224", "args": {"img_size": [32, 48], "depth": 2}}, {"input": IMAGE}),
    ("torchvision", {"name": "mobilenet_v3_small"}, {"input": (Shape("image", (2, 64, 48)),)}),
    ("torchvision", {"name": "squeezenet1_1", "args": {"dropout": 0.1}}, {"input": IMAGE}),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("name", "block", "inputs"), EXTRA)
def test_more_variants_keep_the_laws_of_modules(name, block, inputs, law):
    """Parameters and inputs beside those that the pages show."""
    law(Case(lookup.find("modules", name)(**block), inputs, None))


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 33),
    width=st.integers(1, 33),
    kernel=st.sampled_from([1, 3, 5]),
    stages=st.integers(1, 4),
    downsample=st.sampled_from(["max", "mean", "stride", "none"]),
)
def test_cnn_sizes_hold_for_any_image(height, width, kernel, stages, downsample):
    """For any image size either the real map has the static size, or the problem is found before building."""
    component = lookup.find("modules", "cnn")(
        channels=[2] * stages, kernel=kernel, downsample=downsample, norm="none"
    )
    inputs = {"input": (Shape("image", (1, height, width)),)}
    found = component.infer(inputs)
    module = component.build(inputs)
    if isinstance(found, Problem):
        assert found.code == "SHP502"
        with pytest.raises(RuntimeError):
            module(torch.zeros(2, 1, height, width))
    else:
        real = measure(module, [torch.zeros(2, 1, height, width)])
        assert {name: shape.dims for name, shape in found.items()} == {
            name: dims for name, (dims, _) in real.outputs.items()
        }
        assert component.costs(inputs).flops == real.flops


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(1, 40),
    kernel=st.sampled_from([1, 3, 7, 9]),
    stages=st.integers(1, 4),
    downsample=st.sampled_from(["max", "stride"]),
)
def test_conv1d_lengths_hold_for_any_series(length, kernel, stages, downsample):
    """For any length either the real series has the static length, or the problem is found before building."""
    component = lookup.find("modules", "conv1d")(
        channels=[2] * stages, kernel=kernel, downsample=downsample, norm="none"
    )
    inputs = {"input": (Shape("series", (3, length)),)}
    found = component.infer(inputs)
    module = component.build(inputs)
    if isinstance(found, Problem):
        assert found.code == "SHP506"
        with pytest.raises(RuntimeError):
            module(torch.zeros(2, 3, length))
    else:
        assert tuple(module(torch.zeros(2, 3, length))["series"].shape[1:]) == found["series"].dims


@pytest.mark.parametrize(
    ("name", "block", "shapes", "code", "at"),
    [
        ("mlp", {"input": "x"}, (SAMPLES["image"],), "SHP511", "input"),
        ("mlp", {"input": ["a", "b"]}, (SAMPLES["vector"], SAMPLES["sequence"]), "SHP511", "input.1"),
        ("mlp", {}, (), "SHP513", ""),
        ("mlp", {"input": "x"}, (Shape("vector", (None,)),), "SHP512", "input"),
        ("cnn", {"input": "x"}, (SAMPLES["image"], SAMPLES["image"]), "SHP513", "input"),
        ("cnn", {"input": "x"}, (Shape("image", (96, 96, 3)),), "SHP508", "input"),
        ("cnn", {"input": "x", "pool": "flatten"}, (Shape("image", (3, None, 8)),), "SHP512", "input"),
        ("cnn", {"channels": [1] * 5}, (Shape("image", (1, 8, 8)),), "SHP502", "channels"),
        ("cnn", {"pretrained": True}, IMAGE, "RES840", "pretrained"),
        ("timm", {"name": "resnet10t", "pretrained": Path("/no/file.pt")}, IMAGE, "RES840", "pretrained"),
        ("conv1d", {"input": "x"}, (SAMPLES["vector"],), "SHP511", "input"),
        ("concat", {"input": ["a", "b"]}, (SAMPLES["image"], Shape("image", (3, 8, 8))), "SHP511", "input.1"),
        ("tabular", {"input": ["a"]}, (Shape("category", (), "int64"),), "SHP512", "input.0"),
        ("timm", {"name": "resnet10"}, IMAGE, "REF241", "name"),
        ("timm", {"name": "resnet18.nobody"}, IMAGE, "REF241", "name"),
        ("timm", {"name": "vit_tiny_patch16_224", "input": "x"}, IMAGE, "SHP502", "input"),
        ("torchvision", {"name": "resnet17"}, IMAGE, "REF241", "name"),
        ("torchvision", {"name": "vit_b_16", "input": "x"}, IMAGE, "SHP502", "input"),
    ],
)
def test_inputs_that_do_not_fit_are_problems(name, block, shapes, code, at):
    """A module says what does not fit, with its code and at the value that is to be changed."""
    component, inputs = lookup.find("modules", name)(**block), {"input": shapes} if shapes else {}
    # Of another version of a library only a probe knows sizes.
    found = component.infer(inputs) or shape_cache.probe("modules", component, inputs)
    assert isinstance(found, Problem)
    assert (found.code, found.at) == (code, at)
    assert len(found.title) <= 80
    assert found.helps


def test_a_module_starts_from_weights_in_a_file(tmp_path):
    """`pretrained: PATH` gives a module of ours the weights that another one saved."""
    inputs = {"input": (SAMPLES["vector"],)}
    make = lookup.find("modules", "mlp")
    torch.manual_seed(1)
    state = make(hidden=[4]).build(inputs).state_dict()
    torch.save(state, tmp_path / "weights.pt")
    torch.manual_seed(2)
    loaded = make(hidden=[4], pretrained=tmp_path / "weights.pt").build(inputs).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize("name", ["cnn", "conv1d"])
def test_an_even_kernel_is_a_problem(name):
    """A kernel without a middle is refused with the next odd length."""
    (found,) = lookup.find("modules", name)(kernel=4).check()
    assert (found.code, found.at, found.rewrites[0].value) == ("SHP541", "kernel", 5)
    assert list(lookup.find("modules", name)(kernel=5).check()) == []


@pytest.mark.parametrize("name", ["cnn", "conv1d", "rnn", "timm"])
def test_sizes_that_vary_stay_unknown_and_keep_parameters(name):
    """A size that varies in the data varies in the map, while vectors and parameters stay known."""
    shape = Shape("image", (3, None, None)) if name in {"cnn", "timm"} else Shape("series", (3, None))
    component = lookup.find("modules", name)(**({"name": "resnet10t"} if name == "timm" else {}))

    def infer(shape):
        inputs = {"input": (shape,)}
        outputs = component.infer(inputs)
        return (
            shape_cache.probe("modules", component, inputs)[:2]
            if outputs is None
            else (outputs, component.costs(inputs))
        )

    outputs, costs = infer(shape)
    known, known_costs = infer(shape._replace(dims=(3, 64, 64)[: len(shape.dims)]))
    assert outputs["output"] == known["output"]
    assert costs == Costs(known_costs.parameters, None, None)
    assert None in [dim for shape in outputs.values() for dim in shape.dims]


_SHAPES = {"tokens": Shape("tokens", (5,), "int64", 9), "sequence": Shape("sequence", (5, 8))}
_MASKED = [
    (name, port.name)
    for name in lookup.own_names("modules")
    if (cls := lookup.find("modules", name)) is not None
    for port in cls.ports
    if port.takes == ("valid",)
]


@pytest.mark.parametrize(("name", "port"), _MASKED)
@pytest.mark.parametrize(("dims", "fits"), [((5,), True), ((None,), True), ((), False), ((3,), False)])
def test_a_mask_has_a_value_for_each_position(name, port, dims, fits):
    """One value for each sample, or another number of them than positions, is refused: it would spread or break."""
    module = parser.parse("modules", {"type": name, "dim": 8, "heads": 2, "depth": 1})
    inputs = {
        other.name: (_SHAPES[next(layout for layout in other.takes if layout in _SHAPES)],)
        for other in module.ports
        if not other.optional
    }
    found = module.infer(inputs | {port: (Shape("valid", dims, "bool"),)})
    assert (getattr(found, "code", "") != "SHP543") == fits
