"""Shapes of fields after their transforms, in training and in evaluation."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import NamedSpec, ReadSpec, TransformedSpec
from declare.contract.facts import FieldFacts
from declare.contract.kinds.transform import Transform, facts_before
from declare.contract.problem import Problem
from declare.contract.shapes import PLACES, Dim, Shape
from declare.ir.facts import DatasetFacts
from declare.parsing.library_trial import refusal
from declare.parsing.poison import POISON, contains_poison, poison_all
from declare.rules.spec_parts import blocks_of, get


class _Track(NamedTuple):
    """A field on its way through the transforms; None after one that does not fit.

    `learned` is the training sample that statistics are learned from, without what draws for each sample.
    """

    train: Shape | None
    evaluation: Shape | None
    learned: Shape | None
    changed: str = ""


Shapes = dict[str, Shape]


def with_field_shapes(stage: NamedSpec) -> Reports[TransformedSpec]:
    """Return the spec with shapes of fields; yield transforms that do not fit, fields that differ between splits."""
    all_shapes, train_shapes = {}, {}
    for dataset in blocks_of(stage.spec, "datasets"):
        if dataset.name not in stage.facts:
            yield Skip(dataset.path)
            continue
        facts = stage.facts[dataset.name]
        shapes = {name: _shape(item) for name, item in facts.fields.items()}
        tracks = {name: _Track(shape, shape, shape) for name, shape in shapes.items()}
        if get(dataset.block, "transforms") is None:
            yield Skip(f"{dataset.path}.transforms")
            continue
        transforms = get(dataset.block, "transforms") or ()
        chain = zip(transforms, facts_before(poison_all(transforms), facts.fields), strict=True)
        for index, (transform, known) in enumerate(chain):
            path = f"{dataset.path}.transforms.{index}"
            changed = _unclear(stage, transform, path, facts)
            if changed:
                yield Skip(path)
                tracks |= dict.fromkeys(changed, _Track(None, None, None, path))
            else:
                contradiction = transform.check_facts(known)
                if contradiction is not None:
                    yield contradiction.with_prefix(path)
                yield from _apply(transform.resolve(known), path, tracks)
        shapes = yield from _merge(tracks)
        all_shapes[dataset.name] = shapes
        train_shapes[dataset.name] = {name: tracks[name].train or shape for name, shape in shapes.items()}
    return TransformedSpec(**vars(stage), shapes=all_shapes, train_shapes=train_shapes)


def _unclear(stage: ReadSpec, transform: Any, path: str, facts: DatasetFacts) -> list[str]:
    """Return the fields of which nothing is known after a transform that could not be read; none for a whole one."""
    known = stage.untyped.get(path) if transform is POISON else transform
    names = _targets(known) or []
    shapes = {name: _shape(item) for name, item in facts.fields.items()}
    lost = not names or any(name not in shapes for name in names)
    if not lost:
        return names if contains_poison(transform) else []
    if contains_poison(transform):
        return list(shapes)
    tries = {name: transform.model_copy(update={"field": name}).resolve(facts.fields) for name in shapes}
    return [name for name, shape in shapes.items() if not isinstance(tries[name].infer(shape), Problem)]


def _shape(facts: FieldFacts) -> Shape:
    """Return a field's shape as the source delivers it, a category with its number of classes."""
    if facts.shape.layout != "category" or facts.classes is None:
        return facts.shape
    return facts.shape._replace(classes=len(facts.classes))


def _targets(transform: Any) -> list[str] | None:
    """Return the fields that a transform changes."""
    if get(transform, "field") is not None:
        return [str(transform.field)]
    several = get(transform, "fields")
    return [name for name in several if isinstance(name, str)] if several else None


def _apply(transform: Transform, path: str, tracks: dict[str, _Track]) -> Iterator[Problem]:
    for name in _targets(transform) or ():
        track = tracks.get(name)
        if track is None or contains_poison(transform):
            continue
        train, evaluation, learned = track.train, track.evaluation, track.learned
        problems: list[Problem] = []
        if transform.on in {"all", "train"} and train is not None:
            if transform.fitted and learned is not None and learned.features != train.features:
                problems.append(_features_differ(transform, learned, train))
            learned = _learned_shape(transform, learned)
            train = _transformed_shape(transform, train, problems)
        if transform.on in {"all", "eval"} and evaluation is not None:
            evaluation = _transformed_shape(transform, evaluation, problems)
        tracks[name] = _Track(train, evaluation, learned, path)
        if problems:
            yield problems[0].with_prefix(path)


def _learned_shape(transform: Transform, shape: Shape | None) -> Shape | None:
    """Return the shape after a transform of what later ones learn from; None if that is not known."""
    if shape is None or not transform.has_apply():
        return shape
    changed = transform.infer(shape)
    return None if isinstance(changed, Problem) else changed


def _features_differ(transform: Transform, learned: Shape, train: Shape) -> Problem:
    """Return that a transform learns one number for each feature, and that features are drawn for each sample."""
    return Problem(
        "DAT337",
        f"`{transform.type_name()}` learns from {learned}, but changes {train}",
        at="type",
        label="features are drawn before it",
        helps=(
            "move it before what makes a vector of the samples",
            "or leave it out: a norm in the model learns too",
        ),
    )


def _transformed_shape(transform: Transform, shape: Shape, problems: list[Problem]) -> Shape | None:
    """Return the shape that a transform makes of `shape`, None if none; add why it does not take or change it."""
    changed = transform.infer(shape)
    if isinstance(changed, Problem):
        problems.append(changed)
        return None
    reason = refusal(transform, list(shape))
    if reason is not None:
        problems.append(transform.refusal_problem(reason))
    return changed


def _merge(tracks: dict[str, _Track]) -> Reports[Shapes]:
    """Return the shape of each field in training and evaluation alike."""
    shapes: Shapes = {}
    for name, track in tracks.items():
        if track.train is None or track.evaluation is None:
            yield Skip(track.changed)
            continue
        merged = common(track.train, track.evaluation)
        if merged is not None:
            shapes[name] = merged
            continue
        sides = [str(track.train), str(track.evaluation)]
        if sides[0] == sides[1]:
            sides = [f"{side} of {side.dtype}" for side in (track.train, track.evaluation)]
        yield Problem(
            "SHP516",
            f"`{name}` is {sides[0]} in training but {sides[1]} in evaluation",
            at=track.changed,
            label="makes the two differ",
            helps=("apply what changes the shape to all samples: `on: all`",),
        )
    return shapes


def common(one: Shape, other: Shape) -> Shape | None:
    """Return the shape that covers both, differing sizes left open; None if features or layout differ."""
    if one == other:
        return one
    same = (one.layout, one.dtype, len(one.dims)) == (other.layout, other.dtype, len(other.dims))
    if same and one.layout in {"tokens", "tags"} and one.classes == other.classes:
        # Lengths vary anyway: the longest stands for them.
        return one._replace(dims=(max(one.dims[0] or 0, other.dims[0] or 0) or None,))
    if not same or (one.layout not in PLACES and one.features != other.features):
        return None
    dims: tuple[Dim, ...] = tuple(a if a == b else None for a, b in zip(one.dims, other.dims, strict=True))
    if one.classes != other.classes:
        return None
    return Shape(one.layout, dims, one.dtype, one.classes)
