"""Walking the graph with shapes: what flows into each port, and what each node gives for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from declare.compiler.graph.field_shapes import common
from declare.compiler.graph_types import GraphNode, Ref
from declare.compiler.names.unknown_name import unknown_name_problem
from declare.compiler.stages import WiredSpec
from declare.contract.kinds.module import Costs, Head, Module, Outputs
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.ir.plan import LayerPlan, Wire, inputs_by_port


class InferredShapes(NamedTuple):
    """What a node gives for its inputs, and what one sample costs."""

    wires: tuple[Wire, ...]
    outputs: Outputs
    costs: Costs
    layers: tuple[LayerPlan, ...] = ()


@dataclass
class Shaper:
    """Infers nodes one dataset at a time, each once; None stands for what cannot be known."""

    stage: WiredSpec
    known: dict[tuple[str, str], InferredShapes | Problem | None] = field(default_factory=dict)

    def outputs(self, path: str, dataset: str) -> Outputs | None:
        """Return the outputs of a node for one dataset."""
        inferred = self.one(path, dataset)
        return inferred.outputs if isinstance(inferred, InferredShapes) else None

    def one(self, path: str, dataset: str) -> InferredShapes | Problem | None:
        """Return what a node gives for one dataset, its problem, or None if it cannot be known."""
        key = (path, dataset)
        if key not in self.known:
            node = self.stage.wiring.nodes[path]
            wires = self.wires(node, dataset)
            self.known[key] = self.infer(node, wires, dataset) if isinstance(wires, tuple) else wires
        return self.known[key]

    def wires(self, node: GraphNode, dataset: str) -> tuple[Wire, ...] | Problem | None:
        """Return what flows into a node for one dataset."""
        wires = []
        for ref in node.refs:
            wire = self._wire(node, ref, dataset)
            if not isinstance(wire, Wire):
                return wire
            wires.append(wire)
        wires += self._masks(node, wires, dataset)
        order = [port.name for port in node.component.ports]
        return tuple(sorted(wires, key=lambda wire: order.index(wire.port) if wire.port in order else 0))

    def _masks(self, node: GraphNode, wires: list[Wire], dataset: str) -> list[Wire]:
        """Return wires from `mask` outputs to ports `NAME_mask` that nothing is stated for."""
        stated = {wire.port for wire in wires}
        wanted = {
            port.name for port in node.component.ports if port.optional and "valid" in port.takes
        } - stated
        masks = []
        for wire in wires:
            outputs = self.outputs(wire.name, dataset) if wire.source == "module" else None
            shape = (outputs or {}).get("mask")
            if f"{wire.port}_mask" in wanted and shape is not None and shape.layout == "valid":
                port = f"{wire.port}_mask"
                masks.append(wire.model_copy(update={"port": port, "output": "mask", "shape": shape}))
        return masks

    def _wire(self, node: GraphNode, ref: Ref, dataset: str) -> Wire | Problem | None:
        above = self.stage.wiring.nodes.get(ref.name)
        if above is None:
            shape = self.stage.shapes.get(dataset, {}).get(ref.name)
            if shape is None or ref.output is not None:
                return None if shape is None else _no_output(ref, ["no outputs"])
            return Wire(port=ref.port, source="field", name=ref.name, output=None, shape=shape)
        outputs = self.outputs(above.path, dataset)
        if outputs is None:
            return None
        if ref.output is not None and ref.output not in outputs:
            return _no_output(ref, list(outputs))
        name = ref.output or self._choice(node, ref.port, outputs)
        return Wire(port=ref.port, source="module", name=above.path, output=name, shape=outputs[name])

    def _choice(self, node: GraphNode, port: str, outputs: Outputs) -> str:
        """Return the output that is meant if none is named: the first that fits, or the default."""
        wanted: tuple[Layout, ...] = next(
            (item.takes for item in node.component.ports if item.name == port), ()
        )
        if node.role == "head":
            feeds = self.stage.spec.tasks[node.task].feeds
            wanted = tuple(layout for layout in feeds if layout in wanted) + wanted
            for layout in feeds:
                for name, shape in outputs.items():
                    if shape.layout == layout and layout in wanted:
                        return name
        return next((name for name, shape in outputs.items() if shape.layout in wanted), next(iter(outputs)))

    def infer(
        self, node: GraphNode, wires: tuple[Wire, ...], dataset: str | None = None
    ) -> InferredShapes | Problem:
        """Return what a node gives for its inputs, from its own formulas or from a probe."""
        inputs = inputs_by_port(wires)
        if isinstance(node.component, Head):
            output = self.stage.target(node.task, dataset).output
            head_outputs = node.component.infer(inputs, output)
            if isinstance(head_outputs, Problem):
                return head_outputs.with_prefix(node.at)
            return InferredShapes(wires, head_outputs, node.component.costs(inputs, output))
        assert isinstance(node.component, Module)
        outputs = node.component.infer(inputs)
        if isinstance(outputs, Problem):
            return outputs.with_prefix(node.at)
        costs = node.component.costs(inputs) if outputs is not None else None
        if outputs is not None and costs is not None:
            return InferredShapes(wires, outputs, costs)
        return self._probe(node, wires, outputs)

    def _probe(
        self, node: GraphNode, wires: tuple[Wire, ...], outputs: Outputs | None
    ) -> InferredShapes | Problem:
        from declare.compiler.meta.shape_cache import probe

        assert isinstance(node.component, Module)
        answer = probe(node.kind, node.component, inputs_by_port(wires))
        if isinstance(answer, Problem):
            return answer.with_prefix(node.at)
        return InferredShapes(wires, outputs or answer.outputs, answer.costs, answer.layers)

    def merged_datasets(self, node: GraphNode, datasets: tuple[str, ...]) -> InferredShapes | Problem | None:
        """Return what a node gives when all datasets pass through the same weights."""
        by_dataset = {name: self.one(node.path, name) for name in datasets}
        for inferred in by_dataset.values():
            if not isinstance(inferred, InferredShapes):
                return inferred
        shapes = {
            name: inferred for name, inferred in by_dataset.items() if isinstance(inferred, InferredShapes)
        }
        first = next(iter(shapes))
        if all(_shapes(inferred.wires) == _shapes(shapes[first].wires) for inferred in shapes.values()):
            return shapes[first]
        return self._merge_datasets(node, shapes)

    def _merge_datasets(
        self, node: GraphNode, by_dataset: Mapping[str, InferredShapes]
    ) -> InferredShapes | Problem:
        first = next(iter(by_dataset))
        wires = list(by_dataset[first].wires)
        for name, inferred in by_dataset.items():
            for index, wire in enumerate(inferred.wires):
                shape = common(wires[index].shape, wire.shape)
                if shape is None:
                    return _differ(self.stage, node, index, (first, by_dataset[first]), (name, inferred))
                wires[index] = wires[index].model_copy(update={"shape": shape})
        merged = self.infer(node, tuple(wires))
        if isinstance(merged, Problem):
            name, index = _first_difference(by_dataset, first)
            return _differ(self.stage, node, index, (first, by_dataset[first]), (name, by_dataset[name]))
        return merged


def _shapes(wires: tuple[Wire, ...]) -> list[Shape]:
    return [wire.shape for wire in wires]


def _no_output(ref: Ref, outputs: list[str]) -> Problem:
    problem = unknown_name_problem("output", ref.output or "", ref.at, outputs, where=f"of `{ref.name}`")
    rewrites = tuple(
        type(item)(item.title, item.path, f"{ref.name}.{item.value}", safe=False) for item in problem.rewrites
    )
    return Problem(problem.code, problem.title, ref.at, problem.label, helps=problem.helps, rewrites=rewrites)


def _first_difference(by_dataset: Mapping[str, InferredShapes], first: str) -> tuple[str, int]:
    for name, inferred in by_dataset.items():
        for index, wire in enumerate(inferred.wires):
            if wire.shape != by_dataset[first].wires[index].shape:
                return name, index
    raise AssertionError("shapes agree")


def _differ(
    stage: WiredSpec,
    node: GraphNode,
    index: int,
    one: tuple[str, InferredShapes],
    other: tuple[str, InferredShapes],
) -> Problem:
    """Return the problem that shared weights would have to take two shapes."""
    (first, here), (second, there) = one, other
    a, b = here.wires[index], there.wires[index]
    where = f"datasets.{second}"
    named = a.source == "field" and stage.spec.datasets[second].fields.get(a.name) is not None
    place = f"{where}.fields.{a.name}" if named else where
    return Problem(
        "SHP515",
        f"`{node.name}` gets {a.shape} from `{first}` but {b.shape} from `{second}`",
        at=node.refs[index].at if index < len(node.refs) else node.at,
        label="one set of weights, two shapes",
        also={place: f"{b.shape} here"},
        helps=_ways_out(a.shape, b.shape),
        notes=_sizes(a.shape, b.shape),
    )


def _sizes(one: Shape, other: Shape) -> tuple[str, ...]:
    """Return the sizes of vocabularies, which shapes do not show."""
    if one.layout != "tokens" or one.classes == other.classes:
        return ()
    return (f"the vocabularies have {one.classes} and {other.classes} tokens",)


def _ways_out(one: Shape, other: Shape) -> tuple[str, ...]:
    per_dataset = "give the module `per_dataset: true`, one instance for each dataset"
    if one.layout == other.layout == "tokens":
        return (
            "use one tokenizer for all: `byte`, a file, or that of an earlier run (`type: run`)",
            per_dataset,
        )
    return ("bring the datasets to one shape with transforms, such as `resize` or `resample`", per_dataset)
