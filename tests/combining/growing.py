"""Grows a spec: data first, then tasks on what they hold, modules that read it, and phases; every link by its type."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from declare.contract.kinds.task import Task
from declare.contract.shapes import Shape
from declare.language.spec import Dataset
from declare.parsing import parser
from declare.parsing.lookup import find, own_names
from tests.combining.data import FEW, WORDS_OF, Place
from tests.combining.linking import (
    Block,
    inferred_outputs,
    pairs_samples,
    sampler_layouts,
    shape_after,
    shapes_of,
    starts_from,
    stated_input,
)
from tests.combining.pages import example
from tests.combining.phasing import write_phases, write_rest
from tests.combining.values import NOTHING, Ordinary

_ODD_NAMES = ("training", "type", "forward", "none", "t", "a", "weight", "loss", "model", "train")
"""Names of modules that mean something elsewhere: to torch, to Python, or in the spec."""


def _is_file_like(other: Place, place: Place) -> bool:
    """Return whether a place is another file of the same kind."""
    paths = [Path(str(item.block.get("path", ""))) for item in (other, place)]
    alike = other.block["type"] == place.block["type"] and paths[0].name == paths[1].name
    return alike and paths[0] != paths[1] and paths[0].is_file()


@dataclass
class Growth:
    """A spec that is being written, and the names in it by what they are."""

    draw: random.Random
    places: Sequence[Place]
    forced: dict[str, str] = field(default_factory=dict)
    spec: Block = field(default_factory=dict)
    pool: dict[str, list[str]] = field(default_factory=dict)
    shapes: dict[str, dict[str, Shape]] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ordinary = Ordinary(self.draw, self.pool, example)
        self.ordinary.forced = self.forced
        paths = (Path(str(place.block.get("path", ""))) for place in self.places)
        self.ordinary.folders = tuple(dict.fromkeys(path.parent for path in paths if path.name))

    def grow(self) -> Block:
        """Return a whole spec."""
        for _ in range(8):
            if self._model():
                break
        self._tasks()
        write_phases(self)
        write_rest(self)
        return self.spec

    def _model(self) -> bool:
        """Write data and modules; return whether each task can read some output of them."""
        self.spec = {"declare": 1, "seed": self.draw.randint(0, 99), "datasets": {}}
        self.shapes, self.outputs = {}, {}
        self.pool.clear()
        self._dataset("a")
        if self.draw.random() < 0.25:
            self._twin("b")
        self._targets()
        self._modules()
        tasks = [find("tasks", kind) for kind, _, _ in self.chosen.values()]
        return bool(tasks) and bool(self.spec["model"]) and all(self._readable(task) for task in tasks)

    def _readable(self, task: Any) -> list[str]:
        """Return the outputs that the head of a task may start from."""
        layouts = starts_from(task, self.forced.get("heads"))
        return [name for name, shape in self.outputs.items() if shape.layout in layouts]

    # -- data --------------------------------------------------------------------------------------------

    def _dataset(self, name: str) -> None:
        place = self._place()
        block: Block = {"source": dict(place.block)}
        if self.forced.get("fields") or not place.known or self.draw.random() < 0.4:
            block["fields"] = self._fields(place)
        self.spec["datasets"][name] = block
        if place.rows > FEW:
            block["limit"] = FEW
        self.shapes[name] = shapes_of(block, name)
        self.pool.setdefault("dataset", []).append(name)
        self.pool["field"] = sorted({key for shapes in self.shapes.values() for key in shapes})
        self._transforms(name, block)
        rest = self.ordinary.block(Dataset, {}, share=0.15)
        block.update(
            {
                key: value
                for key, value in rest.items()
                if key not in {"source", "fields", "transforms", "limit"}
            }
        )
        if not self._holds_out(block):
            block["split"] = {"val": self.draw.choice([0.2, 0.3]), "test": self.draw.choice([0.2, 0.1])}
            others = [other.block["path"] for other in self.places if _is_file_like(other, place)]
            if others and self.draw.random() < 0.2:
                block["split"] = {"val": self.draw.choice(others)}

    def _twin(self, name: str) -> None:
        """Write a second dataset with the fields of the first, of other samples where there are some."""
        block = dict(self.spec["datasets"]["a"])
        kind = block["source"]["type"]
        alike = [
            place
            for place in self.places
            if place.block["type"] == kind and place.block.get("name") == block["source"].get("name")
        ]
        block["source"] = dict(self.draw.choice(alike).block)
        self.spec["datasets"][name] = block
        self.shapes[name] = shapes_of(block, name)
        self.pool["dataset"].append(name)

    def _holds_out(self, block: Block) -> bool:
        split = block.get("split")
        return self.draw.random() < 0.3 if split is None else bool(split.get("val") or split.get("column"))

    def _place(self) -> Place:
        wanted = self.forced.get("sources")
        kinds = sorted({place.block["type"] for place in self.places})
        kind = wanted if wanted in kinds else self.draw.choice(kinds)
        fitting = [place for place in self.places if place.block["type"] == kind]
        if (typed := self.forced.get("fields")) and not wanted:
            fitting = [
                p for p in self.places if any(typed in types for types in p.columns.values())
            ] or fitting
        return self.draw.choice(fitting)

    def _fields(self, place: Place) -> Block:
        names = list(place.columns)
        chosen = self.draw.sample(names, min(len(names), self.draw.randint(2, 7)))
        wanted = self.forced.get("fields")
        able = [name for name in names if wanted in place.columns[name]]
        if wanted and able:
            chosen = [self.draw.choice(able), *chosen]
        rare = {
            kind: sum(kind in types for types in place.columns.values())
            for types in place.columns.values()
            for kind in types
        }
        types = {}
        for name in dict.fromkeys(chosen):
            options = place.columns[name]
            (types[name],) = self.draw.choices(options, [1 / rare[kind] ** 2 for kind in options])
        if wanted and able:
            types[chosen[0]] = wanted
        for name in [name for name, kind in types.items() if kind == "tags"]:
            types[self.draw.choice([column for column in WORDS_OF[name] if column in names])] = "text"
        self.pool["field"] = list(types)
        found = {}
        for name, kind in types.items():
            block = self.ordinary.component("fields", kind, bare=0.8)
            stated = {key for key in block if key in {"key", "column"}}
            found[name] = {key: value for key, value in block.items() if key not in stated}
            if kind == "text" and self.forced.get("tokenizers"):
                found[name]["tokenizer"] = self.ordinary.component("tokenizers")
            if kind == "tags":
                found[name]["of"] = next(word for word in WORDS_OF[name] if types.get(word) == "text")
        return found

    def _transforms(self, name: str, block: Block) -> None:
        count = self.draw.choice([0, 0, 1, 1, 2]) or bool(self.forced.get("transforms"))
        shapes = self.shapes[name]
        found = []
        for _ in range(12):
            if len(found) >= count or not shapes:
                break
            made = self.ordinary.component("transforms")
            target = self.draw.choice(sorted(shapes))
            made = {key: value for key, value in made.items() if key != "fields"} | {"field": target}
            after = shape_after(made, shapes[target])
            if after is not None:
                found.append(made)
                shapes[target] = after
        if found:
            block["transforms"] = found

    # -- tasks and modules -------------------------------------------------------------------------------

    def _targets(self) -> None:
        """Choose types of tasks and their targets, before modules read what is left."""
        self.chosen: dict[str, tuple[str, str, str | None]] = {}
        for name in ("t", "u")[: 1 if self.draw.random() < 0.7 else 2]:
            for _ in range(30):
                kind = self.forced.get("tasks") or self.draw.choice(self.ordinary.names("tasks"))
                dataset = self.draw.choice(list(self.shapes))
                target = self.target(kind, dataset)
                if target is not NOTHING:
                    self.chosen[name] = (kind, dataset, target)
                    break
        self.pool["task"] = list(self.chosen)
        for name, (kind, _, _) in self.chosen.items():
            metrics = ["loss", *getattr(find("tasks", kind), "default_metrics", ())]
            self.pool.setdefault("metric", []).extend(f"val/{name}/{metric}" for metric in metrics)

    def target(self, kind: str, dataset: str) -> Any:
        layouts = getattr(find("tasks", kind), "targets", ())
        if not layouts:
            return None if self._pairable(kind, dataset) else NOTHING
        able = [name for name, shape in self.shapes[dataset].items() if shape.layout in layouts]
        return self.draw.choice(able) if able else NOTHING

    def _pairable(self, kind: str, dataset: str) -> bool:
        """Return whether a task that takes something from a sampler that pairs finds fields for it."""
        if getattr(find("tasks", kind), "drawn_by", None) is Task.drawn_by:
            return True
        layouts = {
            layout
            for name in self.ordinary.names("samplers")
            if pairs_samples(name)
            for layout in sampler_layouts(name)
        }
        return any(shape.layout in layouts for shape in self.shapes[dataset].values())

    def _modules(self) -> None:
        self.spec["model"] = {}
        read = {
            target
            for kind, _, target in self.chosen.values()
            if getattr(find("tasks", kind), "masks_inputs", False)
        }
        taken = {target for _, _, target in self.chosen.values()} - read
        reads = next((dataset for _, dataset, _ in self.chosen.values()), "a")
        inputs = {
            name: shape
            for name, shape in self.shapes[reads].items()
            if name not in taken or self.draw.random() < 0.1
        }
        head = self.forced.get("heads")
        wanted = {
            layout for kind, _, _ in self.chosen.values() for layout in starts_from(find("tasks", kind), head)
        }
        for _ in range(5):
            made = self._module(inputs)
            if made is None:
                break
            self._add_module(made)
            feeds = {shape.layout for shape in self.outputs.values()}
            if wanted <= feeds or (wanted & feeds and self.draw.random() < 0.6):
                break
        if not wanted & {shape.layout for shape in self.outputs.values()}:
            self._seek(inputs, wanted)
        names = list(self.spec["model"])
        self.pool["pattern"] = [
            "*",
            "*.weight",
            "*.bias",
            *(f"{name}.*" for name in names),
            *(f"heads.{task}.*" for task in self.chosen),
        ]

    def _seek(self, inputs: dict[str, Shape], wanted: set[str]) -> None:
        """Add a module that gives what the tasks start from, where one of ours does."""
        names = own_names("modules")
        for kind in self.draw.sample(names, len(names)):
            if getattr(find("modules", kind), "trusted_only", True):
                continue
            made = self._module_of(kind, inputs)
            if made is not None and wanted & {shape.layout for shape in made[1].values()}:
                self._add_module(made)
                return

    def _add_module(self, made: tuple[Block, dict[str, Shape]]) -> None:
        name = f"m{len(self.spec['model'])}"
        if self.draw.random() < 0.1:
            name = self.draw.choice([odd for odd in _ODD_NAMES if odd not in self.spec["model"]])
        self.spec["model"][name] = made[0]
        for output, shape in made[1].items():
            self.outputs[name if output == next(iter(made[1])) else f"{name}.{output}"] = shape
        self.pool["module"] = list(self.spec["model"])

    def _module(self, fields: dict[str, Shape]) -> tuple[Block, dict[str, Shape]] | None:
        for attempt in range(25):
            wanted = self.forced.get("modules") if attempt < 20 else None
            made = self._module_of(wanted or self.draw.choice(self.ordinary.names("modules")), fields)
            if made is not None:
                return made
        return None

    def _module_of(self, name: str, fields: dict[str, Shape]) -> tuple[Block, dict[str, Shape]] | None:
        """Return a module of a type with its outputs; None where it finds nothing to read, or refuses it."""
        cls = find("modules", name)
        wires = None if cls is None else self._wires(cls, fields)
        if wires is None:
            return None
        made = self.ordinary.component("modules", name) | {"input": stated_input(wires)}
        made = {
            key: value
            for key, value in made.items()
            if key != "pretrained" and (key != "per_dataset" or len(self.shapes) > 1)
        }
        component, problems = parser.read("modules", made)
        if problems:
            return None
        known = fields | self.outputs
        inputs = {port: tuple(known[item] for item in items) for port, items in wires.items()}
        outputs = inferred_outputs(component, inputs)
        return None if outputs is None else (made, outputs)

    def _wires(self, cls: Any, fields: dict[str, Shape]) -> dict[str, list[str]] | None:
        """Return names for each port of a node, fields or outputs of a layout that it takes."""
        found = {}
        for port in cls.ports:
            known = fields | self.outputs
            able = [name for name, shape in known.items() if shape.layout in port.takes]
            newest = [name for name in able if name in self.outputs]
            if port.optional and (not able or self.draw.random() < 0.6):
                continue
            if not able:
                return None
            pool = newest if newest and self.draw.random() < 0.5 else able
            found[port.name] = (
                self.draw.sample(pool, min(len(pool), self.draw.randint(1, 3)))
                if port.many
                else [self.draw.choice(pool)]
            )
        return found

    def _tasks(self) -> None:
        self.spec["tasks"] = {}
        for name, (kind, dataset, target) in self.chosen.items():
            cls = find("tasks", kind)
            block = self.ordinary.component("tasks", kind, bare=0.6)
            block = {
                key: value
                for key, value in block.items()
                if key not in {"dataset", "datasets", "target", "mask", "head", "loss", "metrics"}
            }
            if len(self.shapes) > 1 and self.draw.random() < 0.6:
                block["datasets"] = list(self.shapes)
            else:
                block["dataset"] = dataset
            if target is not None:
                block["target"] = target
            prediction = getattr(cls, "prediction", "")
            for key, kind_ in (("loss", "losses"), ("metrics", "metrics")):
                made = self._judges(kind_, prediction)
                if made:
                    block[key] = made if key == "metrics" or len(made) > 1 else made[0]
            head = self._head(cls)
            if "input" in block:  # what its own head reads
                block["input"] = self.draw.choice(self._readable(cls) or [block["input"]])
                if head and self.forced.get("heads"):
                    block["head"] = head | {"input": block["input"]}
            elif head:
                block["head"] = head
            self.spec["tasks"][name] = block

    def _judges(self, kind: str, prediction: str) -> list[Block]:
        able = [
            name for name in self.ordinary.names(kind) if prediction in getattr(find(kind, name), "takes", ())
        ]
        wanted = self.forced.get(kind)
        if not able or (self.draw.random() < 0.5 and wanted is None):
            return []
        chosen = self.draw.sample(able, min(len(able), self.draw.randint(1, 4 if kind == "metrics" else 2)))
        if wanted in able and wanted not in chosen:
            chosen[0] = wanted
        return [self.ordinary.component(kind, name) for name in chosen]

    def _head(self, task: Any) -> Block | None:
        wanted = self.forced.get("heads")
        kind = wanted or (
            self.draw.choice(self.ordinary.names("heads")) if self.draw.random() < 0.3 else task.default_head
        )
        cls = find("heads", kind)
        assert cls is not None
        takes = {layout for port in cls.ports for layout in port.takes}
        able = [name for name in self._readable(task) if self.outputs[name].layout in takes]
        if not able and not wanted:
            kind, able = task.default_head, self._readable(task)
        if not able:
            return None
        made = self.ordinary.component("heads", kind) | {"input": self.draw.choice(able)}
        if len(self.shapes) < 2:
            made.pop("per_dataset", None)
        return made
