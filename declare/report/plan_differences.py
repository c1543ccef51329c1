"""Values in which plans differ, by paths as the spec has them: what was set, and what follows from it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from declare.contract import strict_json
from declare.contract.problem import join_path
from declare.ir.plan import ModulePlan, Plan, Wire
from declare.report.report import Part

_LABELS = ("port", "match", "name", "reference", "type")
"""Keys of a list's entries that name an entry, the first of them that it has."""
ORDER = "order"
"""Key of the order of a list's entries."""
_OMITTED = re.compile(
    r"declare|format|description|spec_sha256|(model|heads)\.[^.]+\.layers(\..*)?|tasks\.[^.]+\.block(\..*)?"
    r"|phases\.[^.]+\.(rates|groups\..*\.parameters|freeze\..*\.(parameters|modules))"
)
"""What says nothing of a run, or is stated elsewhere."""
_FOLLOWS = re.compile(
    r"datasets\.[^.]+\.(num_samples|splits|missing|passed_over|fields\.[^.]+\.(facts|shape|double))(\..*)?"
    r"|(model|heads)\.[^.]+\.(outputs|parameters|flops|activation_bytes|variants|left_out)(\..*)?"
    r"|tasks\.[^.]+\.(target|targets)(\..*)?|tasks\.[^.]+\.losses\.[^.]+\.class_weights"
    r"|phases\.[^.]+\.(steps_per_epoch|rows|samplers|trainable_parameters|memory_bytes)(\..*)?"
    r"|phases\.[^.]+\.scales\.(flops|activation_bytes|stored_bytes)"
)
"""What the plan computes from the settings and the data."""
_SAMPLES = re.compile(r"datasets\.[^.]+(\.(fingerprint|limit|split|source)(\..*)?)?")
"""What decides which samples an evaluation is of."""


class Difference(Part):
    """A value in which plans differ: one for each plan, None if it has none; `follows` marks what is computed."""

    path: str
    values: tuple[Any, ...]
    follows: bool


def differences(plans: Sequence[Plan]) -> tuple[Difference, ...]:
    """Return every value in which plans differ, in the order of a plan; what one of them lacks is one value."""
    items = [
        item
        for item in _differences([_tree(plan) for plan in plans], "")
        if not _OMITTED.fullmatch(item.path)
    ]
    changed = {_dataset(item.path) for item in items if not item.follows and not _is_fingerprint(item.path)}
    return tuple(
        item.model_copy(update={"follows": True})
        if _is_fingerprint(item.path) and _dataset(item.path) in changed
        else item
        for item in items
    )


def _dataset(path: str) -> str:
    """Return the dataset that a path is of, empty if it is of none."""
    return path.split(".")[1] if path.startswith("datasets.") else ""


def _is_fingerprint(path: str) -> bool:
    """Return whether a path is of a dataset's fingerprint: of its files, and of how they are read and split."""
    return path.startswith("datasets.") and path.endswith(".fingerprint")


def sample_differences(differences: Sequence[Difference]) -> tuple[str, ...]:
    """Return the paths because of which metrics of the plans are of different samples."""
    return tuple(item.path for item in differences if not item.follows and _SAMPLES.fullmatch(item.path))


def _tree(plan: Plan) -> dict[str, Any]:
    """Return a plan as nested mappings with the keys of a spec; entries of lists are under their labels."""
    tree = plan.model_dump(mode="json", exclude={"nodes", "datasets"})
    datasets = {
        name: data.model_dump(mode="json")
        | {
            "fields": {
                field: part.model_dump(mode="json") | {"shape": str(part.shape)}
                for field, part in data.fields.items()
            }
        }
        for name, data in plan.datasets.items()
    }
    nodes = {
        key: {node.name: _node(node) for node in plan.nodes if node.role == role}
        for key, role in (("model", "module"), ("heads", "head"))
    }
    labelled: dict[str, Any] = _with_labels({"name": tree.pop("name"), "datasets": datasets} | nodes | tree)
    return labelled


def _node(node: ModulePlan) -> dict[str, Any]:
    shown = node.model_dump(mode="json", exclude={"name", "path", "role", "layers"})
    variants = {
        dataset: shown["variants"][dataset] | _ports(variant.wires, variant.outputs)
        for dataset, variant in node.variants.items()
    }
    return shown | _ports(node.wires, node.outputs) | {"variants": variants}


def _ports(wires: Sequence[Wire], outputs: Mapping[str, object]) -> dict[str, Any]:
    """Return what flows in and out as text: `{"inputs": {"input": "encoder.output"}, "outputs": {...}}`."""
    inputs: dict[str, str] = {}
    for wire in wires:
        source = wire.name if wire.output is None else f"{wire.name}.{wire.output}"
        inputs[wire.port] = f"{inputs[wire.port]}, {source}" if wire.port in inputs else source
    return {"wires": None, "inputs": inputs, "outputs": {name: str(shape) for name, shape in outputs.items()}}


def _with_labels(value: Any) -> Any:
    """Return a value with its blocks merged into what they are the settings of, and entries of lists labelled."""
    if isinstance(value, dict):
        block = value.get("block")
        if isinstance(block, dict):
            repeated = {key: item for key, item in block.items() if key in value}
            rest = {key: item for key, item in value.items() if key != "block"}
            value = block | rest | ({"block": repeated} if repeated else {})
        return {key: _with_labels(item) for key, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return _by_label(value)
    return value


def _by_label(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the entries of a list under their labels (`resize`, `resize#2`), and their order."""
    labelled: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for entry in entries:
        merged = _with_labels(entry)
        label = next((str(merged[key]) for key in _LABELS if merged.get(key)), "entry")
        seen[label] += 1
        labelled[label if seen[label] == 1 else f"{label}#{seen[label]}"] = merged
    return labelled | {ORDER: list(labelled)}


def _differences(values: Sequence[Any], path: str) -> Iterator[Difference]:
    if all(isinstance(value, dict) for value in values):
        for key in dict.fromkeys(key for value in values for key in value):
            yield from _differences([value.get(key) for value in values], join_path(path, key))
    elif path.endswith(f".{ORDER}") and _same_relative_order(values):
        return
    elif len({strict_json.dumps(value, sort_keys=True) for value in values}) > 1:
        yield Difference(path=path, values=tuple(values), follows=bool(_FOLLOWS.fullmatch(path)))


def _same_relative_order(values: Sequence[Any]) -> bool:
    """Return whether what all lists of labels have is in the same order in each; None has nothing."""
    common = set.intersection(*(set(value or ()) for value in values))
    return len({tuple(label for label in value or () if label in common) for value in values}) == 1
