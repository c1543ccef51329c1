"""Shapes and costs of what has no closed form: the real module is built on torch's meta device and run once.

Results are kept in the user's cache folder, so that torch is imported only for a question that is new.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from declare.contract import strict_json
from declare.contract.kinds.module import Costs, Inputs, Module, Node, Outputs
from declare.contract.nodes.input_check import input_path
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.data.read import cache
from declare.ir.plan import LayerPlan
from declare.system import worker_process
from declare.system.library_table import installed_version
from declare.system.worker_process import CallError

FORMAT = 3
LIBRARIES = ("torch", "timm", "torchvision", "transformers", "braindecode")
"""Whatever a module is built with: what a probe found counts for the versions that it asked."""


class ProbeAnswer(NamedTuple):
    """What a probe found: outputs, costs of one sample, and the table of layers."""

    outputs: Outputs
    costs: Costs
    layers: tuple[LayerPlan, ...]
    left_out: tuple[float, ...] = ()
    """The fraction of each axis after the channels of the first input that is left over; empty if sizes vary."""
    batch_norm_values: int | None = None
    """The values of one sample, for each channel, of the batch norm that sees the fewest; of fixed sizes alone."""


def probe(kind: str, component: Module, inputs: Inputs) -> ProbeAnswer | Problem:
    """Return outputs, costs and layers of a component of `kind`, or why the real module refuses its inputs.

    Weights are never loaded. Sizes that vary in `inputs` vary in the outputs, and make FLOPs unknown.
    """
    return _cached_answer(kind, component, inputs, None)


def layers(component: Node, inputs: Inputs, output: Shape | None = None) -> tuple[LayerPlan, ...] | Problem:
    """Return the table of layers of any module, or of a head with its target's `output`; for reports."""
    answer = _cached_answer(type(component).kind(), component, inputs, output)
    return answer if isinstance(answer, Problem) else answer.layers


def batch_norm_values(component: Node, inputs: Inputs) -> int | None:
    """Return how many values of one sample, for each channel, the real module's batch norm with the fewest sees.

    None if it has none or cannot be run.
    """
    answer = _cached_answer(type(component).kind(), component, inputs, None)
    return None if isinstance(answer, Problem) else answer.batch_norm_values


def _cached_answer(kind: str, component: Node, inputs: Inputs, output: Shape | None) -> ProbeAnswer | Problem:
    asked = [FORMAT, plain_inputs(inputs), list(output) if output else None]
    path = folder() / f"{question_key(kind, component, asked)}.json"
    try:
        known = cached_answer(path, lambda: _ask(component, inputs, output))
    except CallError as error:
        return trial_problem(component, error, input_path(component, next(iter(inputs), "input")))
    if "problem" in known:
        stated = known["problem"]
        return Problem(
            stated["code"],
            stated["title"],
            at=input_path(component, next(iter(inputs), "input")),
            label=stated["label"],
            notes=tuple(stated["notes"]),
            helps=tuple(stated["helps"]),
        )
    return ProbeAnswer(
        {name: Shape(layout, tuple(dims), dtype) for name, (layout, dims, dtype) in known["outputs"].items()},
        Costs(*known["costs"]),
        tuple(LayerPlan(**layer) for layer in known["layers"]),
        tuple(known["left_out"]),
        known["batch_norm_values"],
    )


def _ask(component: Node, inputs: Inputs, output: Shape | None) -> dict[str, Any]:
    """Return the result of a trial as plain values; third-party code runs in a separate process."""
    if not component.third_party:
        from declare.compiler.meta import meta_run

        return meta_run.answer(component, inputs, output)
    question = {
        "kind": type(component).kind(),
        "block": component.dump() | {"pretrained": False},
        "inputs": plain_inputs(inputs),
        "output": None if output is None else list(output),
    }
    answer: dict[str, Any] = worker_process.call("declare.compiler.meta.meta_run:answer_plain", question)
    return answer


def trial_problem(component: Node, error: CallError, at: str) -> Problem:
    """Return the problem (SHP514) that a module could not be tried to its end."""
    return Problem(
        "SHP514",
        f"`{component.shown_name()}` cannot be tried",
        at=at,
        label="not tried",
        notes=(error.text,),
        helps=("make it smaller", "check its arguments against its documentation"),
    )


def folder() -> Path:
    """Return the folder that keeps what probes found."""
    return cache.folder("probe")


def cached_answer(path: Path, ask: Callable[[], Any]) -> Any:
    """Return plain values from the user's cache; what `ask` gives, and keep it, if they are not there.

    Raises what `ask` raises: `CallError` if a worker process ended.
    """
    kept = cache.read_text(path)
    if kept is not None:
        return json.loads(kept)
    answer = ask()
    cache.write_text(path, strict_json.dumps(answer))
    return answer


def plain_inputs(inputs: Inputs) -> dict[str, list[list[Any]]]:
    """Return shapes by port as lists, for a key and for a worker."""
    return {port: [list(shape) for shape in shapes] for port, shapes in inputs.items()}


def question_key(kind: str, component: Node, asked: list[Any]) -> str:
    """Return the name under which an answer is kept: of a component, what is asked of it, its code and libraries."""
    block = {
        name: value
        for name, value in component.dump().items()
        if name not in {"input", "per_dataset", "pretrained"}
    }
    question = {
        "asked": asked,
        "kind": kind,
        "block": block,
        "versions": [installed_version(name) for name in LIBRARIES],
        "code": _code(kind, component),
        "stamp": component.stamp() if isinstance(component, Module) else "",
        "file": _hash(Path(block["file"])) if block.get("file") else None,
    }
    return cache.key(question)


def _code(kind: str, component: Node) -> list[str | None]:
    root = Path(__file__).parents[2]
    name = component.type_name()
    return [_hash(root / room / kind / f"{name}.py") for room in ("components", "nn")]


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
