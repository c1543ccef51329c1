"""Every parameter of every component and every key of the language, each with values at the edge of what it allows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from declare.language import spec as language
from declare.parsing.annotation import TypeSpec, fields
from declare.parsing.lookup import find, kinds, names, own_names
from tests.combining.data import Place
from tests.combining.growing import Growth
from tests.combining.linking import drawn_with
from tests.combining.mending import mended
from tests.combining.pages import example
from tests.combining.places import Steps, changed, get, model_of, parameters
from tests.combining.values import Ordinary, edges
from tests.combining.writing import Spec, errors_of

LANGUAGE = "language"
"""The word for a target that is no component: the blocks of the language itself."""
_LONG = {"steps", "epochs", "trials"}
"""Lengths of training: many steps are no mistake, but take their time."""
_MACHINE = {"devices", "nodes", "accelerator", "strategy", "compile"}
"""What asks for other machines, or for minutes of a compiler."""
_TRIES = 25
_HEAVY = {"timm", "torchvision", "huggingface", "braindecode"}


@dataclass(frozen=True)
class Edge:
    """One parameter at one edge: `owner` is the component or block, `steps` where the value stands."""

    owner: str
    key: str
    steps: Steps
    value: Any

    def of(self, base: Spec) -> Spec:
        """Return the base with the value in its place."""
        return changed(base, self.steps, self.value)


def targets() -> list[tuple[str, str]]:
    """Return kind and name of every component that runs nobody's code, own ones first, and the language."""
    found = [(LANGUAGE, LANGUAGE)]
    for take in (lambda own: own, lambda own: not own):
        for kind in kinds():
            known = own_names(kind)
            for name in names(kind):
                cls = find(kind, name)
                if cls is not None and not cls.trusted_only and take(name in known) and fields(cls):
                    found.append((kind, name))
    return found


class Plain(Ordinary):
    """Draws what a block must say and no more; the component that is asked for is the one of its page."""

    def component(self, kind: str, name: str | None = None, *, bare: float = 1.0) -> Any:
        """Return a plain block of a component."""
        wanted = self.forced.get(kind)
        name = name or wanted or self.draw.choice(self.names(kind))
        return super().component(kind, name, bare=0.0 if name == wanted else bare)

    def names(self, kind: str) -> list[str]:
        """Return the names that a block is drawn from: our own, the small ones."""
        small = [name for name in own_names(kind) if name not in _HEAVY]
        return [name for name in small if (cls := find(kind, name)) is not None and not cls.trusted_only]

    def block(self, model: Any, base: Any = None, share: float | None = None) -> dict[str, Any]:
        """Return what a strict model must say, as its page does where it can."""
        del share
        return super().block(model, base or _required(model), share=0.0)


def _required(model: Any) -> dict[str, Any]:
    """Return what a component's page says of the parameters that must be stated."""
    if not hasattr(model, "kind"):
        return {}
    shown = example(model.kind(), model.type_name())
    return {
        key: shown[key] for key, (info, _) in fields(model).items() if info.is_required() and key in shown
    }


def base_of(places: Sequence[Place], kind: str, name: str, draw: random.Random, *, rich: bool) -> Spec | None:
    """Return a spec that validates and has a component in it; None where no try gives one. `rich` draws more."""
    for _ in range(_TRIES):
        growth = Growth(draw, places, {} if kind == LANGUAGE else drawn_with(kind, name, draw))
        if not rich:
            growth.ordinary = Plain(draw, growth.pool, example)
            growth.ordinary.forced = growth.forced
        spec, errors = mended(growth, growth.grow(), draw)
        if not errors and kind == LANGUAGE:
            return _with_blocks(growth, spec)
        if not errors and _stands(spec, kind, name) is not None:
            return spec
    return None


def _with_blocks(growth: Growth, spec: Spec) -> Spec:
    """Return a spec with as many of the language's optional blocks as go together."""
    for steps, item in list(parameters(spec)):
        model = next((option.model for option in item.options if option.model and not option.slot), None)
        if model is None or get(spec, steps) is not None:
            continue
        block = growth.ordinary.block(model, {}, share=0.0)
        if not errors_of(more := changed(spec, steps, block)):
            spec = more
    return spec


def _stands(spec: Spec, kind: str, name: str) -> Steps | None:
    """Return the path of a component in a spec."""
    for steps, item in parameters(spec):
        block = get(spec, steps)
        stated = block.get("type") if isinstance(block, dict) else block
        if stated == name and any(option.slot == kind and option.origin is None for option in item.options):
            return steps
    return None


def edges_of(spec: Spec, kind: str, name: str) -> Iterator[Edge]:
    """Yield every edge of every parameter of a component in a spec, or of every key of the language."""
    known = names_in(spec)
    if kind == LANGUAGE:
        for owner, steps, item in _language(spec):
            yield from _edges(f"{LANGUAGE}/{owner}", steps, item, known)
        return
    steps = _stands(spec, kind, name)
    assert steps is not None
    if not isinstance(get(spec, steps), dict):  # a component by its name alone
        return
    for key, (_, item) in fields(find(kind, name)).items():  # type: ignore[arg-type]
        yield from _edges(f"{kind}/{name}", (*steps, key), item, known)


def _edges(owner: str, steps: Steps, item: TypeSpec, known: Sequence[str]) -> Iterator[Edge]:
    key = next(step for step in reversed(steps) if isinstance(step, str))
    for value in edges(item, strange=False, known=known):
        asks = {key, *(value if isinstance(value, dict) else ())}
        if not asks & _MACHINE and not _too_long(key, value):
            yield Edge(owner, key, steps, value)


def _too_long(key: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return bool(key in _LONG and number and value > 20)


def _language(spec: Spec) -> Iterator[tuple[str, Steps, TypeSpec]]:
    """Yield block, path and form of every key of the language's blocks in a spec, each once."""
    seen: set[tuple[str, str]] = set()
    for path, model in _blocks(spec):
        for key, (_, item) in fields(model).items():
            if (model.__name__, key) not in seen:
                seen.add((model.__name__, key))
                yield model.__name__, (*path, key), item


def _blocks(spec: Spec) -> Iterator[tuple[Steps, Any]]:
    yield (), language.Spec
    for steps, item in parameters(spec):
        for option in item.options:
            model = model_of(option, get(spec, steps))
            if not option.slot and model is not None and isinstance(get(spec, steps), dict):
                yield steps, model


def language_keys() -> set[tuple[str, str]]:
    """Return block and key of all that the language has."""
    found: set[tuple[str, str]] = set()
    queue: list[Any] = [language.Spec]
    while queue:
        model = queue.pop()
        for key, (_, item) in fields(model).items():
            if (model.__name__, key) not in found:
                found.add((model.__name__, key))
                queue += _models(item)
    return found


def _models(item: TypeSpec) -> Iterator[Any]:
    for option in item.options:
        if option.model is not None and not option.slot:
            yield option.model
        elif option.origin in {list, dict}:
            for inner in option.arguments:
                yield from _models(inner)


def names_in(spec: Spec) -> list[str]:
    """Return the names that a text may mean: of fields, modules, tasks, datasets and some metrics."""
    found = [*spec["model"], *spec["tasks"], *spec["datasets"]]
    for dataset in spec["datasets"].values():
        found += list(dataset.get("fields", {}))[:6]
    found += [f"val/{task}/loss" for task in spec["tasks"]]
    return list(dict.fromkeys(found))
