"""Putting the plan together from what the passes found; called only where no error stands."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import declare
from declare.compiler.state import State
from declare.contract import secrets, trust
from declare.contract.component import plain
from declare.contract.reading import parse
from declare.ir.plan import DatasetPlan, FieldPlan, Plan


def assemble(state: State) -> Plan:
    """Return the plan of a spec without errors."""
    spec = state.spec
    assert state.hardware is not None, "the hardware pass fills this in, or reports an error"
    plan = Plan(
        declare=declare.__version__,
        name=spec.name,
        description=spec.description,
        seed=spec.seed,
        spec_sha256=_identity(state),
        datasets={name: _dataset(state, name) for name in spec.datasets},
        nodes=tuple(state.nodes.values()),
        tasks={name: state.tasks[name] for name in spec.tasks},
        phases=tuple(state.phases[name] for name in spec.phases),
        hardware=state.hardware,
        tracking=_tracking(spec.tracking),
        composites=spec.metrics,
        expect=spec.expect,
        tune=None if spec.tune is None else plain(spec.tune),
        trusted=trust.granted(),
    )
    if not secrets.are_known():
        return plan
    return Plan.model_validate_json(json.dumps(_without_secrets(plan.model_dump(mode="json"))))


_BLOCKS = frozenset(
    {
        "augment",
        "balance",
        "block",
        "description",
        "optimizer",
        "regularizers",
        "sampler",
        "schedule",
        "source",
    }
    | {"tracking", "transforms", "tune"}
)
"""Keys of a plan under which free texts of the spec stand."""


def _without_secrets(value: Any, key: str = "") -> Any:
    """Return the plan with the names of environment variables in the place of their values."""
    if key in _BLOCKS:
        return secrets.hide(value)
    if isinstance(value, dict):
        return {name: _without_secrets(item, name) for name, item in value.items()}
    return [_without_secrets(item, key) for item in value] if isinstance(value, list) else value


def _identity(state: State) -> str:
    """Return a hash of the composed tree: comments, files and the order of writing leave it as it is."""
    text = json.dumps(state.document.plain(), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _dataset(state: State, name: str) -> DatasetPlan:
    block, facts = state.spec.datasets[name], state.facts[name]
    split = block.split if block.split.seed is not None else _seeded(block.split, state.spec.seed)
    return DatasetPlan(
        source=block.source.dump(),
        fingerprint=facts.fingerprint,
        num_samples=facts.num_samples,
        fields={
            field: FieldPlan(block=facts.blocks[field], facts=found, shape=state.shapes[name][field])
            for field, found in facts.fields.items()
        },
        transforms=tuple(item.settled(facts.fields).dump() for item in block.transforms),
        split=plain(split),
        splits=facts.splits,
        missing=facts.missing,
        cache=block.cache,
        on_corrupt={"action": "error", "limit": 0}
        if block.on_corrupt == "error"
        else plain(block.on_corrupt),
        limit=block.limit,
        passed_over=facts.passed_over,
    )


def _seeded(split: Any, seed: int) -> Any:
    return split.model_copy(update={"seed": seed})


def _tracking(stated: Any) -> tuple[dict[str, Any], ...]:
    """Return the trackers as a list; TensorBoard where nothing is said."""
    if stated is None:
        return (parse("trackers", "tensorboard").dump(),)
    return tuple(item.dump() for item in (stated if isinstance(stated, list) else [stated]))
