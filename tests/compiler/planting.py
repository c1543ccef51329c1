"""Mistakes to plant in specs: each with its place, what its finding is called, and what must be whole for it to be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from declare.compiler.diagnose.edits import fix
from declare.contract.component import Component
from declare.contract.problem import Rewrite
from declare.diagnostics.diagnostic import Source
from declare.language.document import Document, Text
from declare.language.fix import apply
from declare.language.spec import Spec
from declare.language.yaml.parse_file import parse
from declare.parsing.annotation import TypeSpec, fields, form, kind_of
from declare.parsing.lookup import find

_ABSENT = object()


class Block(NamedTuple):
    """A block of a spec: its path, its model, its values."""

    path: str
    model: type[BaseModel]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Mistake:
    """One change of a spec that makes it wrong.

    `place` is the path of the finding and `codes` what it may be called. `needs` are paths: a mistake at, in or around
    one of them hides this one, since nobody can know what is meant.
    """

    name: str
    path: str
    place: str
    codes: frozenset[str]
    value: Any = None
    key: str | None = None
    needs: tuple[str, ...] = field(default=())

    def independent(self, other: Mistake) -> bool:
        """Return whether both can be seen in one spec."""
        pairs = [(self, other), (other, self)]
        if any(touches(a, b) for a in self._places for b in other._places):
            return False
        return not any(
            touches(need, place) for one, two in pairs for need in one.needs for place in two._places
        )

    @property
    def _places(self) -> tuple[str, ...]:
        return (self.path, self.place)


def touches(one: str, two: str) -> bool:
    """Return whether one path is the other, or stands in it; `=` before a path means that path alone."""
    if one.startswith("="):
        return one[1:] == two
    return one == two or one.startswith(f"{two}.") or two.startswith(f"{one}.")


def plant(text: str, mistakes: list[Mistake]) -> str:
    """Return the text of a spec with the mistakes in it, all else as it was written.

    Values come before keys, so that no path changes under a later mistake.
    """
    for mistake in sorted(
        mistakes, key=lambda item: (item.key is not None, -item.path.count("."), item.path)
    ):
        source = Source("spec.yaml", text)
        document = Document(parse(source, Text(Path())).node, (source,))
        made = fix(Rewrite("", mistake.path, mistake.value, mistake.key), document)
        assert made is not None, mistake
        text = apply(source, made.edits)
    return text


def blocks(tree: Mapping[str, Any]) -> Iterator[Block]:
    """Yield all blocks of a spec that have a model, the outer ones first."""
    yield from _walk(form(Spec), tree, "")


def _walk(item: TypeSpec, value: Any, path: str) -> Iterator[Block]:
    for option in item.options:
        model = _model(option, value)
        if model is not None and isinstance(value, dict):
            yield Block(path, model, value)
            known = fields(model)
            for key, inner in value.items():
                if key in known:
                    yield from _walk(known[key][1], inner, _join(path, key))
            return
        if model is not None:
            return
        if option.origin is list and isinstance(value, list):
            for index, part in enumerate(value):
                yield from _walk(option.arguments[0], part, _join(path, str(index)))
            return
        if option.origin is dict and isinstance(value, dict) and "type" not in value:
            for key, part in value.items():
                yield from _walk(option.arguments[1], part, _join(path, key))
            return


def _model(option: TypeSpec, value: Any) -> type[BaseModel] | None:
    if option.slot is None:
        return option.model
    if option.origin in {list, dict}:
        return None
    name = value if isinstance(value, str) else value.get("type") if isinstance(value, dict) else None
    return find(option.slot, name) if isinstance(name, str) else None


def catalogue(tree: Mapping[str, Any]) -> list[Mistake]:
    """Return every mistake of the catalogue that can be made in a spec."""
    found = [mistake for block in blocks(tree) for mistake in _of_block(block)]
    return found + list(_of_references(tree)) + list(_of_data(tree))


def _of_block(block: Block) -> Iterator[Mistake]:
    """Yield mistakes that the block alone shows: in keys, types, kinds of values, and bounds."""
    typed = issubclass(block.model, Component)
    needs = tuple(f"{path}.type" for path in _around(block.path))
    strange = _join(block.path, "zzqqx")
    outer = tuple(f"{path}.type" for path in _around(block.path)[:-1])
    yield Mistake("strange key", strange, strange, frozenset({"SCH101"}), 1, needs=outer)
    if typed:
        at = _join(block.path, "type")
        yield Mistake("strange type", at, at, frozenset({"SCH106"}), "zzqqx")
        if len(block.values["type"]) > 5:
            yield Mistake("slip in a type", at, at, frozenset({"SCH106"}), _slip(block.values["type"]))
    for key, (info, item) in fields(block.model).items():
        if key not in block.values:
            continue
        at = _join(block.path, key)
        value = block.values[key]
        if len(key) > 3:
            slip = _join(block.path, _slip(key))
            yield Mistake("slip in a key", at, slip, frozenset({"SCH101"}), key=_slip(key), needs=needs)
        if info.is_required() and len(block.values) > 1:
            yield Mistake("missing key", at, block.path, frozenset({"SCH103"}), needs=needs)
        wrong = _wrong_kind(item, value)
        if wrong is not _ABSENT:
            codes = frozenset({"SCH104", "SCH105", "SCH106", "SCH107", "SCH111", "SCH112"})
            yield Mistake("wrong kind", at, at, codes, wrong, needs=needs)
        bad = _out_of_range(item)
        if bad is not None and isinstance(value, int | float):
            yield Mistake("out of range", at, at, frozenset({"SCH102", "SCH105", "SCH108"}), bad, needs=needs)


def _around(path: str) -> list[str]:
    """Return a path and all that it stands in: their types must be known."""
    parts = path.split(".") if path else []
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _slip(word: str) -> str:
    """Return a word with two neighbours swapped."""
    at = next(i for i in range(1, len(word) - 1) if word[i] != word[i + 1])
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _wrong_kind(item: TypeSpec, value: Any) -> Any:
    """Return a value of a kind that a form does not take."""
    from declare.parsing.annotation import accepts

    if kind_of(value) == "null":
        return _ABSENT
    for wrong in (3.5, "many words", True):
        if not any(accepts(option, kind_of(wrong)) for option in item.options):
            return wrong
    return _ABSENT


def _out_of_range(item: TypeSpec) -> float | None:
    numbers = [option for option in item.options if option.annotation in {int, float}]
    if len(numbers) != 1:
        return None
    bounds = numbers[0].bounds
    if "gt" in bounds or "ge" in bounds:
        return int(bounds.get("gt", bounds.get("ge")) - 1)
    return int(bounds["le"] + 1) if "le" in bounds else None


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _of_references(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield names that nothing has."""
    for name, block in tree["datasets"].items():
        path = f"datasets.{name}"
        whole = _fields_of(path, block)
        for key in ("by", "stratify", "column"):
            if key in block.get("split", {}):
                yield _lost(f"{path}.split.{key}", whole)
        for index, item in enumerate(block.get("transforms", ())):
            if "field" in item:
                yield _lost(f"{path}.transforms.{index}.field", whole)
    for name, block in tree["model"].items():
        path = f"model.{name}"
        if isinstance(block.get("input"), str):
            yield _lost(f"{path}.input", _all_fields(tree))
    for name, block in tree["tasks"].items():
        path = f"tasks.{name}"
        if "dataset" in block:
            yield _lost(f"{path}.dataset", ("=datasets",))
        if "target" in block:
            yield _lost(f"{path}.target", (*_data_of(tree, name, fields=True),))
    for name, block in tree["phases"].items():
        yield from _of_phase_names(tree, f"phases.{name}", block)
    for place in tree.get("expect", {}):
        at = f"expect.{place}"
        yield Mistake(
            "lost metric",
            at,
            "expect.val/nowhere/mae",
            frozenset({"PHS601"}),
            key="val/nowhere/mae",
            needs=("=tasks",),
        )


def _of_phase_names(tree: Mapping[str, Any], path: str, block: Mapping[str, Any]) -> Iterator[Mistake]:
    tasks = block.get("tasks")
    if isinstance(tasks, list):
        yield _lost(f"{path}.tasks.0", ("=tasks",))
    metric = frozenset({"PHS601"})
    if "best" in block.get("evaluate", {}):
        at = f"{path}.evaluate.best.metric"
        yield Mistake("lost metric", at, at, metric, "val/nowhere/mae", needs=("=tasks",))
    if "early_stop" in block:
        at = f"{path}.early_stop.metric"
        yield Mistake("lost metric", at, at, metric, "val/nowhere/mae", needs=("=tasks",))
    if "scales" in block:
        yield _lost(f"{path}.scales.field", ("=tasks", f"{path}.tasks", *_all_data(tree)))
    for index, probe in enumerate(block.get("probes", ())):
        if "task" in probe:
            yield _lost(f"{path}.probes.{index}.task", ("=tasks",))
    yield Mistake(
        "dead pattern",
        f"{path}.freeze",
        f"{path}.freeze.0.match",
        frozenset({"REF202"}),
        [{"match": "nowhere.*"}],
        needs=("=model", "=tasks"),
    )
    yield Mistake(
        "dead pattern of a strange type",
        f"{path}.regularizers",
        f"{path}.regularizers.0.match",
        frozenset({"REF202"}),
        [{"type": "zzqqx", "match": "nowhere.*", "weight": 0.1}],
        needs=("=model", "=tasks"),
    )
    yield Mistake(
        "lost field of a sampler without keys",
        f"{path}.sampler",
        f"{path}.sampler.score",
        frozenset({"REF201"}),
        {"type": "curriculum", "score": "zzqqx"},
        needs=("=tasks", f"{path}.tasks", *_all_data(tree)),
    )
    optimizer = block.get("optimizer")
    if isinstance(optimizer, dict):
        yield Mistake(
            "dead pattern",
            f"{path}.optimizer.groups",
            f"{path}.optimizer.groups.0.match",
            frozenset({"REF202"}),
            [{"match": "nowhere.*", "lr": 0.1}],
            needs=("=model", "=tasks"),
        )


def _lost(at: str, needs: tuple[str, ...]) -> Mistake:
    return Mistake("lost name", at, at, frozenset({"REF201"}), "zzqqx", needs=needs)


def _fields_of(path: str, block: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what must be whole for the names of a dataset's fields to be known."""
    return (f"{path}.fields.",) if "fields" in block else (f"{path}.source",)


def _all_fields(tree: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        need for name, block in tree["datasets"].items() for need in _fields_of(f"datasets.{name}", block)
    )


def _data_of(tree: Mapping[str, Any], task: str, *, fields: bool = False) -> tuple[str, ...]:
    """Return what must be whole for the data of a task to be known."""
    block = tree["tasks"][task]
    names = [block["dataset"]] if "dataset" in block else block.get("datasets", list(tree["datasets"]))
    found: list[str] = [f"tasks.{task}.dataset", f"tasks.{task}.datasets"]
    for name in names:
        path = f"datasets.{name}"
        found += (
            _fields_of(path, tree["datasets"][name])
            if fields
            else [f"{path}.{key}" for key in ("source", "fields", "split", "limit", "on_corrupt")]
        )
    return tuple(found)


def _all_data(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what must be whole for the fields of every task to be known."""
    return tuple(
        need for task in tree["tasks"] for need in (f"tasks.{task}", *_data_of(tree, task, fields=True))
    )


def _of_data(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what only the data can show: counts of classes, lengths of phases."""
    for name, block in tree["tasks"].items():
        if block["type"] == "classification" and "loss" not in block:
            at = f"tasks.{name}.loss"
            yield Mistake(
                "class weights of another length",
                at,
                f"{at}.class_weights",
                frozenset({"LOS406"}),
                {"type": "cross_entropy", "class_weights": [1.0] * 49},
                needs=(*_data_of(tree, name), f"tasks.{name}.type", f"tasks.{name}.target"),
            )
    for name, block in tree["phases"].items():
        path = f"phases.{name}"
        used = block.get("tasks", list(tree["tasks"]))
        length = "epochs" if "epochs" in block else "steps"
        data = [need for task in used for need in (*_data_of(tree, task), f"tasks.{task}")]
        for value, needs in (
            ("90000 steps", [*data, f"{path}.batch_size", f"{path}.tasks"] if length == "epochs" else []),
            ("9000 epochs", [] if length == "epochs" else [*data, f"{path}.batch_size", f"{path}.tasks"]),
        ):
            yield Mistake(
                f"warm-up of {value}",
                f"{path}.schedule",
                f"{path}.schedule.warmup",
                frozenset({"PHS608"}),
                {"type": "cosine", "warmup": value},
                needs=(*needs, f"{path}.{length}"),
            )
