"""What every module and head must hold to: cases from its ports and from the example in its page."""

from __future__ import annotations

import re
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import torch
from pydantic.fields import FieldInfo

from declare.compiler.meta.flop_count import BATCH, ForwardMeasure, measure
from declare.compiler.meta.shape_cache import ProbeAnswer, probe
from declare.contract.kinds.module import Costs, Head, Inputs, Module, Node, Outputs
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.diagnostics.diagnostic import Source
from declare.language.document import Text, plain
from declare.language.yaml.parse_file import parse
from declare.parsing import lookup, parser
from declare.parsing.describe import component_page

SAMPLES: dict[Layout, Shape] = {
    "vector": Shape("vector", (6,)),
    "sequence": Shape("sequence", (20, 6)),
    "series": Shape("series", (6, 64)),
    "image": Shape("image", (3, 32, 48)),
    "video": Shape("video", (1, 6, 16, 16)),
    "number": Shape("number", ()),
    "category": Shape("category", (), "int64", 4),
    "labels": Shape("labels", (3,)),
    "tokens": Shape("tokens", (12,), "int64", 50),
    "tags": Shape("tags", (12,), "int64", 4),
    "mask": Shape("mask", (24, 24), "int64", 3),
    "counts": Shape("counts", (7,)),
    "valid": Shape("valid", (7,), "bool"),
    "id": Shape("id", (), "int64", 5),
}


class Case(NamedTuple):
    """A component with inputs (and a target's output for heads)."""

    component: Node
    inputs: Inputs
    output: Shape | None

    @property
    def title(self) -> str:
        shapes = ",".join(str(shape) for shapes in self.inputs.values() for shape in shapes)
        parameters = ",".join(
            f"{k}={v}" for k, v in self.component.model_dump(exclude_unset=True).items() if k != "input"
        )
        return f"{self.component.type_name()}({parameters})-{shapes}-{self.output or ''}"

    def infer(self) -> Outputs | Problem:
        """Return the static outputs, a probe's where there are none."""
        if isinstance(self.component, Head):
            return self.component.infer(self.inputs, self.output)
        assert isinstance(self.component, Module)
        found = self.component.infer(self.inputs)
        return self._probed().outputs if found is None else found

    def costs(self) -> Costs:
        """Return the static costs, a probe's where there are none."""
        if isinstance(self.component, Head):
            return self.component.costs(self.inputs, self.output)
        return self.component.costs(self.inputs) or self._probed().costs

    def _probed(self) -> ProbeAnswer:
        found = probe("modules", self.component, self.inputs)
        assert isinstance(found, ProbeAnswer), found
        return found

    def build(self, seed: int = 0) -> torch.nn.Module:
        """Return the real module, with the same weights for the same seed."""
        torch.manual_seed(seed)
        return (
            self.component.build(self.inputs, self.output)
            if self.output
            else self.component.build(self.inputs)
        )

    def tensors(self) -> list[torch.Tensor]:
        """Return random inputs in the order of the ports."""
        generator = torch.Generator().manual_seed(1)
        shapes = [shape for port in self.component.ports for shape in self.inputs.get(port.name, ())]
        return [_tensor(shape, generator) for shape in shapes]

    def measure(self) -> ForwardMeasure:
        """Return what the real module does on the meta device: there recurrent cells show their products."""
        try:
            with torch.device("meta"):
                module = self.build()
        except (NotImplementedError, RuntimeError):  # it reads values as it is built
            module = self.build().to("meta")
        try:
            return measure(module, [tensor.to("meta") for tensor in self.tensors()])
        except RuntimeError:  # it reads values as it runs
            return measure(self.build(), self.tensors())


def _tensor(shape: Shape, generator: torch.Generator) -> torch.Tensor:
    size = (BATCH, *shape.dims)
    if shape.dtype == "int64":
        return torch.randint(0, shape.classes or 2, size, generator=generator)
    return torch.randn(size, generator=generator).to(torch.bool if shape.dtype == "bool" else torch.float32)


def example(kind: str, name: str) -> dict[str, Any]:
    """Return the block of this type in the YAML example of its page."""
    page = component_page(kind, name)
    fence = re.search(r"```yaml\n(.*?)```", page.text if page else "", re.DOTALL)
    assert fence, f"{kind}/{name} shows no example"
    found = [block for block in _blocks(_read(fence[1])) if block.get("type") == name]
    assert found, f"the example of {kind}/{name} does not use it"
    return found[-1]


def _read(text: str) -> Any:
    """Return a piece of a spec as plain values, read as the program reads it."""
    node = parse(Source("page", textwrap.dedent(text)), Text(Path())).node
    assert node is not None, text
    return plain(node)


def _blocks(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every block, and every text as the block that it may stand for: `loss: mse` is `{type: mse}`."""
    if isinstance(value, str):
        yield {"type": value}
    if isinstance(value, dict):
        yield value
        value = [item for key, item in value.items() if key != "type"]
    for item in value if isinstance(value, list) else ():
        yield from _blocks(item)


def component(kind: str, name: str) -> Any:
    """Return the component of the example on its page."""
    return parser.parse(kind, example(kind, name))


def shows_example(kind: str, name: str) -> bool:
    """Return whether the page of a component shows an example."""
    page = component_page(kind, name)
    return page is not None and "```yaml" in page.text


def variants(kind: str, name: str, first: Any = None) -> list[Any]:
    """Return a component (its page's example if not given), the bare one, and one with each other choice.

    Choices are those of a `Literal`, both of a boolean, and for a number its lower bound (where it is allowed) and a
    quarter of its value. What contradicts itself is left out. A library's component, comes as its page shows it, or bare.
    """
    if name not in lookup.own_names(kind):
        return [component(kind, name)] if shows_example(kind, name) else [parser.parse(kind, name)]
    first = component(kind, name) if first is None else first
    blocks = [{"type": name}]
    for key, info in type(first).model_fields.items():
        blocks += [first.dump() | {info.alias or key: value} for value in _choices(info, getattr(first, key))]
    found = [parser.read(kind, block, trust=parser.EVERYTHING) for block in blocks]
    return [first, *(made for made, problems in found if not problems and made != first)]


def _choices(info: FieldInfo, value: Any) -> list[Any]:
    """Return other values of a parameter."""
    options = [
        item for part in _options(info.annotation) for item in get_args(part) if get_origin(part) is Literal
    ]
    if isinstance(value, bool):
        options.append(not value)
    elif isinstance(value, float):
        bounds = [item.ge for item in info.metadata if hasattr(item, "ge")]
        options += [*(float(bound) for bound in bounds), value / 4]
    return [item for item in options if item != value]


def _options(annotation: Any) -> tuple[Any, ...]:
    union = get_origin(annotation) in {Union, types.UnionType}
    return get_args(annotation) if union else (annotation,)


def fitting(component: Node, output: Shape | None = None) -> Iterator[Case]:
    """Yield a case for each layout that the first port takes (twice where it takes many) and the component accepts."""
    first, *others = component.ports
    rest = {port.name: (SAMPLES[port.takes[0]],) for port in others if not port.optional}
    for layout in first.takes:
        shape = SAMPLES[layout]
        yield Case(component, rest | {first.name: (shape, shape) if first.many else (shape,)}, output)


def classes(kind: str) -> list[type[Node]]:
    """Return every component of a kind that runs no code of users."""
    found = [lookup.find(kind, name) for name in lookup.own_names(kind)]
    return [item for item in found if item is not None and not item.trusted_only]
