"""A sample's result does not depend on the samples beside it: modules and heads on batches of different lengths."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from declare.contract.facts import FieldFacts
from declare.contract.kinds.module import Head, Node
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.sample_lengths import followed_port
from declare.nn.augments.mixing import Mixup
from declare.nn.modules import padding
from declare.parsing import lookup
from declare.runtime.step.strategies.fsdp import units
from tests.components.conformance import SAMPLES, classes, variants

FOREIGN = {"huggingface", "braindecode", "timm", "torchvision"}
"""Those of libraries have tests of their own."""
ALIKE = {"activation", "per_dataset", "pretrained", "dropout", "input"}
"""Parameters that change nothing in it."""
WIDEST = {"tokens": 9, "sequence": 9, "series": 40, "video": 7}
OUTPUTS = (
    Shape("sequence", (None, 3)),
    Shape("vector", (3,)),
    Shape("series", (2, 36)),
    Shape("number", ()),
)


@dataclass(frozen=True)
class Way:
    """A component with the shapes of its inputs; samples on the port `timed` differ in length."""

    node: Node
    inputs: dict[str, tuple[Shape, ...]]
    output: Shape | None
    fixed: bool

    def build(self) -> nn.Module:
        """Return the module, always with the same weights, none of them at its start."""
        torch.manual_seed(0)
        made: Any = self.node
        module = made.build(self.inputs) if self.output is None else made.build(self.inputs, self.output)
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=min(0.3, (parameter[0].numel() or 1) ** -0.5))
        return module

    @property
    def shapes(self) -> list[tuple[str, Shape]]:
        """Return the shapes of the inputs in the order of the ports."""
        return [(port.name, shape) for port in self.node.ports for shape in self.inputs.get(port.name, ())]

    def outputs(self) -> dict[str, Shape]:
        """Return the shapes of its outputs."""
        made: Any = self.node
        found: dict[str, Shape] = (
            made.infer(self.inputs) if self.output is None else made.infer(self.inputs, self.output)
        )
        return found

    @property
    def timed(self) -> set[str]:
        """Return the ports whose samples differ in length."""
        return {port for port, shape in self.shapes if shape.time_axis is not None}

    def least(self) -> int:
        """Return the steps that a sample needs."""
        return next(
            count for count in itertools.count(1) if self.node.output_lengths(count, self.inputs) >= 1
        )

    def lengths(self) -> list[int]:
        """Return one step, two steps and as many as there can be, where so few are enough."""
        widest = min(WIDEST[shape.layout] for _, shape in self.shapes if shape.time_axis is not None)
        return [max(1, self.least()), max(2, self.least()), widest, max(3, self.least())]


def ways(kind: str) -> list[Any]:
    """Return every way in which samples of different lengths can enter a component of a kind."""
    found = []
    for cls in classes(kind):
        name = cls.type_name()
        for node in _nodes(kind, name) if name not in FOREIGN else ():
            for port_layout in node.ports[0].takes:
                for way in _ways(node, port_layout):
                    label = f"{name}-{port_layout}-{len(found)}"
                    found.append(pytest.param(way, id=label))
                    break
    return found


def _nodes(kind: str, name: str) -> list[Node]:
    """Return the variants of a component that may differ in what they do with steps."""
    found: dict[str, Node] = {}
    for node in variants(kind, name):
        block = {key: value for key, value in node.dump().items() if key not in ALIKE}
        found.setdefault(repr(block), node)
    return list(found.values())


def _ways(node: Node, layout: Any):
    if layout not in WIDEST or node.padding_policy() is None:
        return
    for fixed, output in itertools.product((False, True), OUTPUTS if isinstance(node, Head) else (None,)):
        inputs = {
            port.name: (_open(SAMPLES[layout if index == 0 else port.takes[0]], fixed=fixed),)
            for index, port in enumerate(node.ports)
            if not port.optional
        }
        way = Way(node, inputs, output, fixed)
        made: Any = node
        given = made.infer(inputs) if output is None else made.infer(inputs, output)
        if not isinstance(given, Problem | None):
            yield way


def _open(shape: Shape, *, fixed: bool) -> Shape:
    """Return a shape whose steps are left open, or are those of the widest sample."""
    if shape.time_axis is None:
        return shape
    dims = list(shape.dims)
    dims[shape.time_axis] = WIDEST[shape.layout] if fixed or shape.layout == "tokens" else None
    return shape._replace(dims=tuple(dims))


def batch(way: Way, widths: int, seed: int) -> list[Tensor]:
    """Return inputs [4, ...] of samples that are the same for every `seed`; what stands behind their ends is not."""
    same, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(seed)
    found = []
    for _, shape in way.shapes:
        axis = shape.time_axis
        dims = [WIDEST[shape.layout] if index == axis else dim for index, dim in enumerate(shape.dims)]
        values = _values(shape, (4, *dims), same)
        if axis is not None:
            behind = -1 if shape.dtype == "int64" else _values(shape, (4, *dims), other) * 9
            for row, length in enumerate(way.lengths()):
                beyond = torch.zeros_like(values[row], dtype=torch.bool)
                beyond.narrow(axis, length, dims[axis] - length).fill_(value=True)
                values[row] = torch.where(
                    beyond, behind if isinstance(behind, int) else behind[row], values[row]
                )
            values = values.narrow(1 + axis, 0, min(widths, dims[axis]))
        found.append(values)
    return found


def _values(shape: Shape, size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if shape.dtype == "int64":
        return torch.randint(0, shape.classes or 2, size, generator=generator)
    return torch.randn(size, generator=generator)


def run(way: Way, module: nn.Module, values: list[Tensor], rows: slice) -> dict[str, Tensor]:
    """Return what a module gives for some rows of a batch."""
    policy = way.node.padding_policy()
    assert policy is not None
    own = [value[rows] for value in values]
    more = {"lengths": torch.tensor(way.lengths())[rows]} if policy.lengths_of in way.timed else {}
    given = module(*own, **more)
    return given if isinstance(given, dict) else {"output": given}


def real(way: Way, name: str, value: Tensor, row: int) -> Tensor:
    """Return the part of an output of one row that belongs to the sample."""
    shapes = way.outputs()
    if shapes[name].layout == "valid":
        return value.sum()
    axis = shapes[name].time_axis
    if axis is None or followed_port(way.node, ()) not in way.timed:
        return value
    steps = int(way.node.output_lengths(way.lengths()[row], way.inputs))
    if (
        way.output is not None and way.output.numel is not None
    ):  # each position gives its stretch of the target
        steps *= -(-value.shape[axis] // max(WIDEST[shape.layout] for _, shape in way.shapes))
    return value.narrow(axis, 0, min(steps, value.shape[axis]))


WAYS = [*ways("modules"), *ways("heads")]


def test_most_components_with_a_time_axis_are_tried() -> None:
    """The law is tried on every module and head that takes samples of different lengths."""
    tried = {param.values[0].node.type_name() for param in WAYS}
    assert tried >= {
        *(
            "rnn",
            "conv1d",
            "conv3d",
            "transformer",
            "transformer_decoder",
            "series_patch",
            "mlp",
            "film",
            "concat",
        ),
        *("predictive_coding", "channel_perceiver", "channel_project", "channel_pad", "identity"),
        *("linear", "lm"),
    }


TEXTS = [
    param
    for param in WAYS
    if param.values[0].fixed and param.values[0].shapes[0][1].layout in {"tokens", "sequence"}
]


@pytest.mark.parametrize("way", TEXTS)
@torch.no_grad()
def test_sizes_that_follow_the_longest_text_are_stated(way: Way) -> None:
    """A text's shape has its greatest length, its batches are shorter: what differs then needs one length."""
    stated = way.outputs()
    given = run(way, way.build().eval(), batch(way, 3, 2), slice(2))
    same = all(
        given[name].shape[1:] == shape.dims
        for name, shape in stated.items()
        if shape.time_axis is None and shape.layout != "valid"
    )
    assert same != way.node.needs_one_length()


def test_settings_that_take_any_length_are_named() -> None:
    """A module that needs one length for one of its settings tells of the others."""
    (first, _) = lookup.find("modules", "conv1d")(input="x", pool="flatten").padding_helps()
    assert first == "state `pool: mean` or `pool: max`"


@pytest.mark.parametrize("way", WAYS)
@torch.no_grad()
def test_a_sample_alone_gives_what_it_gives_beside_others(way: Way) -> None:
    """What is computed for samples of 1, 2 and more steps alone equals what is computed in a batch."""
    module = way.build().eval()
    whole = run(way, module, batch(way, 10**6, 2), slice(None))
    for row, length in enumerate(way.lengths()):
        values = batch(way, 10**6 if way.fixed else length, 3)
        alone = run(way, module, values, slice(row, row + 1))
        for name, value in alone.items():
            torch.testing.assert_close(
                real(way, name, whole[name][row], row), real(way, name, value[0], row), atol=1e-5, rtol=1e-5
            )


@pytest.mark.parametrize("way", WAYS)
def test_padding_enters_no_batch_statistic(way: Way) -> None:
    """Running statistics, outputs and gradients of a training step are the same whatever padding holds."""
    found = []
    for seed in (2, 3):
        module = way.build().train()
        torch.manual_seed(0)
        given = run(way, module, batch(way, 10**6, seed), slice(None))
        rows = [real(way, name, value[row], row) for name, value in given.items() for row in range(4)]
        loss = torch.stack([part.float().square().sum() for part in rows]).sum()
        loss.backward() if loss.requires_grad else None
        found.append(
            [
                *(part.detach() for part in rows),
                *module.buffers(),
                *(item.grad for item in module.parameters()),
            ]
        )
    for one, other in zip(*found, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("way", WAYS)
@torch.no_grad()
def test_every_block_is_called_as_a_module(way: Way) -> None:
    """What processes hold in shares is gathered when a block is called: none of its layers is reached around it."""
    module, called = way.build().eval(), set()
    blocks = units(module, {"node": module}, ())
    for block in blocks:
        block.register_forward_pre_hook(lambda block, *_: called.add(id(block)))
    run(way, module, batch(way, 10**6, 2), slice(None))
    assert {id(block) for block in blocks} == called


def transforms() -> list[Any]:
    """Return every stored transform in its variants that changes a series."""
    shape = Shape("series", (3, None))
    found = []
    for name in lookup.own_names("transforms"):
        for item in variants("transforms", name):
            resolved = item.resolve({"x": FieldFacts(shape=shape, rate=20.0)})
            if resolved.stored and not isinstance(resolved.infer(shape), Problem):
                found.append(pytest.param(resolved, id=f"{name}-{len(found)}"))
    return found


@pytest.mark.parametrize("transform", transforms())
def test_a_transform_ends_where_a_sample_does(transform: Any) -> None:
    """A series is changed as it is alone, whatever it is padded to; statistics are those of real steps."""
    draws = np.random.default_rng(0)
    samples = [draws.random((3, length)).astype(np.float32) + 1 for length in (1, 2, 7, 30)]
    padded = np.full((4, 3, 30), np.nan, np.float32)
    for row, sample in enumerate(samples):
        padded[row, :, : sample.shape[1]] = sample
    statistics = transform.fit(iter([padded]))
    alone = transform.fit(iter(sample[None] for sample in samples))
    for key, values in alone.items():
        np.testing.assert_allclose(statistics[key], values, rtol=1e-5)
    together = transform.apply(padded.copy(), statistics)
    for row, sample in enumerate(samples):
        own = transform.apply(sample[None].copy(), statistics)[0]
        part = together[row][..., : own.shape[-1]] if own.ndim == 2 else together[row]
        np.testing.assert_allclose(part, own, rtol=1e-5, atol=1e-6)
        if own.ndim == 2:
            assert np.isnan(together[row][..., own.shape[-1] :]).all()


def test_mixed_series_end_with_the_longer_one() -> None:
    """`mixup` of series of different lengths adds the one to the other, each to its own end."""
    made = Mixup(["x"], {}, alpha=1.0)
    fields = {"x": torch.ones(2, 1, 5), "x.lengths": torch.tensor([2, 5])}
    fields["x"][0, :, 2:] = 0
    mixed = made.mix(dict(fields), 0.75, torch.tensor([1, 0]), None)
    assert mixed["x.lengths"].tolist() == [5, 5]
    assert mixed["x"][0, 0].tolist() == [1, 1, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("shared", [False, True])
def test_a_batch_norm_sees_the_real_steps_one_after_another(shared: bool) -> None:
    """Statistics and outputs are torch's own over the steps of all samples in one row, alone and with other processes."""
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 4, 6) * 3 + 1, torch.tensor([1, 6, 2])
    steps = torch.cat([sample[:, :length].t() for sample, length in zip(x, lengths, strict=True)])
    own, whole = torch.nn.BatchNorm1d(4), torch.nn.BatchNorm1d(4)
    if shared:
        own.forward = torch.nn.BatchNorm1d.forward.__get__(own)
    found = padding.batch_norm(own, x, lengths)
    expected = whole(steps)
    torch.testing.assert_close(
        torch.cat([sample[:, :length].t() for sample, length in zip(found, lengths, strict=True)]), expected
    )
    for name, value in whole.named_buffers():
        torch.testing.assert_close(own.get_buffer(name), value)
