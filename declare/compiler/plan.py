"""Assembling the plan from the results of the passes; called only without errors."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

import declare
from declare.compiler.dataset_plan import dataset_plan
from declare.compiler.stages import HostedSpec
from declare.contract import strict_json
from declare.contract.component import Component, plain
from declare.contract.kinds.tracker import Tracker
from declare.ir.plan import HardwarePlan, Plan
from declare.language.document import Document
from declare.language.spec import Spec
from declare.parsing.block_problems import code_files
from declare.parsing.read_component import read_component
from declare.system import secrets, trust


def assemble(stage: HostedSpec, hardware: HardwarePlan) -> Plan:
    """Return the plan of a spec without errors."""
    spec = stage.spec
    plan = Plan(
        declare=declare.__version__,
        name=spec.name,
        description=spec.description,
        seed=spec.seed,
        spec_sha256=_identity(stage.document),
        datasets={name: dataset_plan(stage, name, stage.tasks.values()) for name in spec.datasets},
        nodes=tuple(stage.nodes.values()),
        tasks={name: stage.tasks[name] for name in spec.tasks},
        phases=tuple(stage.phases[name] for name in spec.phases),
        hardware=hardware,
        tracking=_tracking(spec.tracking),
        composites=spec.metrics,
        expect=spec.expect,
        tune=None if spec.tune is None else plain(spec.tune),
        trusted=_trusted_code(spec),
    )
    if not secrets.are_known():
        return plan
    return Plan.model_validate_json(strict_json.dumps(_without_secrets(plan.model_dump(mode="json"))))


_BLOCKS = frozenset(
    {
        "augment",
        "balance",
        "block",
        "description",
        "optimizer",
        "regularizers",
        "sampler",
        "samplers",
        "schedule",
        "source",
    }
    | {"tracking", "transforms", "tune"}
)
"""Keys of a plan under which free texts of the spec are."""


def _without_secrets(value: Any, key: str = "") -> Any:
    """Return the plan with the names of environment variables in the place of their values."""
    if key in _BLOCKS:
        return secrets.redact(value)
    if isinstance(value, dict):
        return {name: _without_secrets(item, name) for name, item in value.items()}
    return [_without_secrets(item, key) for item in value] if isinstance(value, list) else value


def _identity(document: Document) -> str:
    """Return a hash of the composed tree: comments, files and the order of writing leave it as it is."""
    text = strict_json.dumps(document.plain(), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _trusted_code(spec: Spec) -> tuple[str, ...]:
    """Return the files of code that the spec names, each with its hash: what else was granted does not run."""
    paths = {path.resolve() for component in _components(spec) for path in code_files(component)}
    return tuple(sorted(trust.entry(path, trust.read(path)) for path in paths))


def _components(value: Any) -> Iterator[Component]:
    """Yield every component in a block of the spec, at any depth."""
    if isinstance(value, Component):
        yield value
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        value = tuple(value.values())
    for item in value if isinstance(value, list | tuple) else ():
        yield from _components(item)


def _tracking(stated: Any) -> tuple[dict[str, Any], ...]:
    """Return the trackers as a list; by default TensorBoard."""
    if stated is None:
        return (read_component("trackers", Tracker.default).dump(),)
    return tuple(item.dump() for item in (stated if isinstance(stated, list) else [stated]))
