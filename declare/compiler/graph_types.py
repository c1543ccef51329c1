"""The graph as passes hand it on: nodes, their references, and what flows where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from declare.contract.kinds.module import Head, Module


class Ref(NamedTuple):
    """A reference as written: a field or module, the output if one is named, its place in the spec."""

    port: str
    name: str
    output: str | None
    at: str

    @property
    def text(self) -> str:
        """The reference as specs write it."""
        return self.name if self.output is None else f"{self.name}.{self.output}"


@dataclass(frozen=True)
class GraphNode:
    """A module or a head: `path` in the model's state, `at` in the spec, what it reads."""

    path: str
    name: str
    role: Literal["module", "head"]
    component: Module | Head
    at: str
    refs: tuple[Ref, ...]
    task: str = ""

    @property
    def kind(self) -> str:
        """The kind of its component."""
        return "modules" if self.role == "module" else "heads"


@dataclass(frozen=True)
class Wiring:
    """Nodes by path, parents first; the head of each task; the datasets that pass through each node."""

    nodes: Mapping[str, GraphNode] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sources(self, path: str) -> Iterator[tuple[Ref, GraphNode | None]]:
        """Yield what a node reads, with the module behind each reference (None for a field)."""
        for ref in self.nodes[path].refs:
            yield ref, self.nodes.get(ref.name)

    def upstream(self, path: str) -> dict[str, None]:
        """Return the node and all modules that it depends on, parents first."""
        paths: dict[str, None] = {}
        for _, node in self.sources(path):
            if node is not None:
                paths |= self.upstream(node.path)
        return paths | {path: None}

    def fields(self, path: str) -> Iterator[tuple[GraphNode, Ref]]:
        """Yield each field that a node reads, itself or through modules, with the reader."""
        for name in self.upstream(path):
            for ref, node in self.sources(name):
                if node is None:
                    yield self.nodes[name], ref
