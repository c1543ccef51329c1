"""What the registry says of links: what goes with what, and which shapes come of it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

from declare.contract.kinds.module import Inputs, Node
from declare.contract.kinds.sampler import Sampler
from declare.contract.kinds.task import Task
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.parsing import parser
from declare.parsing.lookup import find, own_names

Block = dict[str, Any]


def sampler_layouts(name: str) -> tuple[str, ...]:
    """Return what the fields of a sampler may hold."""
    return tuple(getattr(find("samplers", name), "layouts", ()))


def pairs_samples(name: str) -> bool:
    """Return whether a sampler pairs samples."""
    return getattr(find("samplers", name), "pairing", None) is not Sampler.pairing


def component_slots(model: type[Any]) -> Iterator[tuple[str, str]]:
    """Yield kind and key of each parameter of a block that holds components."""
    from declare.parsing.annotation import fields

    for key, (_, item) in fields(model).items():
        for option in item.options:
            inner = option.arguments[0] if option.origin is list and option.arguments else option
            if inner.slot:
                yield inner.slot, key


def stated_input(wires: dict[str, list[str]]) -> Any:
    """Return wires as specs write them."""
    flat = {port: names if len(names) > 1 else names[0] for port, names in wires.items()}
    return next(iter(flat.values())) if len(flat) == 1 else flat


def shape_after(block: Block, shape: Shape) -> Shape | None:
    component, problems = parser.read("transforms", block)
    if problems:
        return None
    try:
        found = component.infer(shape)
    except ProblemError:
        return None
    return found if isinstance(found, Shape) else None


def inferred_outputs(component: Node, inputs: Inputs) -> dict[str, Shape] | None:
    found = component.infer(inputs)
    if found is None:
        from declare.compiler.meta.shape_cache import ProbeAnswer, probe

        probed = probe("modules", component, inputs)
        found = probed.outputs if isinstance(probed, ProbeAnswer) else None
    return None if isinstance(found, Problem) else found


def shapes_of(dataset: Block, name: str) -> dict[str, Shape]:
    """Return the shapes of a dataset's fields as the compiler finds them, before transforms."""
    from declare.compiler.diagnose.diagnostic_list import DiagnosticList
    from declare.compiler.pipeline import run_passes
    from declare.compiler.stages import LinkedSpec, SpecSource
    from tests.combining.writing import written

    spec = {
        "declare": 1,
        "datasets": {name: dataset},
        "model": {"m": "identity"},
        "tasks": {"t": {"type": "auxiliary"}},
    }
    spec["phases"] = {"p": {"steps": 1, "batch_size": 2, "optimizer": {"type": "sgd", "lr": 0.1}}}
    diagnostics = DiagnosticList()
    source = SpecSource(written(spec), (), (), dict(os.environ), diagnostics.wrong_parts)
    linked, _ = run_passes(source, diagnostics, "links")
    assert isinstance(linked, LinkedSpec)
    return dict(linked.shapes.get(name, {}))


def starts_from(task: Any, head: str | None = None) -> set[str]:
    """Return the layouts that a task feeds to a head, its own one by default."""
    cls = find("heads", head or task.default_head)
    takes = {layout for port in getattr(cls, "ports", ()) for layout in port.takes}
    return (takes & set(task.feeds)) or takes


def drawn_with(kind: str, name: str, draw: random.Random) -> dict[str, str]:
    """Return what must be drawn so that a component can stand in a spec."""
    forced, cls = {kind: name}, find(kind, name)
    if kind == "tokenizers":
        forced["fields"] = "text"
    if kind in {"losses", "metrics", "heads"}:
        own = {task: find("tasks", task) for task in own_names("tasks")}
        classes = {task: item for task, item in own.items() if item is not None and not item.trusted_only}
        if kind == "heads":
            able = [task for task, item in classes.items() if item.default_head == name]
            # A head that is nobody's own stands in the place of the plain one.
            able = able or [task for task, item in classes.items() if item.default_head == Task.default_head]
        else:
            able = [task for task, item in classes.items() if item.prediction in cls.takes]  # type: ignore[union-attr]
        if able:
            forced["tasks"] = draw.choice(able)
    targets = getattr(find("tasks", forced.get("tasks", "")), "targets", ())
    serving = [
        field for field in own_names("fields") if getattr(find("fields", field), "layout", "") in targets
    ]
    if serving and "fields" not in forced:
        forced["fields"] = draw.choice(serving)
    return forced
