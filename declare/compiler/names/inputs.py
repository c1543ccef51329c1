"""Inputs as specs state them: which port reads which field or which output of which module."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from declare.compiler.graph_types import Ref
from declare.compiler.names.unknown_name import as_key, unknown_name_problem
from declare.compiler.stages import ReadSpec
from declare.contract.kinds.module import Node, Port
from declare.contract.problem import Problem
from declare.parsing.read_component import read_component
from declare.rules.spec_parts import LocatedBlock, blocks_of, dataset_names, get, tasks


def refs(node: Node, path: str) -> list[Ref] | None:
    """Return the inputs that a module or head states, None if it states none."""
    stated = get(node, "input")
    if stated is None:
        return None
    return [
        _ref(port, text, at)
        for port, text, at in _by_port(node.ports, stated, f"{path}.input")
        if isinstance(text, str)
    ]


def _ref(port: str, text: str, at: str) -> Ref:
    name, _, output = text.partition(".")
    return Ref(port, name, output or None, at)


def _by_port(ports: tuple[Port, ...], stated: Any, path: str) -> Iterator[tuple[str, Any, str]]:
    """Yield port, reference and place; a list fills the ports in order unless the first takes several."""
    if isinstance(stated, str):
        yield ports[0].name, stated, path
    elif isinstance(stated, dict):
        yield from ((port, text, f"{path}.{port}") for port, text in stated.items())
    else:
        several = ports[0].many or len(ports) < len(stated)
        for index, text in enumerate(stated):
            yield ports[0 if several else index].name, text, f"{path}.{index}"


def nodes(stage: ReadSpec) -> Iterator[tuple[LocatedBlock[Any], Node]]:
    """Yield every readable module, and every readable head that is a component, with its place."""
    for module in blocks_of(stage.spec, "model"):
        yield module, module.block
    for task in tasks(stage):
        head = get(task.block, "head")
        if isinstance(head, Node):
            yield LocatedBlock(f"{task.path}.head", task.name, head), head
        elif get(task.block, "input"):  # its head is its type's own and reads what the task names
            own_head = read_component("heads", task.block.own_head())
            yield LocatedBlock(task.path, task.name, own_head), own_head


def input_references(stage: ReadSpec, known: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    """Yield inputs that name no module and no field, and ports that a component does not have.

    Fields are not reported before the fields of every dataset are known.
    """
    modules = get(stage.spec, "model")
    if modules is None:
        return
    complete = all(name in known for name in dataset_names(stage)) and bool(known)
    fields = sorted(set().union(*known.values())) if known else []
    for place, node in nodes(stage):
        yield from _ports(place, node)
        for ref in refs(node, place.path) or ():
            yield from _unknown_input(place.path, ref, modules, fields if complete else None)
    for path, untyped in stage.untyped.items():
        for ref in _untyped_refs(path, untyped):
            yield from _unknown_input(path, ref, modules, fields if complete else None)


def _untyped_refs(path: str, node: Any) -> Iterator[Ref]:
    """Yield the inputs of a module or head with an unknown type, and so unknown ports."""
    stated = get(node, "input") if isinstance(node, Node) else None
    items = (
        enumerate(stated) if isinstance(stated, list) else stated.items() if isinstance(stated, dict) else ()
    )
    texts = [(f"{path}.input.{key}", text) for key, text in items]
    texts += [(f"{path}.input", stated)] if isinstance(stated, str) else []
    yield from (_ref("", text, at) for at, text in texts if isinstance(text, str))


def _unknown_input(
    path: str, ref: Ref, modules: Mapping[str, Any], fields: list[str] | None
) -> Iterator[Problem]:
    """Yield a problem if a reference matches no module and no field; nothing if the fields are unknown."""
    if ref.name not in modules and fields is not None and ref.name not in fields:
        others = [name for name in modules if f"model.{name}" != path]
        yield _with_output(unknown_name_problem("field or module", ref.name, ref.at, [*others, *fields]), ref)


def _with_output(problem: Problem, ref: Ref) -> Problem:
    """Return the problem with rewrites that keep the output that was named."""
    if ref.output is None:
        return problem
    kept = tuple(replace(item, value=f"{item.value}.{ref.output}") for item in problem.rewrites)
    return replace(problem, rewrites=kept)


def _ports(place: LocatedBlock[Any], node: Node) -> Iterator[Problem]:
    stated = get(node, "input")
    ports = [port.name for port in node.ports]
    for port in stated if isinstance(stated, dict) else ():
        if port not in ports:
            at = f"{place.path}.input.{port}"
            yield as_key(unknown_name_problem("input", port, at, ports, where=f"of `{node.type_name()}`"))


def cycles(stage: ReadSpec, known: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    """Yield each ring of modules that read each other, once; a field's name counts as the field."""
    taken = set().union(*known.values())
    modules = {name for name in get(stage.spec, "model") or () if name not in taken}
    edges = {
        place.name: [ref for ref in refs(node, place.path) or () if ref.name in modules]
        for place, node in nodes(stage)
        if place.path.startswith("model.")
    }
    seen: set[str] = set()
    for name in edges:
        ring = _cycle(name, edges)
        if ring and not seen & {ref.name for ref in ring}:
            seen |= {ref.name for ref in ring}
            yield _circle(name, ring)


def _cycle(start: str, edges: Mapping[str, list[Ref]]) -> list[Ref] | None:
    """Return the references that lead from a module back to it."""
    stack: list[tuple[str, list[Ref]]] = [(start, [])]
    visited: set[str] = set()
    while stack:
        name, way = stack.pop()
        for ref in edges.get(name, ()):
            if ref.name == start:
                return [*way, ref]
            if ref.name not in visited:
                visited.add(ref.name)
                stack.append((ref.name, [*way, ref]))
    return None


def _circle(start: str, ring: list[Ref]) -> Problem:
    names = " -> ".join(f"`{name}`" for name in [start, *(ref.name for ref in ring)])
    title = f"module `{start}` reads itself" if len(ring) == 1 else f"modules read each other: {names}"
    return Problem(
        "REF209",
        title if len(title) <= 80 else f"{len(ring)} modules read each other in a ring",
        at=ring[0].at,
        label="leads back to where it starts",
        also={ref.at: f"reads `{ref.name}`" for ref in ring[1:]},
        notes=(names,) if len(title) > 80 else (),
        helps=("let one of them read a field instead",),
    )
